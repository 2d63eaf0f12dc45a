#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace maru::blob {

/// Keeps files of objects that are elsewhere, for those who need files: each is fetched once,
/// however many ask, and the least recently used go when all are larger than `bytes_max` together.
///
/// Files have their place only when they are whole, checked against their digest and synced, so
/// that a crash leaves no broken one. Files in use stay. Threads: any. Tested in
/// local_cache_test.cpp.
class LocalCache {
  public:
    /// Throws permission_denied if the folder can't be written.
    LocalCache(std::filesystem::path directory, std::int64_t bytes_max);

    using Write = std::function<void(std::string_view bytes)>;
    /// Calls `use` with the object's file, which `fetch` hands over piece by piece if it is not
    /// there. The file may be gone once `use` has returned. Throws data_loss if what was fetched
    /// has another digest.
    void with_file(std::string_view sha256, const std::function<void(const Write&)>& fetch,
                   const std::function<void(const std::filesystem::path&)>& use);
    std::int64_t size_bytes() const;

  private:
    struct Entry {
        std::int64_t size_bytes = 0;
        std::int64_t used = 0;  // order of use
        int users = 0;
        bool whole = false;
    };
    using Entries = std::map<std::string, Entry, std::less<>>;

    std::filesystem::path path(std::string_view sha256) const;
    void take_up();
    std::int64_t fetch_file(std::string_view sha256,
                            const std::function<void(const Write&)>& fetch);
    void evict();  // with the mutex held

    const std::filesystem::path directory_;
    const std::int64_t bytes_max_;
    mutable std::mutex mutex_;
    std::condition_variable fetched_;
    Entries entries_;
    std::int64_t size_bytes_ = 0, uses_ = 0;
};

}  // namespace maru::blob
