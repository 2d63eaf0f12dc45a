#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace maru::blob {

/// Many SHA-256 digests in little memory: the first 16 bytes of each, sorted. That two objects
/// share those is as good as impossible, and would only keep one too many.
class DigestSet {
  public:
    void add(std::string_view sha256_hex) {
        all_.push_back(prefix(sha256_hex));
        // Most digests come many times over.
        if (all_.size() >= compact_at_) {
            finish();
            compact_at_ = std::max<std::size_t>(kCompactMin, all_.size() * 2);
        }
    }
    /// Call after the last `add` and before `contains`.
    void finish() {
        std::ranges::sort(all_);
        auto repeated = std::ranges::unique(all_);
        all_.erase(repeated.begin(), repeated.end());
    }
    bool contains(std::string_view sha256_hex) const {
        return std::ranges::binary_search(all_, prefix(sha256_hex));
    }

  private:
    using Prefix = std::array<std::uint8_t, 16>;
    static constexpr std::size_t kCompactMin = 1 << 20;

    static std::uint8_t digit(char c) {
        return static_cast<std::uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    static Prefix prefix(std::string_view hex) {
        Prefix bytes{};
        for (std::size_t i = 0; i < bytes.size() && 2 * i + 1 < hex.size(); ++i)
            bytes[i] = static_cast<std::uint8_t>(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
        return bytes;
    }

    std::vector<Prefix> all_;
    std::size_t compact_at_ = kCompactMin;
};

}  // namespace maru::blob
