#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "sql/database.hpp"
#include "tracking/points/point.hpp"

namespace maru::tracking {

/// The points of runs in their tables: new ones in tracking_batches, a row a request, older ones in
/// tracking_chunks, where the compaction puts them. Reading merges both: what is sent twice is
/// there once. `run` and `key` are the numbers of their rows. All within the caller's transaction.
/// Example: store_test.cpp.

void append_points(sql::Connection& connection, std::int64_t run,
                   std::span<const KeyedPoint> points);

/// The first `count` points that come after `after`, in their order; without `after` from the first
/// one on.
std::vector<Point> read_points(sql::Connection& connection, std::int64_t run, std::int64_t key,
                               const std::optional<Point>& after, std::size_t count);

/// Bounds of steps, both included; none: unbounded.
struct StepRange {
    std::optional<std::int64_t> first, last;
};

/// What a chart draws of a series.
struct Outline {
    std::vector<Point> points;  // by step; at most as many as asked for, the extremes among them
    std::int64_t total = 0;     // of how many
};
/// Reads the chunks' outlines in place of all points where a series is far longer than `points_max`
/// (at least 4), so that its length costs little.
Outline outline_points(sql::Connection& connection, std::int64_t run, std::int64_t key,
                       const StepRange& steps, std::size_t points_max);

/// Removes all points of a run.
void remove_points(sql::Connection& connection, std::int64_t run);

}  // namespace maru::tracking
