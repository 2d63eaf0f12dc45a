#pragma once

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

/// Receives one object piece by piece; a crash or `~Upload` before `finish` leaves nothing.
class Upload {
  public:
    virtual ~Upload() = default;
    virtual void write(std::string_view bytes) = 0;
    /// Makes the object durable under its digest. With `expected_sha256`, throws data_loss and
    /// keeps nothing if the bytes differ. An object that is there already is kept as it is.
    virtual Stored finish(std::optional<std::string_view> expected_sha256 = std::nullopt) = 0;
};

/// Objects named by the SHA-256 of their bytes, immutable. Threads: any.
class BlobStore {
  public:
    virtual ~BlobStore() = default;
    virtual std::unique_ptr<Upload> upload() = 0;
    virtual bool contains(std::string_view sha256) const = 0;
    /// Throws not_found.
    virtual std::int64_t size_bytes(std::string_view sha256) const = 0;
    /// Whole object; for small ones. Throws not_found, or resource_exhausted over `bytes_max`.
    virtual std::string get(std::string_view sha256, std::size_t bytes_max = 64u << 20) const = 0;
    /// A read-only local file with the object's bytes, to stream or to link from; throws not_found.
    virtual std::filesystem::path local_file(std::string_view sha256) const = 0;
    /// Puts the object at `target` as a read-only file (a hard link where possible, else a copy);
    /// its folder must exist, the file must not.
    virtual void materialize(std::string_view sha256, const std::filesystem::path& target,
                             bool executable) const = 0;

    Stored put(std::string_view bytes) {
        auto started = upload();
        started->write(bytes);
        return started->finish();
    }
};

/// Objects as files DIR/ab/cdef... . Throws at once if the folder can't be written.
std::unique_ptr<BlobStore> open_disk_store(const std::filesystem::path& directory);

}  // namespace maru::blob
