#pragma once

#include <bit>
#include <cstdint>

namespace maru::tracking {

/// Tables hold a point's value as the bits of its IEEE 754 form: SQLite has no NaN, and none may be
/// lost.
inline std::int64_t to_bits(double value) {
    return std::bit_cast<std::int64_t>(value);
}
inline double from_bits(std::int64_t bits) {
    return std::bit_cast<double>(bits);
}

}  // namespace maru::tracking
