#include "cli/code/walk.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "cli/code/ignore_rules.hpp"

namespace maru::cli {
namespace {

namespace fs = std::filesystem;

std::optional<IgnorePatterns> read_patterns(const fs::path& path) {
    try {
        auto patterns = IgnorePatterns::parse(read_file(path, 4 << 20));
        if (!patterns.empty()) return patterns;
    } catch (const Error& error) {
        if (error.code() != ErrorCode::not_found) throw;
    }
    return std::nullopt;
}

std::vector<IgnorePatterns> patterns_in(const fs::path& folder) {
    std::vector<IgnorePatterns> own;
    for (auto name : {".gitignore", ".maruignore"}) {
        std::error_code ignored;
        if (!fs::is_regular_file(folder / name, ignored)) continue;
        if (auto patterns = read_patterns(folder / name)) own.push_back(std::move(*patterns));
    }
    return own;
}

/// The rules from the repository's root down to the folder above `root`; null outside of a
/// repository, or where they ignore `root` itself: who runs in an ignored folder wants its files.
struct Surroundings {
    std::shared_ptr<const IgnoreRules> rules;
    std::string prefix;
};

Surroundings rules_above(const fs::path& root) {
    std::error_code error;
    fs::path repository = root;
    while (!fs::exists(repository / ".git", error)) {
        if (!repository.has_relative_path()) return {};
        repository = repository.parent_path();
    }
    std::vector<IgnorePatterns> outermost;
    if (auto exclude = read_patterns(repository / ".git" / "info" / "exclude"))
        outermost.push_back(std::move(*exclude));
    if (repository == root) {
        if (outermost.empty()) return {};
        // info/exclude is weaker than any .gitignore, the root's own included.
        return {std::make_shared<IgnoreRules>(nullptr, "", std::move(outermost)), ""};
    }
    for (auto& patterns : patterns_in(repository)) outermost.push_back(std::move(patterns));
    auto rules = std::make_shared<const IgnoreRules>(nullptr, "", std::move(outermost));
    std::string prefix;
    fs::path folder = repository;
    for (const auto& part : root.lexically_relative(repository)) {
        auto name = (prefix.empty() ? "" : prefix + "/") + part.string();
        if (rules->ignored(name, true)) return {};
        folder /= part;
        prefix = name;
        if (folder == root) break;
        rules = std::make_shared<const IgnoreRules>(rules, prefix, patterns_in(folder));
        prefix.clear();
    }
    return {rules, prefix};
}

using Entries = std::vector<std::pair<std::string, struct stat>>;

/// A server's data directory holds the administrator's token and everybody's work; nobody means to
/// send it.
bool is_server_data(const Entries& entries) {
    int found = 0;
    for (const auto& [name, status] : entries)
        found += name == "maru.db" || name == "keys" || name == "blobs";
    return found == 3;
}

class Walk {
  public:
    Walk(CodeTree& tree, const WalkOptions& options)
        : tree_(tree), options_(options), real_root_(fs::canonical(tree.root)) {}

    void folder(const fs::path& path, const std::string& prefix,
                const std::shared_ptr<const IgnoreRules>& rules) {
        std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(path.c_str()), &::closedir);
        if (!stream) fail_errno(errno, "cannot read the folder " + path.string());
        Entries entries;
        while (dirent* entry = ::readdir(stream.get())) {
            std::string name = entry->d_name;
            if (name == "." || name == ".." || name == ".git") continue;
            struct stat status{};
            if (::fstatat(::dirfd(stream.get()), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
                if (errno == ENOENT) continue;
                fail_errno(errno, "cannot read " + (path / name).string());
            }
            // git matches folder patterns against real folders only, not against links to them.
            if (rules->ignored(name, S_ISDIR(status.st_mode))) continue;
            if (S_ISLNK(status.st_mode) && !follow(path / name, prefix + name, status)) continue;
            entries.emplace_back(std::move(name), status);
        }
        stream.reset();
        if (is_server_data(entries)) {
            tree_.left_out.push_back((prefix.empty() ? "." : prefix) +
                                     ": the data of a maru server");
            return;
        }
        for (const auto& [name, status] : entries) {
            if (S_ISDIR(status.st_mode)) {
                if (std::ranges::find(options_.never, path / name) != options_.never.end())
                    continue;
                auto inner =
                    std::make_shared<const IgnoreRules>(rules, name, patterns_in(path / name));
                folder(path / name, prefix + name + "/", inner);
            } else {
                add(prefix + name, status);
            }
        }
    }

  private:
    bool follow(const fs::path& path, const std::string& shown, struct stat& status) {
        if (::stat(path.c_str(), &status) != 0) {
            tree_.left_out.push_back(shown + ": a symbolic link to nothing");
            return false;
        }
        if (S_ISDIR(status.st_mode)) {
            tree_.left_out.push_back(shown + ": a symbolic link to a folder");
            return false;
        }
        // Whoever wrote the tree must not choose which of its user's other files are sent.
        std::error_code error;
        auto inside = fs::canonical(path, error).lexically_relative(real_root_);
        if (error || inside.empty() || *inside.begin() == "..") {
            tree_.left_out.push_back(shown + ": a symbolic link to a file outside");
            return false;
        }
        return true;
    }

    void add(const std::string& path, const struct stat& status) {
        if (!S_ISREG(status.st_mode)) {
            tree_.left_out.push_back(path + ": a socket, pipe or device");
            return;
        }
        try {
            check_relative_path("path", path);
        } catch (const Error&) {
            tree_.left_out.push_back(path + ": its name is not UTF-8, or has a backslash");
            return;
        }
        tree_.files.push_back(
            {.path = path,
             .size_bytes = status.st_size,
             .modified_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec,
             .changed_ns = status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec,
             .inode = status.st_ino,
             .executable = (status.st_mode & S_IXUSR) != 0});
        tree_.size_bytes += status.st_size;
        if (tree_.files.size() > options_.files_max || tree_.size_bytes > options_.bytes_max)
            fail(ErrorCode::resource_exhausted,
                 "{} holds more than {}; leave out what the command does not need with a "
                 ".maruignore "
                 "file, or run with --no-code",
                 tree_.root.string(),
                 tree_.files.size() > options_.files_max
                     ? fmt::format("{} files", options_.files_max)
                     : format_bytes(options_.bytes_max));
    }

    CodeTree& tree_;
    const WalkOptions& options_;
    const fs::path real_root_;
};

}  // namespace

CodeTree walk_code(const fs::path& root, const WalkOptions& options) {
    CodeTree tree;
    tree.root = fs::canonical(root);
    auto above = rules_above(tree.root);
    auto rules =
        std::make_shared<const IgnoreRules>(above.rules, above.prefix, patterns_in(tree.root));
    Walk(tree, options).folder(tree.root, "", rules);
    std::ranges::sort(tree.files, {}, &LocalFile::path);
    return tree;
}

}  // namespace maru::cli
