#include "tracking/sampling.hpp"

#include <algorithm>
#include <cmath>

namespace maru::tracking {

std::vector<MetricPoint> thin(const std::vector<MetricPoint>& points, std::size_t points_max) {
    points_max = std::max<std::size_t>(points_max, 4);
    if (points.size() <= points_max) return points;
    std::vector<MetricPoint> kept{points.front()};
    std::size_t slices = (points_max - 2) / 2;
    std::size_t inner = points.size() - 2;
    for (std::size_t slice = 0; slice < slices; ++slice) {
        std::size_t from = 1 + slice * inner / slices, to = 1 + (slice + 1) * inner / slices;
        std::size_t least = to, greatest = to;
        for (std::size_t i = from; i < to; ++i) {
            if (std::isnan(points[i].value)) continue;
            if (least == to || points[i].value < points[least].value) least = i;
            if (greatest == to || points[i].value > points[greatest].value) greatest = i;
        }
        if (least == to) least = greatest = from;
        kept.push_back(points[std::min(least, greatest)]);
        if (least != greatest) kept.push_back(points[std::max(least, greatest)]);
    }
    kept.push_back(points.back());
    return kept;
}

}  // namespace maru::tracking
