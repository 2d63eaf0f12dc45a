#include "tracking/validation.hpp"

#include <algorithm>

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

}  // namespace

void fail_value(std::string_view path, std::string_view value, std::string_view message) {
    fail(ErrorCode::invalid_argument, "Invalid value {} for parameter '{}' supplied: {}",
         json_string(value), path, message);
}

void check_key(std::string_view key, std::string_view path) {
    if (key.empty()) fail_value(path, key, "A key name must be provided.");
    if (!is_utf8(key) || !std::all_of(key.begin(), key.end(), allowed_in_key))
        fail_value(
            path, key,
            "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), "
            "spaces ( ), colon(:) and slashes (/).");
    for (auto part : split(key, '/')) {
        if (part.empty() || part == "." || part == "..")
            fail_value(
                path, key,
                "Names may be treated as files in certain cases, and must not resolve to other "
                "names when treated as such.");
    }
}

void check_length(std::string_view text, std::size_t characters_max, std::string_view what) {
    if (text.size() > characters_max && characters(text) > characters_max)
        fail(ErrorCode::invalid_argument, "'{}' exceeds the maximum length of {} characters", what,
             characters_max);
    if (!is_utf8(text) || text.find('\0') != std::string_view::npos)
        fail(ErrorCode::invalid_argument, "'{}' must be UTF-8 text without NUL", what);
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
    } catch (const Error& error) {
        fail(ErrorCode::invalid_argument, "Invalid path: {}", error.message());
    }
}

}  // namespace maru::tracking
