#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.hpp"

namespace maru::identity {

/// Counts what happens for a key within a window that begins with its first event.
///
/// Memory is bounded: past `keys_max` the windows that have ended go, and if none has, the oldest.
/// Threads: any.
class WindowCounter {
  public:
    WindowCounter(std::chrono::milliseconds window, std::size_t keys_max)
        : window_(window), keys_max_(keys_max) {}
    /// Counts one more; returns how many there are in the window, this one included.
    std::int64_t add(std::string_view key, Time now);
    void forget(std::string_view key);
    /// Takes one event back, if its window still lasts.
    void take_back(std::string_view key, Time now);
    std::size_t size() const;
    std::chrono::milliseconds window() const { return window_; }

  private:
    struct Window {
        Time begin{};
        std::int64_t count = 0;
    };
    void make_room(Time now);

    std::chrono::milliseconds window_;
    std::size_t keys_max_;
    mutable std::mutex mutex_;
    std::unordered_map<std::string, Window> windows_;
};

struct SignInLimits {
    std::chrono::milliseconds window = std::chrono::minutes(5);
    std::int64_t failures_max = 10;  // of one user name from one address
    std::int64_t failures_per_address_max = 100;
    std::size_t keys_max = 10'000;
};

/// Slows down the guessing of passwords: an attempt counts from its beginning, so that many at once
/// don't slip through, and is taken back when it succeeds. What comes from this machine itself
/// (jobs, other users, a reverse proxy's clients) counts by user alone: one of them must not lock
/// out the others. Threads: any.
class SignInLimiter {
  public:
    explicit SignInLimiter(SignInLimits limits);
    /// Throws resource_exhausted where too many attempts failed.
    void begin(std::string_view address, std::string_view user, Time now);
    /// The attempt was neither right nor wrong.
    void withdraw(std::string_view address, std::string_view user, Time now);
    void succeeded(std::string_view address, std::string_view user, Time now);

  private:
    SignInLimits limits_;
    WindowCounter by_user_;
    WindowCounter by_address_;
};

/// An address as the limiter counts it: of IPv6 the first 64 bits, which one subscriber holds.
std::string limited_address(std::string_view address);

}  // namespace maru::identity
