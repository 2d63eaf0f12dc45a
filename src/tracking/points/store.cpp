#include "tracking/points/store.hpp"

#include <algorithm>

#include "tracking/points/batch.hpp"
#include "tracking/points/chunk.hpp"
#include "tracking/points/chunk_rows.hpp"
#include "tracking/sampling.hpp"

namespace maru::tracking {
namespace {

/// A chunk's outline has one point for so many; a chart that wants more than its share of these
/// reads the points themselves.
constexpr std::int64_t kOutlineRatio = 64;

/// The points of a series that wait for the compaction or are in the run's pack; sorted.
std::vector<Point> recent_points(sql::Connection& connection, std::int64_t run, std::int64_t key) {
    std::vector<Point> points;
    connection.query("SELECT data FROM tracking_chunks WHERE run = $1 AND key = $2",
                     {run, kPackKey}, [&](const sql::Row& row) {
                         for (auto& series : decode_chunk(row.text(0), key))
                             points.insert(points.end(), series.points.begin(),
                                           series.points.end());
                     });
    connection.query("SELECT data FROM tracking_batches WHERE run = $1", {run},
                     [&](const sql::Row& row) {
                         decode_batch(row.text(0), [&](std::int64_t of, const Point& point) {
                             if (of == key) points.push_back(point);
                         });
                     });
    sort_once(points);
    return points;
}

std::vector<Point> merged(const std::vector<Point>& left, const std::vector<Point>& right) {
    std::vector<Point> all;
    all.reserve(left.size() + right.size());
    std::ranges::set_union(left, right, std::back_inserter(all));
    return all;
}

/// The outline of a chunk, or all its points where it is too short to have one.
std::vector<Point> chunk_outline(sql::Connection& connection, std::int64_t number) {
    std::vector<Point> points;
    connection.query("SELECT outline FROM tracking_chunks WHERE number = $1", {number},
                     [&](const sql::Row& row) {
                         if (!row.is_null(0)) points = decode_chunk(row.text(0)).at(0).points;
                     });
    return points.empty() ? chunk_points(connection, number) : points;
}

bool by_step(const Point& left, const Point& right) {
    return std::tie(left.step, left.at, left.bits) < std::tie(right.step, right.at, right.bits);
}

}  // namespace

void sort_once(std::vector<Point>& points) {
    if (!std::ranges::is_sorted(points)) std::ranges::sort(points);
    points.erase(std::ranges::unique(points).begin(), points.end());
}

std::vector<Point> chunk_points(sql::Connection& connection, std::int64_t number) {
    std::vector<Point> points;
    connection.query(
        "SELECT data FROM tracking_chunks WHERE number = $1", {number},
        [&](const sql::Row& row) { points = std::move(decode_chunk(row.text(0)).at(0).points); });
    return points;
}

std::vector<Series> pack_series(sql::Connection& connection, std::int64_t run) {
    std::vector<Series> series;
    connection.query("SELECT data FROM tracking_chunks WHERE run = $1 AND key = $2",
                     {run, kPackKey},
                     [&](const sql::Row& row) { series = decode_chunk(row.text(0)); });
    return series;
}

void append_points(sql::Connection& connection, std::int64_t run,
                   std::span<const KeyedPoint> points) {
    if (points.empty()) return;
    connection.execute(
        "INSERT INTO tracking_batches (number, run, count, data) VALUES ((SELECT "
        "COALESCE(MAX(number), 0) + 1 FROM tracking_batches), $1, $2, $3)",
        {run, points.size(), sql::Bytes{encode_batch(points)}});
}

std::vector<Point> read_points(sql::Connection& connection, std::int64_t run, std::int64_t key,
                               const std::optional<Point>& after, std::size_t count) {
    auto skip_to_after = [&](std::vector<Point>& points) {
        if (after) points.erase(points.begin(), std::ranges::upper_bound(points, *after));
    };
    std::vector<Point> old;
    for (const auto& row : chunk_rows(
             connection, run, key, after ? after->at : std::numeric_limits<std::int64_t>::min())) {
        auto points = chunk_points(connection, row.number);
        skip_to_after(points);
        old.insert(old.end(), points.begin(), points.end());
        if (old.size() >= count) break;
    }
    auto recent = recent_points(connection, run, key);
    skip_to_after(recent);
    auto points = recent.empty() ? std::move(old) : merged(old, recent);
    if (points.size() > count) points.resize(count);
    return points;
}

Outline outline_points(sql::Connection& connection, std::int64_t run, std::int64_t key,
                       const StepRange& steps, std::size_t points_max) {
    auto rows = chunk_rows(connection, run, key);
    std::int64_t stored = 0;
    for (const auto& row : rows) stored += row.count;
    bool is_bounded = steps.first || steps.last;
    bool coarse = !is_bounded && stored >= kOutlineRatio * static_cast<std::int64_t>(points_max);
    std::vector<Point> points;
    for (const auto& row : rows) {
        auto read =
            coarse ? chunk_outline(connection, row.number) : chunk_points(connection, row.number);
        points.insert(points.end(), read.begin(), read.end());
    }
    auto recent = recent_points(connection, run, key);
    auto read_count = points.size();
    if (!recent.empty()) points = merged(points, recent);
    if (is_bounded)
        std::erase_if(points, [&](const Point& point) {
            return (steps.first && point.step < *steps.first) ||
                   (steps.last && point.step > *steps.last);
        });
    auto total = static_cast<std::int64_t>(points.size());
    if (coarse) total += stored - static_cast<std::int64_t>(read_count);
    if (!std::ranges::is_sorted(points, by_step)) std::ranges::sort(points, by_step);
    return {thin(std::move(points), points_max), total};
}

void remove_points(sql::Connection& connection, std::int64_t run) {
    connection.execute("DELETE FROM tracking_batches WHERE run = $1", {run});
    connection.execute("DELETE FROM tracking_chunks WHERE run = $1", {run});
}

}  // namespace maru::tracking
