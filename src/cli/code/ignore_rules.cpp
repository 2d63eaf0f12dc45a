#include "cli/code/ignore_rules.hpp"

#include <ranges>
#include <utility>

namespace maru::cli {
namespace {

std::string_view without_trailing_spaces(std::string_view line) {
    // Trailing spaces count only where a backslash quotes them.
    std::size_t keep = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\\' && i + 1 < line.size())
            ++i;
        else if (line[i] == ' ')
            continue;
        keep = i + 1;
    }
    return line.substr(0, keep);
}

}  // namespace

IgnorePatterns IgnorePatterns::parse(std::string_view text) {
    IgnorePatterns parsed;
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    while (!text.empty()) {
        auto end = text.find('\n');
        auto line = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
        if (line.ends_with('\r') && end != std::string_view::npos) line.remove_suffix(1);
        if (line.starts_with('#')) continue;
        line = without_trailing_spaces(line);
        Pattern pattern;
        if (line.starts_with('!')) {
            pattern.negated = true;
            line.remove_prefix(1);
        }
        if (line.ends_with('/')) {
            pattern.directories_only = true;
            line.remove_suffix(1);
        }
        if (line.empty()) continue;
        pattern.anchored = line.find('/') != std::string_view::npos;
        if (line.starts_with('/')) line.remove_prefix(1);
        pattern.glob = line;
        parsed.patterns_.push_back(std::move(pattern));
    }
    return parsed;
}

IgnorePatterns::Verdict IgnorePatterns::check(std::string_view path, bool is_directory) const {
    auto slash = path.rfind('/');
    auto name = slash == std::string_view::npos ? path : path.substr(slash + 1);
    for (const auto& pattern : std::views::reverse(patterns_)) {
        if (pattern.directories_only && !is_directory) continue;
        if (wildmatch(pattern.glob, pattern.anchored ? path : name))
            return pattern.negated ? Verdict::included : Verdict::ignored;
    }
    return Verdict::none;
}

IgnoreRules::IgnoreRules(std::shared_ptr<const IgnoreRules> outer, std::string prefix,
                         std::vector<IgnorePatterns> own)
    : outer_(std::move(outer)), prefix_(std::move(prefix)), own_(std::move(own)) {}

bool IgnoreRules::ignored(std::string_view path, bool is_directory) const {
    for (const auto& patterns : std::views::reverse(own_)) {
        auto verdict = patterns.check(path, is_directory);
        if (verdict != IgnorePatterns::Verdict::none)
            return verdict == IgnorePatterns::Verdict::ignored;
    }
    if (!outer_) return false;
    std::string outer_path =
        prefix_.empty() ? std::string(path) : prefix_ + "/" + std::string(path);
    return outer_->ignored(outer_path, is_directory);
}

}  // namespace maru::cli
