#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "cli/code/walk.hpp"

namespace maru::cli {

struct FileDigest {
    std::string sha256;
    std::int64_t size_bytes = 0;
};

/// Digest and size of a file's content, read in one go. Throws not_found if there is none.
FileDigest hash_file(const std::filesystem::path& path);

/// Remembers files' SHA-256 between runs, so that an unchanged tree is not read again.
///
/// A file counts as unchanged while path, size, inode and both times are. What was modified within
/// the last seconds before it was hashed is not remembered: it could change again without its times
/// showing it. Lifetime: one per tree. Threads: one. Errors: none; a cache that can't be read or
/// written is as good as none.
class HashCache {
  public:
    /// Reads the cache of the tree at `root` from `folder`; remembers nothing if `folder` is empty.
    HashCache(const std::filesystem::path& folder, const std::filesystem::path& root);

    /// The file's digest, read from disk unless it is known. Throws not_found if it has
    /// disappeared.
    FileDigest digest(const std::filesystem::path& root, const LocalFile& file);
    /// Forgets a file that turned out to differ.
    void forget(const LocalFile& file);
    /// Writes what is known back.
    void save() const;

  private:
    struct Entry {
        std::string sha256;
        std::int64_t size_bytes = 0, modified_ns = 0, changed_ns = 0;
        std::uint64_t inode = 0;
    };
    std::filesystem::path file_;
    std::map<std::string, Entry, std::less<>> known_, used_;
    bool changed_ = false;
};

}  // namespace maru::cli
