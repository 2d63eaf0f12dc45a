#pragma once

#include <vector>

#include "tracking/types.hpp"

namespace maru::tracking {

/// Thins points that are sorted by step to at most `points_max` (at least 4) so that a chart of
/// them looks the same: the first and last stay, and of each of equally wide slices the least and
/// the greatest value. NaNs count as neither but stay where a slice has nothing else. Pure.
/// Example: sampling_test.cpp.
std::vector<MetricPoint> thin(const std::vector<MetricPoint>& points, std::size_t points_max);

}  // namespace maru::tracking
