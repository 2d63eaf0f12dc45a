#pragma once

#include <span>
#include <string>
#include <string_view>

#include "tracking/points/bytes.hpp"
#include "tracking/points/point.hpp"

namespace maru::tracking {

/// One request's points in some 14 bytes each, quick to make: the form in which they wait for the
/// compaction. Pure. Example: codec_test.cpp.
inline std::string encode_batch(std::span<const KeyedPoint> points) {
    std::string bytes;
    bytes.reserve(points.size() * 14);
    KeyedPoint last;
    for (const auto& next : points) {
        put_signed(bytes, difference(next.key, last.key));
        put_signed(bytes, difference(next.point.at, last.point.at));
        put_signed(bytes, difference(next.point.step, last.point.step));
        put_word(bytes, static_cast<std::uint64_t>(next.point.bits));
        last = next;
    }
    return bytes;
}

/// Calls `visit(key, point)` for each point, in the order of the request. Throws data_loss for
/// damaged bytes.
template <class Visit>
void decode_batch(std::string_view bytes, Visit&& visit) {
    ByteReader reader(bytes);
    KeyedPoint next;
    while (!reader.at_end()) {
        next.key = sum(next.key, reader.signed_varint());
        next.point.at = sum(next.point.at, reader.signed_varint());
        next.point.step = sum(next.point.step, reader.signed_varint());
        next.point.bits = static_cast<std::int64_t>(reader.word());
        visit(next.key, next.point);
    }
}

}  // namespace maru::tracking
