#pragma once

#include <chrono>
#include <thread>

#include "base/error.hpp"

namespace maru::cli {

inline bool is_connection_trouble(const Error& error) {
    return error.code() == ErrorCode::unavailable || error.code() == ErrorCode::deadline_exceeded;
}

/// Waits between attempts: 100 ms at first, then twice as long up to 2 s.
class Backoff {
  public:
    void wait() {
        std::this_thread::sleep_for(next_);
        next_ = std::min(next_ * 2, std::chrono::milliseconds(2000));
    }
    void reset() { next_ = std::chrono::milliseconds(100); }

  private:
    std::chrono::milliseconds next_{100};
};

/// Repeats `call` while the server can't be reached, for `patience` at most. `call` must be safe to
/// repeat.
template <class Call>
auto retrying(std::chrono::seconds patience, Call call) {
    auto give_up_at = std::chrono::steady_clock::now() + patience;
    for (Backoff backoff;; backoff.wait()) {
        try {
            return call();
        } catch (const Error& error) {
            if (!is_connection_trouble(error) || std::chrono::steady_clock::now() >= give_up_at)
                throw;
        }
    }
}

/// How long a server may be away before a command that follows a job gives up.
constexpr std::chrono::seconds kPatience{600};

}  // namespace maru::cli
