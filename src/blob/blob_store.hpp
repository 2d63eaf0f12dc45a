#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace maru::blob {

struct Stored {
    std::string sha256;
    std::int64_t size_bytes = 0;
};

/// Keeps an object from collection while it lives. Whoever writes a row that names an object holds
/// it from before he knows that it is there until after the row is committed.
using Hold = std::shared_ptr<const void>;

/// Hands every digest that a row names to its argument.
using VisitDigest = std::function<void(std::string_view sha256)>;
using References = std::function<void(const VisitDigest& visit)>;

struct CollectOptions {
    /// Objects that were written or found again within this time before the collection stay.
    std::chrono::milliseconds grace = std::chrono::hours(1);
    bool dry_run = false;  // only counts
};

struct Collected {
    std::int64_t objects_removed = 0, bytes_removed = 0;
    std::int64_t objects_kept = 0, bytes_kept = 0;
};

/// Receives one object piece by piece; a crash or `~Upload` before `finish` leaves nothing. Holds
/// the object from `finish` on: commit the row that names it before the upload goes.
class Upload {
  public:
    virtual ~Upload() = default;
    virtual void write(std::string_view bytes) = 0;
    /// Makes the object durable under its digest. With `expected_sha256`, throws data_loss and
    /// keeps nothing if the bytes differ. An object that is there already is kept as it is.
    virtual Stored finish(std::optional<std::string_view> expected_sha256 = std::nullopt) = 0;
};

/// Reads a part of one object, piece by piece, so that little of it is in memory.
class Reader {
  public:
    virtual ~Reader() = default;
    /// The next piece, empty at the end. Throws where the bytes can't be had.
    virtual std::string read() = 0;
};

/// Objects named by the SHA-256 of their bytes, immutable. Threads: any.
///
/// Throws unavailable where the store is elsewhere and does not answer.
class BlobStore {
  public:
    virtual ~BlobStore() = default;
    virtual std::unique_ptr<Upload> upload() = 0;
    virtual bool contains(std::string_view sha256) const = 0;
    /// Throws not_found.
    virtual std::int64_t size_bytes(std::string_view sha256) const = 0;
    /// Whole object; for small ones. Throws not_found, or resource_exhausted over `bytes_max`.
    virtual std::string get(std::string_view sha256, std::size_t bytes_max = 64u << 20) const = 0;
    /// `size_bytes` bytes from `offset` on, which must be within the object. Throws not_found, here
    /// or at the first `read`.
    virtual std::unique_ptr<Reader> open(std::string_view sha256, std::int64_t offset,
                                         std::int64_t size_bytes) const = 0;
    /// The object's own file, read-only, if the store keeps files on this machine; throws
    /// not_found.
    virtual std::optional<std::filesystem::path> local_file(std::string_view sha256) const = 0;
    /// Puts the object at `target` as a read-only file (a hard link where possible, else a copy);
    /// its folder must exist, the file must not.
    virtual void materialize(std::string_view sha256, const std::filesystem::path& target,
                             bool executable) const = 0;

    /// Throws not_found.
    virtual Hold hold(std::string_view sha256) = 0;
    /// Removes the objects that `references` does not name, unless they are held or younger than
    /// the grace. Safe beside uploads and holds: what is finished or held before its row is
    /// committed stays, whenever that is. What `references` throws is thrown, and nothing is
    /// removed. One at a time. Tested in collection_test.cpp.
    virtual Collected collect(const References& references, const CollectOptions& options) = 0;

    Stored put(std::string_view bytes) {
        auto started = upload();
        started->write(bytes);
        return started->finish();
    }
};

/// Objects as files DIR/ab/cdef... . Throws at once if the folder can't be written.
std::unique_ptr<BlobStore> open_disk_store(const std::filesystem::path& directory);

}  // namespace maru::blob
