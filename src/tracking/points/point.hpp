#pragma once

#include <compare>
#include <cstdint>
#include <vector>

namespace maru::tracking {

/// One value of a metric as it is stored. `bits` are those of the double, so that NaN, infinities
/// and -0 come back as they were; `at` is in milliseconds. Points are ordered by time, then step,
/// then bits; two that are equal are the same point, sent twice.
struct Point {
    std::int64_t at = 0;
    std::int64_t step = 0;
    std::int64_t bits = 0;
    auto operator<=>(const Point&) const = default;
};

/// The points of one metric of one run; `key` is the metric's number in tracking_metric_keys.
struct Series {
    std::int64_t key = 0;
    std::vector<Point> points;
    bool operator==(const Series&) const = default;
};

/// A point with the number of its metric, as a request brings it.
struct KeyedPoint {
    std::int64_t key = 0;
    Point point;
    bool operator==(const KeyedPoint&) const = default;
};

}  // namespace maru::tracking
