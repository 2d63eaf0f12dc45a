#include "base/time.hpp"

#include <fmt/format.h>

#include <cctype>

#include "base/error.hpp"

namespace maru {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// Reads exactly `digits` digits at `position`; -1 if they aren't.
int digits_at(std::string_view text, std::size_t position, std::size_t digits) {
    if (position + digits > text.size()) return -1;
    int value = 0;
    for (std::size_t i = position; i < position + digits; ++i) {
        if (std::isdigit(static_cast<unsigned char>(text[i])) == 0) return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

}  // namespace

std::string format_time(Time time) {
    auto day = floor<days>(time);
    std::chrono::year_month_day date(day);
    std::chrono::hh_mm_ss clock(floor<milliseconds>(time - day));
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                       clock.subseconds().count());
}

Time parse_time(std::string_view text) {
    auto refuse = [&]() -> void {
        fail(ErrorCode::invalid_argument,
             "\"{}\" is not a time; expected RFC 3339 such as 2026-11-22T15:00:00Z", text);
    };
    int year = digits_at(text, 0, 4), month = digits_at(text, 5, 2), day = digits_at(text, 8, 2);
    int hour = digits_at(text, 11, 2), minute = digits_at(text, 14, 2),
        second = digits_at(text, 17, 2);
    if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0 ||
        text[4] != '-' || text[7] != '-' ||
        (text[10] != 'T' && text[10] != 't' && text[10] != ' ') || text[13] != ':' ||
        text[16] != ':' || hour > 23 || minute > 59 || second > 60)
        refuse();
    std::chrono::year_month_day date{std::chrono::year(year),
                                     std::chrono::month(static_cast<unsigned>(month)),
                                     std::chrono::day(static_cast<unsigned>(day))};
    if (!date.ok()) refuse();
    std::size_t at = 19;
    int ms = 0;
    if (at < text.size() && text[at] == '.') {
        int scale = 100;
        std::size_t begin = ++at;
        for (; at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0; ++at) {
            ms += (text[at] - '0') * scale;
            scale /= 10;
        }
        if (at == begin) refuse();
    }
    minutes offset{0};
    if (text.size() == at + 1 && (text[at] == 'Z' || text[at] == 'z')) {
        // UTC
    } else if (text.size() == at + 6 && (text[at] == '+' || text[at] == '-') &&
               text[at + 3] == ':') {
        int offset_hours = digits_at(text, at + 1, 2), offset_minutes = digits_at(text, at + 4, 2);
        if (offset_hours < 0 || offset_minutes < 0 || offset_hours > 23 || offset_minutes > 59)
            refuse();
        offset = hours(offset_hours) + minutes(offset_minutes);
        if (text[at] == '-') offset = -offset;
    } else {
        refuse();
    }
    return std::chrono::sys_days(date) + hours(hour) + minutes(minute) + seconds(second) +
           milliseconds(ms) - offset;
}

}  // namespace maru
