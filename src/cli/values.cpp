#include "cli/values.hpp"

#include <charconv>
#include <cmath>

#include "base/error.hpp"
#include "base/text.hpp"

namespace maru::cli {

std::int64_t parse_cpus(std::string_view option, std::string_view text) {
    bool milli = text.ends_with('m');
    auto digits = milli ? text.substr(0, text.size() - 1) : text;
    double value = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    bool whole = error == std::errc() && end == digits.data() + digits.size();
    double thousandths = std::round(milli ? value : value * 1000);
    if (!whole || !(thousandths >= 1) || thousandths > 1e9)
        fail(ErrorCode::invalid_argument,
             "{}: expected a number of CPUs such as 2, 0.5 or 500m, got \"{}\"", option, text);
    return static_cast<std::int64_t>(thousandths);
}

std::int64_t parse_memory_mib(std::string_view option, std::string_view text) {
    try {
        auto bytes = parse_bytes(text);
        if (bytes > 0) return (bytes + (1 << 20) - 1) >> 20;
    } catch (const Error& error) {
        fail(ErrorCode::invalid_argument, "{}: {}", option, error.message());
    }
    fail(ErrorCode::invalid_argument, "{}: expected more than no memory, such as 4GiB, got \"{}\"",
         option, text);
}

std::int64_t parse_time_s(std::string_view option, std::string_view text) {
    try {
        auto seconds = parse_duration_s(text);
        if (seconds > 0) return seconds;
    } catch (const Error& error) {
        fail(ErrorCode::invalid_argument, "{}: {}", option, error.message());
    }
    fail(ErrorCode::invalid_argument, "{}: expected more than no time, such as 2h, got \"{}\"",
         option, text);
}

std::map<std::string, std::string> parse_pairs(std::string_view option,
                                               const std::vector<std::string>& pairs) {
    std::map<std::string, std::string> parsed;
    for (const auto& pair : pairs) {
        auto equals = pair.find('=');
        if (equals == std::string::npos || equals == 0)
            fail(ErrorCode::invalid_argument, "{}: expected KEY=VALUE, got \"{}\"", option, pair);
        auto [at, fresh] = parsed.emplace(pair.substr(0, equals), pair.substr(equals + 1));
        if (!fresh) fail(ErrorCode::invalid_argument, "{}: {} is given twice", option, at->first);
    }
    return parsed;
}

}  // namespace maru::cli
