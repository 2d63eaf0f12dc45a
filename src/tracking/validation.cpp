#include "tracking/validation.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/text.hpp"

namespace maru::tracking {
namespace {

std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

bool allowed_in_key(char c) {
    auto byte = static_cast<unsigned char>(c);
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || byte >= 0x80 ||
           std::string_view("/_.- :").find(c) != std::string_view::npos;
}

/// A path as Python's posixpath.normpath makes it.
std::string normal_path(std::string_view path) {
    std::string_view root = path.starts_with("//") && !path.starts_with("///") ? "//"
                            : path.starts_with('/')                            ? "/"
                                                                               : "";
    std::vector<std::string_view> parts;
    for (auto part : split(path, '/')) {
        if (part.empty() || part == ".") continue;
        if (part != ".." || (root.empty() && parts.empty()) ||
            (!parts.empty() && parts.back() == ".."))
            parts.push_back(part);
        else if (!parts.empty())
            parts.pop_back();
    }
    std::string result = fmt::format("{}{}", root, fmt::join(parts, "/"));
    return result.empty() ? "." : result;
}

/// True for a name that as a file's path would be another name.
bool is_other_path(std::string_view name, std::string_view normal) {
    return normal != name || normal == "." || normal.starts_with("..") || normal.starts_with('/');
}

}  // namespace

std::string shown_text(std::string_view text) {
    std::string quoted = json_string(text);
    std::string shown;
    for (std::size_t i = 0; i < quoted.size(); ++i) {
        auto byte = static_cast<unsigned char>(quoted[i]);
        if (byte < 0x80) {
            shown += quoted[i];
            continue;
        }
        // json_string writes valid UTF-8 only.
        std::size_t more = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
        std::uint32_t point = byte & (0x3fU >> more);
        for (std::size_t k = 0; k < more; ++k)
            point = point << 6 | (static_cast<unsigned char>(quoted[++i]) & 0x3fU);
        if (point >= 0x10000) {
            fmt::format_to(std::back_inserter(shown), "\\u{:04x}",
                           0xd800 + ((point - 0x10000) >> 10));
            point = 0xdc00 + ((point - 0x10000) & 0x3ff);
        }
        fmt::format_to(std::back_inserter(shown), "\\u{:04x}", point);
    }
    return shown;
}

void fail_value(std::string_view path, std::string_view value, std::string_view message) {
    fail(ErrorCode::invalid_argument, "Invalid value {} for parameter '{}' supplied: {}",
         shown_text(value), path, message);
}

void check_key(std::string_view key, std::string_view path) {
    if (!is_utf8(key) || !std::all_of(key.begin(), key.end(), allowed_in_key))
        fail_value(
            path, key,
            "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), "
            "spaces ( ), colon(:) and slashes (/).");
    std::string normal = normal_path(key);
    if (is_other_path(key, normal))
        fail_value(path, key,
                   fmt::format("Names may be treated as files in certain cases, and must not "
                               "resolve to other names when treated as such. This name would "
                               "resolve to '{}'",
                               normal));
}

void check_length(std::string_view text, std::size_t characters_max, std::string_view what) {
    if (text.size() > characters_max && characters(text) > characters_max)
        fail(ErrorCode::invalid_argument, "'{}' exceeds the maximum length of {} characters", what,
             characters_max);
    if (!is_utf8(text) || text.find('\0') != std::string_view::npos)
        fail(ErrorCode::invalid_argument, "'{}' must be UTF-8 text without NUL", what);
}

std::string shortened(std::string text, std::size_t characters_max) {
    if (text.size() <= characters_max || characters(text) <= characters_max) return text;
    std::size_t count = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        bool starts = (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80;
        if (starts && ++count > characters_max) return text.substr(0, i);
    }
    return text;
}

void check_parameter(std::string_view key, std::string_view value, std::string_view path) {
    check_key(key, path);
    check_length(key, kKeyLengthMax, "Param key");
    check_length(value, kParameterLengthMax, "Param value");
}

void check_tag(std::string_view key, std::string_view value, std::string_view path,
               std::size_t value_max) {
    check_key(key, path);
    check_length(key, kKeyLengthMax, path);
    std::string value_path(path);
    if (value_path.ends_with("key")) value_path.replace(value_path.size() - 3, 3, "value");
    check_length(value, value_max, value_path);
}

void check_experiment_name(std::string_view name) {
    if (name.empty()) fail(ErrorCode::invalid_argument, "Invalid experiment name: ''");
    check_length(name, 500, "name");
}

void check_points_max(std::int64_t points_max) {
    if (points_max < 4 || points_max > 100'000)
        fail_field("points", fmt::format("must be from 4 to 100000, got {}", points_max));
}

void check_artifact_path(std::string_view path) {
    try {
        check_relative_path("path", path);
        // Encoded once more it must not be another path either, for whoever decodes it.
        for (std::string decoded(path); decoded.find('%') != std::string::npos;) {
            std::string next = percent_decode(decoded);
            if (next == decoded) break;
            check_relative_path("path", next);
            decoded = std::move(next);
        }
    } catch (const Error&) {
        fail(ErrorCode::invalid_argument, "Invalid path");
    }
}

}  // namespace maru::tracking
