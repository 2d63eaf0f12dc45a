#pragma once

#include <fmt/format.h>

#include <exception>
#include <string>
#include <string_view>

namespace maru::log {

enum class Level { debug, info, warning, error };

/// Least level that is written; info at the start. Thread-safe.
void set_level(Level level);

/// Writes one line to stderr: RFC 3339 time, level, text. Thread-safe; never throws. Secrets do not
/// belong here.
void write(Level level, std::string_view text);

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}

/// The message of the exception being handled, for use in a catch (...) block.
std::string current_exception_message();

}  // namespace maru::log
