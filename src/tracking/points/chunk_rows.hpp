#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "sql/database.hpp"
#include "tracking/points/point.hpp"

namespace maru::tracking {

/// The key of a run's pack, the one chunk that holds all its short series; no metric has it.
constexpr std::int64_t kPackKey = 0;

/// A row of tracking_chunks without its bytes.
struct ChunkRow {
    std::int64_t number = 0, first_at = 0, last_at = 0, count = 0;
};

/// The chunks of one series that end at `from_at` or later, in the order of their points. Chunks of
/// a series share no point, and its pack's points come after those of its chunks.
inline std::vector<ChunkRow> chunk_rows(
    sql::Connection& connection, std::int64_t run, std::int64_t key,
    std::int64_t from_at = std::numeric_limits<std::int64_t>::min()) {
    return connection.all(
        "SELECT number, first_at, last_at, count FROM tracking_chunks WHERE run = $1 AND key = $2 "
        "AND last_at >= $3 ORDER BY first_at, number",
        {run, key, from_at}, [](const sql::Row& row) {
            return ChunkRow{row.integer(0), row.integer(1), row.integer(2), row.integer(3)};
        });
}

/// The points of a chunk that holds one series.
std::vector<Point> chunk_points(sql::Connection& connection, std::int64_t number);
/// All series of a run's pack; none: empty.
std::vector<Series> pack_series(sql::Connection& connection, std::int64_t run);

/// Sorts points and leaves each once.
void sort_once(std::vector<Point>& points);

}  // namespace maru::tracking
