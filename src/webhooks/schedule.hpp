#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "http/client.hpp"
#include "webhooks/types.hpp"

/// What follows from an attempt: pure, so that a day of retries is tested in no time.
namespace maru::webhooks {

/// About a day, most of it once an hour.
inline constexpr std::int64_t kAttemptsMax = 45;
inline constexpr std::chrono::milliseconds kFirstPause{1000};
inline constexpr std::chrono::milliseconds kLongestPause = std::chrono::hours(1);

/// How an attempt ended.
struct Outcome {
    DeliveryState state = DeliveryState::waiting;
    std::chrono::milliseconds pause{0};  // before the next one, where it waits
    std::optional<std::int64_t> response_status;
    std::optional<std::string> error;
    /// The receiver did not answer at all: what else waits for it should not try at once.
    bool silent = false;
};

/// What to make of an answer to the attempt with this number (1, 2, ...). `chance` is in [0, 1).
Outcome judge(const http::Answer& answer, std::int64_t attempt, double chance);
/// The pause after an attempt without an answer's wish: doubles to an hour, half of it by chance,
/// so that what failed together does not come back together.
std::chrono::milliseconds pause_after(std::int64_t attempt, double chance);

}  // namespace maru::webhooks
