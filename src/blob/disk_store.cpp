#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/files.hpp"
#include "blob/blob_store.hpp"

namespace maru::blob {
namespace {

/// Objects are DIR/ab/cdef... ; what is being written is DIR/uploads/RANDOM. Folders 00 to ff exist
/// from the start, so that a new object costs one sync of its own folder.
class DiskStore final : public BlobStore {
  public:
    explicit DiskStore(std::filesystem::path directory) : directory_(std::move(directory)) {
        std::error_code error;
        // Uploads that a crash left: nobody waits for them.
        std::filesystem::remove_all(uploads(), error);
        std::filesystem::create_directories(uploads(), error);
        for (int i = 0; !error && i < 256; ++i)
            std::filesystem::create_directory(directory_ / fmt::format("{:02x}", i), error);
        if (error || ::access(uploads().c_str(), W_OK) != 0)
            fail(ErrorCode::permission_denied, "cannot write to {}: {}", directory_.native(),
                 error ? error.message() : "permission denied");
        sync_directory(directory_);
    }

    std::unique_ptr<Upload> upload() override;

    bool contains(std::string_view sha256) const override {
        return ::access(path(sha256).c_str(), F_OK) == 0;
    }

    std::int64_t size_bytes(std::string_view sha256) const override {
        struct stat status{};
        if (::stat(path(sha256).c_str(), &status) != 0) missing(sha256);
        return status.st_size;
    }

    std::string get(std::string_view sha256, std::size_t bytes_max) const override {
        return read_file(local_file(sha256), bytes_max);
    }

    std::filesystem::path local_file(std::string_view sha256) const override {
        auto file = path(sha256);
        if (::access(file.c_str(), F_OK) != 0) missing(sha256);
        return file;
    }

    void materialize(std::string_view sha256, const std::filesystem::path& target,
                     bool executable) const override {
        auto source = local_file(sha256);
        // An executable file needs other permissions than the object: a copy. So does a file for
        // workloads that run as our own user: they could make the object itself writable.
        bool shared = !executable && ::geteuid() == 0;
        if (shared && ::link(source.c_str(), target.c_str()) == 0) return;
        std::error_code error;
        std::filesystem::copy_file(source, target, error);
        if (error) fail_errno(error.value(), fmt::format("cannot write {}", target.native()));
        ::chmod(target.c_str(), executable ? 0555 : 0444);
    }

    std::filesystem::path path(std::string_view sha256) const {
        if (!is_sha256_hex(sha256))
            fail(ErrorCode::invalid_argument,
                 "\"{}\" is not a SHA-256 digest; expected 64 hex digits", sha256);
        return directory_ / sha256.substr(0, 2) / sha256.substr(2);
    }
    std::filesystem::path uploads() const { return directory_ / "uploads"; }

  private:
    [[noreturn]] static void missing(std::string_view sha256) {
        fail(ErrorCode::not_found, "the object {} does not exist", sha256);
    }

    std::filesystem::path directory_;
};

class DiskUpload final : public Upload {
  public:
    explicit DiskUpload(const DiskStore& store)
        : store_(store), temporary_(store.uploads() / to_hex(random_bytes(16))) {
        file_.reset(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444));
        if (!file_) fail_errno(errno, fmt::format("cannot create {}", temporary_.native()));
    }
    ~DiskUpload() override {
        if (!temporary_.empty()) ::unlink(temporary_.c_str());
    }

    void write(std::string_view bytes) override {
        write_all(file_.get(), bytes);
        digest_.update(bytes);
        size_bytes_ += static_cast<std::int64_t>(bytes.size());
    }

    Stored finish(std::optional<std::string_view> expected_sha256) override {
        Stored stored{digest_.hex(), size_bytes_};
        if (expected_sha256 && *expected_sha256 != stored.sha256)
            fail(ErrorCode::data_loss,
                 "the {} bytes received have the digest {}, not {}: send them again", size_bytes_,
                 stored.sha256, *expected_sha256);
        if (store_.contains(stored.sha256)) return stored;
        auto target = store_.path(stored.sha256);
        if (::fsync(file_.get()) != 0) fail_errno(errno, "cannot sync an object");
        if (::rename(temporary_.c_str(), target.c_str()) != 0)
            fail_errno(errno, "cannot keep an object");
        temporary_.clear();
        sync_directory(target.parent_path());
        return stored;
    }

  private:
    const DiskStore& store_;
    std::filesystem::path temporary_;
    FileDescriptor file_;
    Sha256 digest_;
    std::int64_t size_bytes_ = 0;
};

std::unique_ptr<Upload> DiskStore::upload() {
    return std::make_unique<DiskUpload>(*this);
}

}  // namespace

std::unique_ptr<BlobStore> open_disk_store(const std::filesystem::path& directory) {
    return std::make_unique<DiskStore>(directory);
}

}  // namespace maru::blob
