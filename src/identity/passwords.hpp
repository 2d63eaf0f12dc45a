#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace maru::identity {

struct PasswordOptions {
    std::uint32_t memory_kib = 64 << 10;
    std::uint32_t passes = 3;
    int concurrent_max = 2;  // so many times memory_kib at most
    int waiting_max = 6;
};

/// Hashes and checks passwords with Argon2id (RFC 9106), only a few at a time, so that a storm of
/// sign-ins exhausts neither memory nor the worker threads.
///
/// Threads: any; `hash` and a waiting `matches` block for a turn. Errors: resource_exhausted when
/// too many wait.
class PasswordHasher {
  public:
    explicit PasswordHasher(PasswordOptions options) : options_(options) {}
    /// The hash with its salt and parameters, as the reference implementation encodes them
    /// ("$argon2id$...").
    std::string hash(std::string_view password);
    enum class Turn { wait, at_once };
    /// `at_once` throws resource_exhausted instead of waiting for a turn.
    bool matches(std::string_view encoded, std::string_view password, Turn turn);
    /// Takes as long as `matches` does, for users who don't exist.
    void pretend(std::string_view password, Turn turn);

  private:
    class Slot;
    PasswordOptions options_;
    std::mutex mutex_;
    std::condition_variable freed_;
    int running_ = 0;
    int waiting_ = 0;
};

/// Throws invalid_argument that names `field` unless the password has 8 to 1024 bytes of UTF-8
/// text.
void check_password(std::string_view field, std::string_view password);

}  // namespace maru::identity
