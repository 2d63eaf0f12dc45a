#include "identity/passwords.hpp"

#include <argon2.h>

#include <array>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace maru::identity {

namespace {

constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 32;
constexpr std::size_t kPasswordBytesMin = 8;
constexpr std::size_t kPasswordBytesMax = 1024;
constexpr std::uint32_t kLanes = 1;

}  // namespace

/// A turn at the hash function.
class PasswordHasher::Slot {
  public:
    Slot(PasswordHasher& hasher, Turn turn) : hasher_(hasher) {
        std::unique_lock lock(hasher_.mutex_);
        const auto& options = hasher_.options_;
        if (hasher_.running_ >= options.concurrent_max) {
            if (turn == Turn::at_once || hasher_.waiting_ >= options.waiting_max)
                fail(ErrorCode::resource_exhausted,
                     "too many passwords are being checked at this moment; try again in a second");
            ++hasher_.waiting_;
            hasher_.freed_.wait(lock, [&] { return hasher_.running_ < options.concurrent_max; });
            --hasher_.waiting_;
        }
        ++hasher_.running_;
    }
    ~Slot() {
        {
            std::lock_guard lock(hasher_.mutex_);
            --hasher_.running_;
        }
        hasher_.freed_.notify_one();
    }
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;

  private:
    PasswordHasher& hasher_;
};

std::string PasswordHasher::hash(std::string_view password) {
    Slot slot(*this, Turn::wait);
    std::string salt = random_bytes(kSaltBytes);
    std::array<char, 256> encoded{};
    int error = argon2id_hash_encoded(options_.passes, options_.memory_kib, kLanes, password.data(),
                                      password.size(), salt.data(), salt.size(), kHashBytes,
                                      encoded.data(), encoded.size());
    if (error == ARGON2_MEMORY_ALLOCATION_ERROR)
        fail(ErrorCode::resource_exhausted, "not enough memory to hash a password ({} KiB)",
             options_.memory_kib);
    if (error != ARGON2_OK)
        fail(ErrorCode::internal, "cannot hash a password: {}", argon2_error_message(error));
    return encoded.data();
}

bool PasswordHasher::matches(std::string_view encoded, std::string_view password, Turn turn) {
    if (password.size() > kPasswordBytesMax) return false;
    Slot slot(*this, turn);
    int error = argon2id_verify(std::string(encoded).c_str(), password.data(), password.size());
    if (error == ARGON2_OK) return true;
    if (error == ARGON2_VERIFY_MISMATCH) return false;
    if (error == ARGON2_MEMORY_ALLOCATION_ERROR)
        fail(ErrorCode::resource_exhausted, "not enough memory to check a password ({} KiB)",
             options_.memory_kib);
    fail(ErrorCode::internal, "cannot check a password: {}", argon2_error_message(error));
}

void PasswordHasher::pretend(std::string_view password, Turn turn) {
    if (password.size() > kPasswordBytesMax) return;
    Slot slot(*this, turn);
    std::array<char, kSaltBytes> salt{};
    std::array<char, kHashBytes> hash{};
    int error =
        argon2id_hash_raw(options_.passes, options_.memory_kib, kLanes, password.data(),
                          password.size(), salt.data(), salt.size(), hash.data(), hash.size());
    if (error == ARGON2_MEMORY_ALLOCATION_ERROR)
        fail(ErrorCode::resource_exhausted, "not enough memory to check a password ({} KiB)",
             options_.memory_kib);
}

void check_password(std::string_view field, std::string_view password) {
    if (password.size() < kPasswordBytesMin)
        fail_field(field, fmt::format("is too short: a password has at least {} bytes",
                                      kPasswordBytesMin));
    if (password.size() > kPasswordBytesMax)
        fail_field(field,
                   fmt::format("is too long: a password has at most {} bytes", kPasswordBytesMax));
    // A message of check_text could quote the text, so a password goes through its own check.
    if (!is_utf8(password) || password.find('\0') != std::string_view::npos)
        fail_field(field, "is not UTF-8 text");
}

}  // namespace maru::identity
