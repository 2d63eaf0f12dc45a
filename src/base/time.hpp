#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace maru {

/// A moment, to the millisecond, UTC. On the wire RFC 3339 ("2026-11-22T15:00:00.123Z"), in tables
/// int64 ms.
using Time = std::chrono::sys_time<std::chrono::milliseconds>;

std::string format_time(Time time);
/// Parses RFC 3339; throws invalid_argument.
Time parse_time(std::string_view text);
inline std::int64_t to_ms(Time time) {
    return time.time_since_epoch().count();
}
inline Time from_ms(std::int64_t ms) {
    return Time(std::chrono::milliseconds(ms));
}

/// Tells the time; every service and loop is given one, so that tests can move it. Thread-safe.
class Clock {
  public:
    virtual ~Clock() = default;
    virtual Time now() const = 0;
};

class SystemClock final : public Clock {
  public:
    Time now() const override {
        return std::chrono::time_point_cast<std::chrono::milliseconds>(
            std::chrono::system_clock::now());
    }
};

/// A clock that stands still until it is moved.
class ManualClock final : public Clock {
  public:
    explicit ManualClock(Time start) : now_ms_(to_ms(start)) {}
    Time now() const override { return from_ms(now_ms_.load()); }
    void advance(std::chrono::milliseconds by) { now_ms_ += by.count(); }

  private:
    std::atomic<std::int64_t> now_ms_;
};

}  // namespace maru
