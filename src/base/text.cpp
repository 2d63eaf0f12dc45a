#include "base/text.hpp"

#include <charconv>
#include <cmath>

#include "base/error.hpp"

namespace maru {
namespace {

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// How many bytes the UTF-8 sequence at the front takes; 0 if it is none (RFC 3629, table 3-7 of
/// Unicode).
std::size_t utf8_length(std::string_view text) {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    auto continues = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
        return i < text.size() && byte(i) >= low && byte(i) <= high;
    };
    unsigned char first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        unsigned low = first == 0xe0 ? 0xa0 : 0x80, high = first == 0xed ? 0x9f : 0xbf;
        return continues(1, low, high) && continues(2) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        unsigned low = first == 0xf0 ? 0x90 : 0x80, high = first == 0xf4 ? 0x8f : 0xbf;
        return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
    }
    return 0;
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    std::size_t from = 0;
    while (true) {
        auto to = text.find(separator, from);
        parts.push_back(text.substr(from, to - from));
        if (to == std::string_view::npos) return parts;
        from = to + 1;
    }
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n\f\v";
    auto from = text.find_first_not_of(kSpace);
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(kSpace) - from + 1);
}

std::string to_lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        std::size_t length = utf8_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

std::string percent_decode(std::string_view text, bool plus_is_space) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
            int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                fail(ErrorCode::invalid_argument,
                     "\"{}\" has a '%' that two hex digits do not follow", text);
            out += static_cast<char>(high * 16 + low);
            i += 2;
        } else if (plus_is_space && text[i] == '+') {
            out += ' ';
        } else {
            out += text[i];
        }
    }
    return out;
}

std::string percent_encode(std::string_view text, std::string_view keep) {
    std::string out;
    for (char c : text) {
        if (is_unreserved(c) || keep.find(c) != std::string_view::npos)
            out += c;
        else
            out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

std::int64_t parse_bytes(std::string_view text) {
    double number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    std::string unit = to_lower(trim(std::string_view(end, text.data() + text.size())));
    double scale = -1;
    if (unit.empty() || unit == "b") scale = 1;
    constexpr std::string_view kPrefixes = "kmgtp";
    if (!unit.empty()) {
        auto power = kPrefixes.find(unit[0]);
        if (power != std::string_view::npos) {
            std::string_view rest = std::string_view(unit).substr(1);
            if (rest == "ib" || rest == "i" || rest.empty())
                scale = std::pow(1024.0, static_cast<double>(power + 1));
            if (rest == "b") scale = std::pow(1000.0, static_cast<double>(power + 1));
        }
    }
    if (error != std::errc{} || scale < 0 || number < 0 || number * scale > 9e18)
        fail(ErrorCode::invalid_argument,
             "\"{}\" is not a size; expected one such as 512MiB, 4GiB or 1.5GB", text);
    return std::llround(number * scale);
}

std::string format_bytes(std::int64_t bytes) {
    constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (std::abs(value) >= 1024 && unit + 1 < std::size(kUnits)) {
        value /= 1024;
        ++unit;
    }
    if (unit == 0 || value == std::floor(value))
        return fmt::format("{:.0f} {}", value, kUnits[unit]);
    return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::int64_t parse_duration_s(std::string_view text) {
    double number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    std::string_view unit(end, text.data() + text.size());
    double scale = -1;
    if (unit.empty() || unit == "s") scale = 1;
    if (unit == "m" || unit == "min") scale = 60;
    if (unit == "h") scale = 3600;
    if (unit == "d") scale = 86400;
    if (error != std::errc{} || scale < 0 || number < 0 || number * scale > 1e12)
        fail(ErrorCode::invalid_argument,
             "\"{}\" is not a duration; expected one such as 90s, 15m, 2h or 1d", text);
    return std::llround(number * scale);
}

std::string format_duration_s(std::int64_t seconds) {
    if (seconds < 120) return fmt::format("{} s", seconds);
    if (seconds % 86400 == 0) return fmt::format("{} d", seconds / 86400);
    if (seconds % 3600 == 0) return fmt::format("{} h", seconds / 3600);
    if (seconds < 7200) return fmt::format("{} min", seconds / 60);
    return fmt::format("{} h {} min", seconds / 3600, seconds % 3600 / 60);
}

std::optional<std::int64_t> parse_int(std::string_view text) {
    std::int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty())
        return std::nullopt;
    return value;
}

void check_name(std::string_view field, std::string_view name) {
    auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    bool good = !name.empty() && name.size() <= 63 && name[0] >= 'a' && name[0] <= 'z' &&
                name.back() != '-';
    for (char c : name) good = good && fits(c);
    if (!good) {
        std::string shown(name.substr(0, 80));
        if (!is_utf8(shown)) shown = "...";
        fail_field(field,
                   fmt::format(
                       "\"{}\" is not a name; expected 1 to 63 of a-z, 0-9 and '-', beginning with "
                       "a letter and not ending with '-'",
                       shown));
    }
}

void check_text(std::string_view field, std::string_view text, std::size_t bytes_max) {
    if (text.size() > bytes_max)
        fail_field(field,
                   fmt::format("is {} bytes long; at most {} are allowed", text.size(), bytes_max));
    if (text.find('\0') != std::string_view::npos) fail_field(field, "holds a NUL character");
    if (!is_utf8(text)) fail_field(field, "is not UTF-8");
}

void check_relative_path(std::string_view field, std::string_view path) {
    check_text(field, path, 4096);
    if (path.empty()) fail_field(field, "is empty; expected a relative path such as src/train.py");
    if (path.front() == '/')
        fail_field(field, fmt::format("\"{}\" is absolute; expected a relative path", path));
    if (path.find('\\') != std::string_view::npos)
        fail_field(field, fmt::format("\"{}\" holds a backslash; separate folders with '/'", path));
    for (auto part : split(path, '/')) {
        if (part.empty() || part == "." || part == "..")
            fail_field(
                field,
                fmt::format(
                    "\"{}\" has the part \"{}\"; expected a path without empty, . or .. parts",
                    path, part));
        if (part.size() > 255) fail_field(field, "has a part of over 255 bytes");
    }
}

}  // namespace maru
