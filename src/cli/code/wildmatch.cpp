#include <cctype>
#include <optional>

#include "cli/code/ignore_rules.hpp"

namespace maru::cli {
namespace {

bool in_class(std::string_view name, unsigned char c) {
    if (name == "alnum") return std::isalnum(c);
    if (name == "alpha") return std::isalpha(c);
    if (name == "blank") return c == ' ' || c == '\t';
    if (name == "cntrl") return std::iscntrl(c);
    if (name == "digit") return std::isdigit(c);
    if (name == "graph") return std::isgraph(c);
    if (name == "lower") return std::islower(c);
    if (name == "print") return std::isprint(c);
    if (name == "punct") return std::ispunct(c);
    if (name == "space") return std::isspace(c);
    if (name == "upper") return std::isupper(c);
    if (name == "xdigit") return std::isxdigit(c);
    return false;
}

bool is_class_name(std::string_view name) {
    for (auto known : {"alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print",
                       "punct", "space", "upper", "xdigit"})
        if (name == known) return true;
    return false;
}

struct SetMatch {
    bool matches;
    std::size_t length;  // of the pattern, from '[' to ']'
};

/// Reads a bracket expression; nothing if it is broken, in which case nothing matches the pattern.
std::optional<SetMatch> match_set(std::string_view pattern, unsigned char c) {
    std::size_t at = 1;
    bool negated = at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^');
    if (negated) ++at;
    bool matched = false, first = true;
    std::optional<unsigned char> previous;  // a range may begin with it
    for (;; first = false) {
        if (at >= pattern.size()) return std::nullopt;
        char p = pattern[at];
        if (p == ']' && !first) break;
        if (p == '[' && pattern.substr(at).starts_with("[:")) {
            auto close = pattern.find(']', at + 2);
            if (close == std::string_view::npos) return std::nullopt;
            if (close > at + 2 && pattern[close - 1] == ':') {
                auto name = pattern.substr(at + 2, close - at - 3);
                if (!is_class_name(name)) return std::nullopt;
                matched |= in_class(name, c);
                previous.reset();
                at = close + 1;
                continue;
            }
        }
        if (p == '-' && previous && at + 1 < pattern.size() && pattern[at + 1] != ']') {
            ++at;
            if (pattern[at] == '\\') {
                ++at;
                if (at >= pattern.size()) return std::nullopt;
            }
            auto last = static_cast<unsigned char>(pattern[at]);
            matched |= *previous <= c && c <= last;
            previous.reset();
            ++at;
            continue;
        }
        if (p == '\\') {
            if (++at >= pattern.size()) return std::nullopt;
            p = pattern[at];
        }
        previous = static_cast<unsigned char>(p);
        matched |= *previous == c;
        ++at;
    }
    return SetMatch{matched != negated && c != '/', at + 1};
}

}  // namespace

bool wildmatch(std::string_view pattern, std::string_view text) {
    char before = '/';  // the pattern's character before this one; its start counts as a border
    while (!pattern.empty()) {
        char p = pattern.front();
        if (p == '*') {
            auto stars = pattern.find_first_not_of('*');
            auto rest =
                stars == std::string_view::npos ? std::string_view() : pattern.substr(stars);
            std::size_t count = pattern.size() - rest.size();
            bool crosses = count >= 2 && before == '/' && (rest.empty() || rest.front() == '/');
            if (crosses) {
                if (rest.empty()) return true;
                // "**/" is any number of folders, none included.
                for (auto tail = text;;) {
                    if (wildmatch(rest.substr(1), tail)) return true;
                    auto slash = tail.find('/');
                    if (slash == std::string_view::npos) return false;
                    tail.remove_prefix(slash + 1);
                }
            }
            for (;;) {
                if (wildmatch(rest, text)) return true;
                if (text.empty() || text.front() == '/') return false;
                text.remove_prefix(1);
            }
        }
        if (text.empty()) return false;
        auto c = static_cast<unsigned char>(text.front());
        std::size_t used = 1;
        if (p == '?') {
            if (c == '/') return false;
        } else if (p == '[') {
            auto set = match_set(pattern, c);
            if (!set || !set->matches) return false;
            used = set->length;
        } else {
            if (p == '\\') {
                if (pattern.size() < 2) return false;
                p = pattern[1];
                used = 2;
            }
            if (static_cast<unsigned char>(p) != c) return false;
        }
        before = pattern[used - 1];
        pattern.remove_prefix(used);
        text.remove_prefix(1);
    }
    return text.empty();
}

}  // namespace maru::cli
