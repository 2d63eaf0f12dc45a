#include "blob/local_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/files.hpp"

namespace maru::blob {

// Files are DIR/objects/DIGEST; what is being fetched is DIR/fetching/RANDOM.
LocalCache::LocalCache(std::filesystem::path directory, std::int64_t bytes_max)
    : directory_(std::move(directory)), bytes_max_(bytes_max) {
    std::error_code error;
    std::filesystem::remove_all(directory_ / "fetching", error);  // what a crash left
    std::filesystem::create_directories(directory_ / "fetching", error);
    if (!error) std::filesystem::create_directories(directory_ / "objects", error);
    if (error || ::access((directory_ / "objects").c_str(), W_OK) != 0)
        fail(ErrorCode::permission_denied, "cannot write to {}: {}", directory_.native(),
             error ? error.message() : "permission denied");
    take_up();
}

std::filesystem::path LocalCache::path(std::string_view sha256) const {
    return directory_ / "objects" / sha256;
}

void LocalCache::take_up() {
    struct Found {
        std::string sha256;
        std::int64_t size_bytes;
        timespec used;
    };
    std::vector<Found> all;
    for (const auto& file : std::filesystem::directory_iterator(directory_ / "objects")) {
        struct stat status{};
        auto name = file.path().filename().native();
        if (is_sha256_hex(name) && ::lstat(file.path().c_str(), &status) == 0)
            all.push_back({name, status.st_size, status.st_mtim});
    }
    std::ranges::sort(all, {}, [](const Found& found) {
        return std::pair(found.used.tv_sec, found.used.tv_nsec);
    });
    std::lock_guard lock(mutex_);
    for (auto& found : all) {
        entries_[found.sha256] = {found.size_bytes, ++uses_, 0, true};
        size_bytes_ += found.size_bytes;
    }
    evict();
}

std::int64_t LocalCache::size_bytes() const {
    std::lock_guard lock(mutex_);
    return size_bytes_;
}

void LocalCache::with_file(std::string_view sha256, const std::function<void(const Write&)>& fetch,
                           const std::function<void(const std::filesystem::path&)>& use) {
    std::unique_lock lock(mutex_);
    auto place = entries_.try_emplace(std::string(sha256)).first;
    bool mine = place->second.users++ == 0 && !place->second.whole;
    auto leave = [&] {
        if (--place->second.users == 0 && !place->second.whole) entries_.erase(place);
        evict();
    };
    while (!place->second.whole) {
        if (!mine) {
            // Whoever fetches it may fail: then the next who waits tries.
            fetched_.wait(lock);
            mine = !place->second.whole && place->second.used == -1;
            if (mine) place->second.used = 0;
            continue;
        }
        lock.unlock();
        std::int64_t size_bytes = 0;
        try {
            size_bytes = fetch_file(sha256, fetch);
        } catch (...) {
            lock.lock();
            place->second.used = -1;
            leave();
            fetched_.notify_all();
            throw;
        }
        lock.lock();
        place->second.size_bytes = size_bytes;
        place->second.whole = true;
        size_bytes_ += size_bytes;
        fetched_.notify_all();
    }
    place->second.used = ++uses_;
    // The order of use, for the next start.
    ::utimensat(AT_FDCWD, path(sha256).c_str(), nullptr, 0);
    lock.unlock();
    try {
        use(path(sha256));
    } catch (...) {
        lock.lock();
        leave();
        throw;
    }
    lock.lock();
    leave();
}

std::int64_t LocalCache::fetch_file(std::string_view sha256,
                                    const std::function<void(const Write&)>& fetch) {
    auto temporary = directory_ / "fetching" / to_hex(random_bytes(16));
    struct Removal {
        const std::filesystem::path& file;
        ~Removal() { ::unlink(file.c_str()); }
    } removal{temporary};
    FileDescriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444));
    if (!file) fail_errno(errno, fmt::format("cannot create {}", temporary.native()));
    Sha256 digest;
    std::int64_t size_bytes = 0;
    fetch([&](std::string_view bytes) {
        write_all(file.get(), bytes);
        digest.update(bytes);
        size_bytes += static_cast<std::int64_t>(bytes.size());
    });
    if (auto hex = digest.hex(); hex != sha256)
        fail(ErrorCode::data_loss, "the object {} came with the digest {}", sha256, hex);
    if (::fsync(file.get()) != 0) fail_errno(errno, "cannot sync a cached object");
    if (::rename(temporary.c_str(), path(sha256).c_str()) != 0)
        fail_errno(errno, "cannot keep a cached object");
    return size_bytes;
}

void LocalCache::evict() {
    while (size_bytes_ > bytes_max_) {
        auto oldest = entries_.end();
        for (auto entry = entries_.begin(); entry != entries_.end(); ++entry)
            if (entry->second.whole && entry->second.users == 0 &&
                (oldest == entries_.end() || entry->second.used < oldest->second.used))
                oldest = entry;
        if (oldest == entries_.end()) return;
        ::unlink(path(oldest->first).c_str());
        size_bytes_ -= oldest->second.size_bytes;
        entries_.erase(oldest);
    }
}

}  // namespace maru::blob
