#include "tracking/points/compaction.hpp"

#include <algorithm>
#include <map>

#include "tracking/points/batch.hpp"
#include "tracking/points/chunk.hpp"
#include "tracking/points/chunk_rows.hpp"
#include "tracking/sampling.hpp"

namespace maru::tracking {
namespace {

constexpr std::size_t kPackPoints = 16'384;
/// A pack that has grown too large is emptied to half, so that this doesn't happen at each
/// compaction.
constexpr std::size_t kPackPointsLeft = kPackPoints / 2;
/// Shorter series stay in the pack whatever its size.
constexpr std::size_t kAlonePoints = 8;
constexpr std::size_t kChunkPoints = 4096;
constexpr std::size_t kOutlinedPoints = 1024;
constexpr std::size_t kOutlinePoints = 64;
constexpr std::int64_t kPointsAtOnce = 262'144;

using SeriesByKey = std::map<std::int64_t, std::vector<Point>>;

std::optional<std::string> run_id(sql::Connection& connection, std::int64_t run) {
    return connection.first("SELECT id FROM tracking_runs WHERE number = $1", {run},
                            [](const sql::Row& row) { return row.string(0); });
}

NewChunk chunk_of(std::int64_t key, std::span<const Series> series) {
    NewChunk chunk{.key = key,
                   .first_at = series.front().points.front().at,
                   .last_at = series.front().points.back().at};
    for (const auto& one : series) {
        chunk.first_at = std::min(chunk.first_at, one.points.front().at);
        chunk.last_at = std::max(chunk.last_at, one.points.back().at);
        chunk.count += static_cast<std::int64_t>(one.points.size());
    }
    chunk.data = encode_chunk(series);
    return chunk;
}

class Preparation {
  public:
    Preparation(sql::Connection& connection, std::int64_t run) : connection_(connection) {
        made_.run = run;
    }

    std::optional<Compaction> run() {
        auto id = run_id(connection_, made_.run);
        if (!id) return std::nullopt;
        made_.run_id = *id;
        take_batches();
        if (made_.batch_count == 0) return std::nullopt;
        take_pack();
        for (auto& [key, points] : series_) sort_once(points);
        // Late points belong among older ones that have left the pack.
        for (auto& [key, points] : series_) {
            auto touched = chunk_rows(connection_, made_.run, key, points.front().at);
            if (!touched.empty()) extract(key, points);
        }
        shrink_pack();
        put_pack();
        return std::move(made_);
    }

  private:
    void take_batches() {
        std::int64_t points = 0;
        connection_.query(
            "SELECT number, count, data FROM tracking_batches WHERE run = $1 ORDER BY number",
            {made_.run}, [&](const sql::Row& row) {
                if (points >= kPointsAtOnce) return;
                points += row.integer(1);
                made_.last_batch = row.integer(0);
                ++made_.batch_count;
                decode_batch(row.text(2), [&](std::int64_t key, const Point& point) {
                    series_[key].push_back(point);
                });
            });
    }

    void take_pack() {
        for (const auto& row : chunk_rows(connection_, made_.run, kPackKey))
            made_.replaced.push_back(row.number);
        for (auto& one : pack_series(connection_, made_.run)) {
            auto& points = series_[one.key];
            points.insert(points.end(), one.points.begin(), one.points.end());
        }
    }

    void shrink_pack() {
        std::vector<std::pair<std::size_t, std::int64_t>> sizes;
        std::size_t total = 0;
        for (const auto& [key, points] : series_) {
            total += points.size();
            if (points.size() >= kAlonePoints) sizes.emplace_back(points.size(), key);
        }
        if (total <= kPackPoints) return;
        std::ranges::sort(sizes, std::greater());
        for (const auto& [size, key] : sizes) {
            if (total <= kPackPointsLeft) return;
            total -= size;
            extract(key, series_[key]);
        }
    }

    /// Moves a series' points into chunks of their own, and leaves it empty.
    void extract(std::int64_t key, std::vector<Point>& points) {
        auto rows = chunk_rows(connection_, made_.run, key);
        // What the new points lie among is merged with them...
        while (!rows.empty() && rows.back().last_at >= points.front().at) {
            auto old = chunk_points(connection_, rows.back().number);
            if (old.back() < points.front()) break;
            replace(rows, old, points);
        }
        // ...and so is what is not much longer than they are.
        while (!rows.empty()) {
            auto count = static_cast<std::size_t>(rows.back().count);
            if (count >= 2 * points.size() || count + points.size() > kChunkPoints) break;
            auto old = chunk_points(connection_, rows.back().number);
            replace(rows, old, points);
        }
        put_chunks(key, points);
        points.clear();
    }

    void replace(std::vector<ChunkRow>& rows, std::vector<Point>& old, std::vector<Point>& points) {
        made_.replaced.push_back(rows.back().number);
        rows.pop_back();
        old.insert(old.end(), points.begin(), points.end());
        points = std::move(old);
        sort_once(points);
    }

    void put_chunks(std::int64_t key, const std::vector<Point>& points) {
        std::size_t pieces = (points.size() + kChunkPoints - 1) / kChunkPoints;
        for (std::size_t piece = 0; piece < pieces; ++piece) {
            auto from =
                points.begin() + static_cast<std::ptrdiff_t>(piece * points.size() / pieces);
            auto to =
                points.begin() + static_cast<std::ptrdiff_t>((piece + 1) * points.size() / pieces);
            Series series{key, {from, to}};
            auto chunk = chunk_of(key, std::span(&series, 1));
            if (series.points.size() >= kOutlinedPoints) {
                series.points = thin(std::move(series.points), kOutlinePoints);
                chunk.outline = encode_chunk(std::span(&series, 1));
            }
            made_.chunks.push_back(std::move(chunk));
        }
    }

    void put_pack() {
        std::vector<Series> pack;
        for (auto& [key, points] : series_)
            if (!points.empty()) pack.push_back({key, std::move(points)});
        if (!pack.empty()) made_.chunks.push_back(chunk_of(kPackKey, pack));
    }

    sql::Connection& connection_;
    Compaction made_;
    SeriesByKey series_;
};

}  // namespace

std::optional<Compaction> prepare_compaction(sql::Connection& connection, std::int64_t run) {
    return Preparation(connection, run).run();
}

bool apply_compaction(sql::Connection& connection, const Compaction& compaction) {
    if (run_id(connection, compaction.run) != compaction.run_id) return false;
    auto removed =
        connection.execute("DELETE FROM tracking_batches WHERE run = $1 AND number <= $2",
                           {compaction.run, compaction.last_batch});
    if (removed != compaction.batch_count)
        fail(ErrorCode::internal, "run {} lost {} of {} batches during a compaction",
             compaction.run_id, compaction.batch_count - removed, compaction.batch_count);
    for (auto number : compaction.replaced)
        connection.execute("DELETE FROM tracking_chunks WHERE number = $1", {number});
    for (const auto& chunk : compaction.chunks)
        connection.execute(
            "INSERT INTO tracking_chunks (number, run, key, first_at, last_at, count, outline, "
            "data) VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM tracking_chunks), $1, $2, $3, "
            "$4, $5, $6, $7)",
            {compaction.run, chunk.key, chunk.first_at, chunk.last_at, chunk.count,
             chunk.outline.empty() ? sql::Value() : sql::Value(sql::Bytes{chunk.outline}),
             sql::Bytes{chunk.data}});
    return true;
}

}  // namespace maru::tracking
