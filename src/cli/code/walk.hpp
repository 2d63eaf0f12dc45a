#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace maru::cli {

/// A file that will travel, as it was when the walk met it.
struct LocalFile {
    std::string path;  // below the root, '/' separated
    std::int64_t size_bytes = 0;
    std::int64_t modified_ns = 0, changed_ns = 0;
    std::uint64_t inode = 0;
    bool executable = false;
};

struct CodeTree {
    std::filesystem::path root;
    std::vector<LocalFile> files;       // by path
    std::vector<std::string> left_out;  // what can't travel, each with the reason
    std::int64_t size_bytes = 0;
};

struct WalkOptions {
    std::size_t files_max = 100'000;
    std::int64_t bytes_max = std::int64_t{4} << 30;
    /// Folders that never travel, wherever they are: those that hold the user's token.
    std::vector<std::filesystem::path> never;
};

/// Lists the files below `root` that .gitignore and .maruignore files let through; never what is in
/// .git.
///
/// The .gitignore files above `root`, up to its repository's, and the repository's info/exclude
/// count too, unless they ignore `root` itself. A symbolic link to a file travels as that file; one
/// to a folder, and sockets, pipes and devices are left out. Throws resource_exhausted past
/// files_max or bytes_max.
CodeTree walk_code(const std::filesystem::path& root, const WalkOptions& options = {});

}  // namespace maru::cli
