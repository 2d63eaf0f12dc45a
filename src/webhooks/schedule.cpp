#include "webhooks/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"

namespace maru::webhooks {
namespace {

bool may_pass(unsigned status) {
    return status == 408 || status == 429 || status >= 500;
}

/// The header Retry-After, in seconds; its other form, a date, is rare and passed over.
std::optional<std::chrono::milliseconds> wished_pause(const http::Answer& answer) {
    auto found = answer.headers.find("retry-after");
    if (found == answer.headers.end()) return std::nullopt;
    auto seconds = parse_int(found->second);
    if (!seconds || *seconds < 0) return std::nullopt;
    return std::min<std::chrono::milliseconds>(
        kLongestPause, std::chrono::seconds(std::min<std::int64_t>(*seconds, 86'400)));
}

}  // namespace

std::chrono::milliseconds pause_after(std::int64_t attempt, double chance) {
    auto doubled = kFirstPause * (1LL << std::clamp<std::int64_t>(attempt - 1, 0, 20));
    auto most = std::min<std::chrono::milliseconds>(kLongestPause, doubled);
    return most / 2 + std::chrono::milliseconds(static_cast<std::int64_t>(
                          chance * static_cast<double>(most.count()) / 2));
}

Outcome judge(const http::Answer& answer, std::int64_t attempt, double chance) {
    Outcome outcome;
    outcome.silent = answer.status == 0;
    if (answer.status != 0) outcome.response_status = answer.status;
    if (answer.status >= 200 && answer.status < 300) {
        outcome.state = DeliveryState::delivered;
        return outcome;
    }
    if (answer.status == 0)
        outcome.error = answer.failure;
    else if (answer.status >= 300 && answer.status < 400)
        outcome.error = fmt::format(
            "the receiver answered {}: redirects are not followed, so the webhook's URL must be "
            "the one that they lead to",
            answer.status);
    else
        outcome.error = fmt::format("the receiver answered {}", answer.status);
    // Certificates and networks are mended, too, while deliveries wait.
    bool again = answer.status == 0 || may_pass(answer.status);
    if (!again || attempt >= kAttemptsMax) {
        outcome.state = DeliveryState::failed;
        if (again) *outcome.error += fmt::format("; given up after {} attempts", attempt);
        return outcome;
    }
    outcome.pause = std::max(wished_pause(answer).value_or(std::chrono::milliseconds(0)),
                             pause_after(attempt, chance));
    return outcome;
}

}  // namespace maru::webhooks
