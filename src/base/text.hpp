#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace maru {

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);
std::string to_lower(std::string_view text);
bool is_utf8(std::string_view text);

/// Decodes %XX (and '+' as a space where `plus_is_space`); throws invalid_argument on a broken
/// escape.
std::string percent_decode(std::string_view text, bool plus_is_space = false);
/// Encodes all but RFC 3986's unreserved characters and those in `keep`.
std::string percent_encode(std::string_view text, std::string_view keep = "");

/// Parses "4GiB", "512MiB", "1.5GB", "1024" (bytes); throws invalid_argument that names the right
/// forms.
std::int64_t parse_bytes(std::string_view text);
/// Formats bytes for a person: "1.5 GiB".
std::string format_bytes(std::int64_t bytes);
/// Parses "90", "90s", "15m", "2h", "1d" into seconds; throws invalid_argument.
std::int64_t parse_duration_s(std::string_view text);
std::string format_duration_s(std::int64_t seconds);

/// Parses a whole decimal integer; nothing on anything else.
std::optional<std::int64_t> parse_int(std::string_view text);

/// Checks a name that people choose (projects, environments, endpoints): 1 to 63 of a-z, 0-9 and
/// '-', beginning with a letter and not ending with '-', as in DNS labels, since names stand in
/// URLs. Throws invalid_argument that names `field`.
void check_name(std::string_view field, std::string_view name);
/// Checks free text: UTF-8, no NUL, at most `bytes_max`; throws invalid_argument that names
/// `field`.
void check_text(std::string_view field, std::string_view text, std::size_t bytes_max);
/// Checks a path below a folder: relative, '/' separated, no empty, "." or ".." part, UTF-8, no NUL
/// or backslash, at most 4096 bytes in all and 255 a part; throws invalid_argument that names
/// `field`.
void check_relative_path(std::string_view field, std::string_view path);

}  // namespace maru
