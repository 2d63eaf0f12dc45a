#include "tracking/sampling.hpp"

#include <algorithm>
#include <cmath>

#include "tracking/metric_bits.hpp"

namespace maru::tracking {

std::vector<Point> thin(std::vector<Point> points, std::size_t points_max) {
    points_max = std::max<std::size_t>(points_max, 4);
    if (points.size() <= points_max) return points;
    std::vector<Point> kept{points.front()};
    kept.reserve(points_max);
    std::size_t slices = (points_max - 2) / 2;
    std::size_t inner = points.size() - 2;
    for (std::size_t slice = 0; slice < slices; ++slice) {
        std::size_t from = 1 + slice * inner / slices, to = 1 + (slice + 1) * inner / slices;
        std::size_t least = to, greatest = to;
        double least_value = 0, greatest_value = 0;
        for (std::size_t i = from; i < to; ++i) {
            double value = from_bits(points[i].bits);
            if (std::isnan(value)) continue;
            if (least == to || value < least_value) least = i, least_value = value;
            if (greatest == to || value > greatest_value) greatest = i, greatest_value = value;
        }
        if (least == to) least = greatest = from;
        kept.push_back(points[std::min(least, greatest)]);
        if (least != greatest) kept.push_back(points[std::max(least, greatest)]);
    }
    kept.push_back(points.back());
    return kept;
}

}  // namespace maru::tracking
