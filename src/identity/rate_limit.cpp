#include "identity/rate_limit.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "base/crypto.hpp"
#include "base/error.hpp"

namespace maru::identity {

std::int64_t WindowCounter::add(std::string_view key, Time now) {
    std::lock_guard lock(mutex_);
    auto found = windows_.find(std::string(key));
    if (found == windows_.end()) {
        if (windows_.size() >= keys_max_) make_room(now);
        found = windows_.emplace(std::string(key), Window{.begin = now}).first;
    }
    Window& window = found->second;
    // A clock that was set back must not keep a key shut for longer than a window.
    if (now >= window.begin + window_ || now < window.begin) window = {.begin = now};
    return ++window.count;
}

void WindowCounter::forget(std::string_view key) {
    std::lock_guard lock(mutex_);
    windows_.erase(std::string(key));
}

void WindowCounter::take_back(std::string_view key, Time now) {
    std::lock_guard lock(mutex_);
    auto found = windows_.find(std::string(key));
    if (found == windows_.end() || now >= found->second.begin + window_) return;
    if (--found->second.count <= 0) windows_.erase(found);
}

std::size_t WindowCounter::size() const {
    std::lock_guard lock(mutex_);
    return windows_.size();
}

void WindowCounter::make_room(Time now) {
    std::erase_if(windows_, [&](const auto& entry) { return now >= entry.second.begin + window_; });
    if (windows_.size() < keys_max_) return;
    auto oldest = std::ranges::min_element(windows_, {},
                                           [](const auto& entry) { return entry.second.begin; });
    windows_.erase(oldest);
}

SignInLimiter::SignInLimiter(SignInLimits limits)
    : limits_(limits),
      by_user_(limits.window, limits.keys_max),
      by_address_(limits.window, limits.keys_max) {}

namespace {

std::string key_of(std::string_view address, std::string_view user) {
    // Of fixed length, so that long user names don't fill the memory.
    return sha256_hex(limited_address(address) + '\n' + std::string(user));
}

bool is_loopback(std::string_view address) {
    auto limited = limited_address(address);
    return limited.starts_with("127.") || address == "::1";
}

}  // namespace

void SignInLimiter::begin(std::string_view address, std::string_view user, Time now) {
    bool many = by_user_.add(key_of(address, user), now) > limits_.failures_max;
    if (!is_loopback(address))
        many |= by_address_.add(limited_address(address), now) > limits_.failures_per_address_max;
    if (many)
        fail(ErrorCode::resource_exhausted,
             "too many failed sign-ins from this address; try again in {} minutes",
             std::chrono::duration_cast<std::chrono::minutes>(limits_.window).count());
}

void SignInLimiter::withdraw(std::string_view address, std::string_view user, Time now) {
    by_user_.take_back(key_of(address, user), now);
    by_address_.take_back(limited_address(address), now);
}

void SignInLimiter::succeeded(std::string_view address, std::string_view user, Time now) {
    by_user_.forget(key_of(address, user));
    by_address_.take_back(limited_address(address), now);
}

std::string limited_address(std::string_view address) {
    in6_addr parsed{};
    std::string text(address.substr(0, 64));
    if (inet_pton(AF_INET6, text.c_str(), &parsed) != 1) return text;
    if (IN6_IS_ADDR_V4MAPPED(&parsed)) return text.substr(text.rfind(':') + 1);
    std::fill(parsed.s6_addr + 8, parsed.s6_addr + 16, std::uint8_t{0});
    char out[INET6_ADDRSTRLEN] = {};
    inet_ntop(AF_INET6, &parsed, out, sizeof out);
    return out;
}

}  // namespace maru::identity
