#include "server/blobs.hpp"

#include <boost/describe/class.hpp>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/id.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "blob/s3_store.hpp"

namespace maru::server {
namespace {

constexpr std::string_view kDisk = "disk";

/// Where this data directory's objects are, as DIR/blob-store.json says.
struct Place {
    std::string id;     // of the data directory: marks what is its own in a shared bucket
    std::string blobs;  // as in --blobs; empty until the store was opened once
};
BOOST_DESCRIBE_STRUCT(Place, (), (id, blobs))

bool has_objects_on_disk(const std::filesystem::path& blobs) {
    std::error_code error;
    for (const auto& folder : std::filesystem::directory_iterator(blobs, error))
        if (folder.path().filename().native().size() == 2 &&
            !std::filesystem::is_empty(folder.path(), error))
            return true;
    return false;
}

Place read_place(const std::filesystem::path& file, const std::filesystem::path& blobs) {
    if (std::filesystem::exists(file)) return from_json<Place>(read_file(file));
    return {new_id(), has_objects_on_disk(blobs) ? std::string(kDisk) : ""};
}

void check_place(const Place& place, const Options& options, const std::filesystem::path& blobs) {
    if (place.blobs.empty() || place.blobs == options.blobs || options.blobs_moved) return;
    auto said = [&](const std::string& where) {
        return where == kDisk ? "on disk, in " + blobs.native() : "in " + where;
    };
    fail(ErrorCode::failed_precondition,
         "this data directory's objects are {}, but --blobs says {}. Start with --blobs {}; or "
         "copy them all over while no server runs, and start once with --blobs-moved "
         "(docs/operations.md, \"Artifacts in S3\")",
         said(place.blobs), options.blobs, place.blobs);
}

}  // namespace

std::unique_ptr<blob::BlobStore> open_blobs(const Options& options,
                                            const std::filesystem::path& directory) {
    auto file = directory / "blob-store.json", on_disk = directory / "blobs";
    Place place = read_place(file, on_disk);
    check_place(place, options, on_disk);
    auto note = [&] { write_file_atomically(file, to_json(place) + "\n", 0600); };
    std::unique_ptr<blob::BlobStore> store;
    if (options.blobs == kDisk) {
        store = blob::open_disk_store(on_disk);
    } else {
        // The store keeps the id: it must not be made anew after a crash.
        note();
        blob::S3Options s3 = options.s3;
        s3.owner = place.id;
        s3.cache_directory = directory / "blob-cache";
        store = blob::open_s3_store(s3);
        log::info("objects are kept in {} at {}", options.blobs, s3.endpoint);
    }
    if (place.blobs != options.blobs) {
        place.blobs = options.blobs;
        note();
    }
    return store;
}

}  // namespace maru::server
