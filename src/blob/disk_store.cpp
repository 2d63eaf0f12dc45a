#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <map>
#include <mutex>
#include <set>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/files.hpp"
#include "blob/blob_store.hpp"
#include "blob/digest_set.hpp"
#include "blob/place_file.hpp"

namespace maru::blob {
namespace {

/// The real time to the nanosecond: what the kernel itself writes into a file may lie behind it.
timespec real_time() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return now;
}

std::chrono::nanoseconds nanoseconds(const timespec& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

/// Who holds which objects. Outlives the store, since holds may.
struct HeldObjects {
    std::mutex mutex;  // also over finding an object and touching it, and over removing it
    std::map<std::string, int, std::less<>> counts;

    /// Call with the mutex held.
    static Hold add(const std::shared_ptr<HeldObjects>& all, std::string_view sha256) {
        auto entry = all->counts.try_emplace(std::string(sha256), 0).first;
        ++entry->second;
        return {static_cast<const void*>(&*entry), [all, entry](const void*) {
                    std::lock_guard lock(all->mutex);
                    if (--entry->second == 0) all->counts.erase(entry);
                }};
    }
};

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
        return read_file(*local_file(sha256), bytes_max);
    }

    std::unique_ptr<Reader> open(std::string_view sha256, std::int64_t offset,
                                 std::int64_t size_bytes) const override;

    std::optional<std::filesystem::path> local_file(std::string_view sha256) const override {
        auto file = path(sha256);
        if (::access(file.c_str(), F_OK) != 0) missing(sha256);
        return file;
    }

    void materialize(std::string_view sha256, const std::filesystem::path& target,
                     bool executable) const override {
        place_file(*local_file(sha256), target, executable);
    }

    Hold hold(std::string_view sha256) override {
        auto found = find_and_hold(sha256);
        if (!found) missing(sha256);
        return found;
    }

    Collected collect(const References& references, const CollectOptions& options) override;

    /// Holds an object if it is there; it counts as new from now on.
    Hold find_and_hold(std::string_view sha256) {
        auto file = path(sha256);
        std::lock_guard lock(held_->mutex);
        timespec times[] = {real_time(), real_time()};
        if (::utimensat(AT_FDCWD, file.c_str(), times, 0) != 0) {
            if (errno == ENOENT) return nullptr;
            fail_errno(errno, "cannot touch an object");
        }
        return HeldObjects::add(held_, sha256);
    }

    /// Gives a file that was written and synced its place.
    Hold place(const std::filesystem::path& temporary, std::string_view sha256) {
        std::lock_guard lock(held_->mutex);
        timespec times[] = {real_time(), real_time()};
        if (::utimensat(AT_FDCWD, temporary.c_str(), times, 0) != 0 ||
            ::rename(temporary.c_str(), path(sha256).c_str()) != 0)
            fail_errno(errno, "cannot keep an object");
        return HeldObjects::add(held_, sha256);
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

    struct Collection {
        DigestSet named;
        std::set<std::string, std::less<>> held;  // when it began
        std::chrono::nanoseconds cutoff{};
        bool dry_run = false;
        Collected result;
    };
    void collect_folder(const std::filesystem::path& folder, Collection& collection);

    std::filesystem::path directory_;
    std::shared_ptr<HeldObjects> held_ = std::make_shared<HeldObjects>();
    std::mutex collect_mutex_;
};

Collected DiskStore::collect(const References& references, const CollectOptions& options) {
    std::lock_guard one(collect_mutex_);
    Collection collection;
    collection.dry_run = options.dry_run;
    {
        // An object that was finished before this moment is in `held`, or its row is committed and
        // `references` will name it; one that is finished later is newer than the cutoff.
        std::lock_guard lock(held_->mutex);
        collection.cutoff = nanoseconds(real_time()) - options.grace;
        for (const auto& [sha256, count] : held_->counts) collection.held.insert(sha256);
    }
    references([&](std::string_view sha256) { collection.named.add(sha256); });
    collection.named.finish();
    for (int i = 0; i < 256; ++i) collect_folder(directory_ / fmt::format("{:02x}", i), collection);
    return collection.result;
}

void DiskStore::collect_folder(const std::filesystem::path& folder, Collection& collection) {
    Collected& result = collection.result;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        std::string sha256 = folder.filename().native() + entry.path().filename().native();
        if (!is_sha256_hex(sha256)) continue;  // not ours
        std::lock_guard lock(held_->mutex);
        struct stat status{};
        if (::lstat(entry.path().c_str(), &status) != 0) continue;
        bool stays = collection.named.contains(sha256) ||
                     nanoseconds(status.st_mtim) >= collection.cutoff ||
                     collection.held.contains(sha256) || held_->counts.contains(sha256);
        if (!stays && !collection.dry_run && ::unlink(entry.path().c_str()) != 0)
            fail_errno(errno, fmt::format("cannot remove {}", entry.path().native()));
        (stays ? result.objects_kept : result.objects_removed) += 1;
        (stays ? result.bytes_kept : result.bytes_removed) += status.st_size;
    }
}

class FileReader final : public Reader {
  public:
    FileReader(const std::filesystem::path& file, std::int64_t offset, std::int64_t size_bytes)
        : file_(::open(file.c_str(), O_RDONLY | O_CLOEXEC)), offset_(offset), left_(size_bytes) {
        if (!file_) fail_errno(errno, fmt::format("cannot open {}", file.native()));
    }

    std::string read() override {
        constexpr std::int64_t kPieceBytes = 256 << 10;
        std::string piece(static_cast<std::size_t>(std::min(left_, kPieceBytes)), '\0');
        ssize_t got = 0;
        do got = ::pread(file_.get(), piece.data(), piece.size(), offset_);
        while (got < 0 && errno == EINTR);
        if (got < 0) fail_errno(errno, "cannot read an object");
        if (got == 0 && left_ > 0) fail(ErrorCode::data_loss, "an object ended early");
        piece.resize(static_cast<std::size_t>(got));
        offset_ += got;
        left_ -= got;
        return piece;
    }

  private:
    FileDescriptor file_;
    std::int64_t offset_, left_;
};

std::unique_ptr<Reader> DiskStore::open(std::string_view sha256, std::int64_t offset,
                                        std::int64_t size_bytes) const {
    return std::make_unique<FileReader>(*local_file(sha256), offset, size_bytes);
}

class DiskUpload final : public Upload {
  public:
    explicit DiskUpload(DiskStore& store)
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
        hold_ = store_.find_and_hold(stored.sha256);
        if (hold_) return stored;
        if (::fsync(file_.get()) != 0) fail_errno(errno, "cannot sync an object");
        hold_ = store_.place(temporary_, stored.sha256);
        temporary_.clear();
        sync_directory(store_.path(stored.sha256).parent_path());
        return stored;
    }

  private:
    DiskStore& store_;
    Hold hold_;
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
