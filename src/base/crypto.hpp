#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace maru {

/// Incremental SHA-256 (FIPS 180-4).
class Sha256 {
  public:
    Sha256();
    ~Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;
    void update(std::string_view bytes);
    /// Ends the digest; returns 64 lowercase hex digits. Call once.
    std::string hex();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view bytes);
std::string hmac_sha256(std::string_view key, std::string_view message);
/// `count` bytes from the system's generator.
std::string random_bytes(std::size_t count);
/// A secret with 256 random bits in URL-safe base64 without padding, after `prefix`.
std::string new_secret(std::string_view prefix);
std::string to_hex(std::string_view bytes);
std::string to_base64(std::string_view bytes);
std::string to_base64_url(std::string_view bytes);
/// Throws invalid_argument on anything but base64 (either alphabet, padding optional).
std::string from_base64(std::string_view text);
/// Compares in time that depends on the lengths only.
bool equal_in_constant_time(std::string_view a, std::string_view b);
bool is_sha256_hex(std::string_view text);

}  // namespace maru
