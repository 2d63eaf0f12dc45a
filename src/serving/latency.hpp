#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

namespace maru::serving {

/// Counts latencies in buckets an eighth of a power of two wide, so a quantile is off by 6 % at
/// most. Threads: any, without locks.
class LatencyHistogram {
  public:
    void record(std::int64_t microseconds) {
        counts_[bucket(microseconds)].fetch_add(1, std::memory_order_relaxed);
    }

    /// The latency that the share `q` of all stays below, in milliseconds; 0 if there are none.
    double quantile_ms(double q) const {
        std::uint64_t total = 0;
        for (const auto& count : counts_) total += count.load(std::memory_order_relaxed);
        auto rank = static_cast<std::uint64_t>(q * static_cast<double>(total));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            seen += counts_[i].load(std::memory_order_relaxed);
            if (seen > rank) return (lower_bound_us(i) + lower_bound_us(i + 1)) / 2 / 1000;
        }
        return 0;
    }

  private:
    static constexpr int kParts = 8;
    static constexpr std::size_t kBuckets = 40 * kParts;

    static std::size_t bucket(std::int64_t microseconds) {
        auto value = static_cast<std::uint64_t>(microseconds < 1 ? 1 : microseconds);
        auto exponent = static_cast<unsigned>(std::bit_width(value)) - 1;
        auto part = exponent < 3 ? (value << (3 - exponent)) & 7 : (value >> (exponent - 3)) & 7;
        auto index = exponent * kParts + part;
        return index < kBuckets ? index : kBuckets - 1;
    }
    static double lower_bound_us(std::size_t index) {
        auto power = static_cast<double>(std::uint64_t{1} << (index / kParts));
        return power * (1 + static_cast<double>(index % kParts) / kParts);
    }

    std::array<std::atomic<std::uint64_t>, kBuckets> counts_{};
};

}  // namespace maru::serving
