#include "base/log.hpp"

#include <unistd.h>

#include <atomic>

#include "base/time.hpp"

namespace maru::log {
namespace {

std::atomic<Level> least_level{Level::info};
constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};

}  // namespace

void set_level(Level level) {
    least_level = level;
}

void write(Level level, std::string_view text) {
    if (level < least_level) return;
    try {
        std::string line = fmt::format("{} {} {}\n", format_time(SystemClock().now()),
                                       kNames[static_cast<std::size_t>(level)], text);
        // One write call: lines of threads never mix. A log that can't be written must not stop the
        // server.
        [[maybe_unused]] auto written = ::write(STDERR_FILENO, line.data(), line.size());
    } catch (...) {
    }
}

std::string current_exception_message() {
    try {
        throw;
    } catch (const std::exception& error) {
        return error.what();
    } catch (...) {
        return "an exception of unknown type";
    }
}

}  // namespace maru::log
