#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace maru::cli {

/// One file's worth of patterns, as gitignore(5) defines them.
class IgnorePatterns {
  public:
    /// Parses a .gitignore's text. Never fails: as in git, any line is some pattern.
    static IgnorePatterns parse(std::string_view text);

    enum class Verdict { none, ignored, included };
    /// What the last matching pattern says of `path`, relative to the file's folder, '/' separated.
    Verdict check(std::string_view path, bool is_directory) const;
    bool empty() const { return patterns_.empty(); }

  private:
    struct Pattern {
        std::string glob;
        bool negated = false;
        bool directories_only = false;
        bool anchored = false;  // against the whole path, not the last name alone
    };
    std::vector<Pattern> patterns_;
};

/// The patterns that hold in one folder: its own files' and those of the folders above.
///
/// A path inside an ignored folder is ignored whatever deeper patterns say, so a walk must not
/// enter one. Threads: any, immutable. Example: ignore_rules_test.cpp, which compares with `git
/// check-ignore`.
class IgnoreRules {
  public:
    /// Rules of a folder inside `outer` (null for the outermost); `prefix` is its path in there
    /// ("a/b"). Later entries of `own` win over earlier ones.
    IgnoreRules(std::shared_ptr<const IgnoreRules> outer, std::string prefix,
                std::vector<IgnorePatterns> own);

    /// Whether an entry of this folder, given by its name or its path below it, is ignored.
    bool ignored(std::string_view path, bool is_directory) const;

  private:
    std::shared_ptr<const IgnoreRules> outer_;
    std::string prefix_;
    std::vector<IgnorePatterns> own_;
};

/// Matches as git's wildmatch with WM_PATHNAME: '*', '?' and [...] stop at '/', "**" between
/// slashes does not.
bool wildmatch(std::string_view pattern, std::string_view text);

}  // namespace maru::cli
