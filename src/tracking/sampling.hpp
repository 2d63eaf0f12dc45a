#pragma once

#include <cstddef>
#include <vector>

#include "tracking/points/point.hpp"

namespace maru::tracking {

/// Thins points, in whatever order they are to be drawn, to at most `points_max` (at least 4) so
/// that a chart of them looks the same: the first and last stay, and of each of equally wide slices
/// the least and the greatest value. NaNs count as neither but stay where a slice has nothing else.
/// Pure. Example: sampling_test.cpp.
std::vector<Point> thin(std::vector<Point> points, std::size_t points_max);

}  // namespace maru::tracking
