#include "tracking/points/store.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <map>
#include <random>
#include <set>

#include "tracking/points/compaction.hpp"
#include "tracking/test_support.hpp"

namespace maru::tracking {
namespace {

constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

class PointStore : public testing::Test {
  protected:
    PointStore() : run_(bed_.run()) {}

    /// Appends points to the tables and to what is expected of them.
    void append(const std::vector<KeyedPoint>& points) {
        bed_.database->write(
            [&](sql::Connection& connection) { append_points(connection, run_.number, points); });
        bed_.service->point_compactor().appended(run_.number, points.size());
        for (const auto& [key, point] : points) expected_[key].insert(point);
    }
    std::vector<Point> read(std::int64_t key, std::optional<Point> after = {},
                            std::size_t count = kAll) {
        return bed_.database->read([&](sql::Connection& connection) {
            return read_points(connection, run_.number, key, after, count);
        });
    }
    Outline outline(std::int64_t key, std::size_t points_max, StepRange steps = {}) {
        return bed_.database->read([&](sql::Connection& connection) {
            return outline_points(connection, run_.number, key, steps, points_max);
        });
    }
    std::int64_t count(const std::string& what) {
        return bed_.database->read([&](sql::Connection& connection) {
            return connection
                .first("SELECT " + what, {}, [](const sql::Row& row) { return row.integer(0); })
                .value();
        });
    }
    void compact() { bed_.service->point_compactor().compact_all(); }
    void expect_all_there() {
        for (const auto& [key, points] : expected_)
            EXPECT_EQ(read(key), std::vector<Point>(points.begin(), points.end())) << key;
    }

    TestBed bed_;
    tracking::Run run_;
    std::map<std::int64_t, std::set<Point>> expected_;
};

TEST_F(PointStore, reads_what_was_appended_before_and_after_compaction) {
    append({{1, {10, 0, 5}}, {2, {10, 0, 6}}, {1, {20, 1, 7}}});
    expect_all_there();
    compact();
    EXPECT_EQ(count("COUNT(*) FROM tracking_batches"), 0);
    EXPECT_EQ(count("COUNT(*) FROM tracking_chunks"), 1);
    expect_all_there();
    append({{1, {10, 0, 5}}, {1, {5, -1, 8}}});  // one again, one late
    expect_all_there();
    EXPECT_EQ(outline(1, 100).total, 3);
    compact();
    expect_all_there();
    EXPECT_TRUE(read(3).empty());
}

TEST_F(PointStore, stays_exact_under_random_appends_and_compactions) {
    for (unsigned seed = 1; seed <= 4; ++seed) {
        std::mt19937_64 random(seed);
        std::int64_t at = 0;
        // Many keys with few points, few with many; in order, late, twice, all at one time.
        auto keys = seed % 2 == 0 ? 3U : 300U;
        for (int round = 0; round < 40; ++round) {
            std::vector<KeyedPoint> points;
            auto size = 1 + random() % 4000;
            for (std::size_t i = 0; i < size; ++i) {
                if (seed != 3) at += static_cast<std::int64_t>(random() % 3);
                auto late = random() % 50 == 0 ? static_cast<std::int64_t>(random() % 100'000) : 0;
                points.push_back({static_cast<std::int64_t>(seed * 1000 + random() % keys),
                                  {std::max<std::int64_t>(at - late, 0),
                                   static_cast<std::int64_t>(random() % 100'000) - 50'000,
                                   static_cast<std::int64_t>(random() % 1000)}});
                if (random() % 100 == 0) points.push_back(points.front());
            }
            append(points);
            if (random() % 3 == 0) compact();
        }
        expect_all_there();
        compact();
        expect_all_there();
        EXPECT_EQ(count("COUNT(*) FROM tracking_batches"), 0);
        for (const auto& [key, points] : expected_)
            EXPECT_EQ(outline(key, 20'000).total, static_cast<std::int64_t>(points.size()));
    }
    // Chunks of a series do not overlap, and are neither tiny nor too large.
    EXPECT_EQ(count("COUNT(*) FROM tracking_chunks a JOIN tracking_chunks b ON a.run = b.run AND "
                    "a.key = b.key AND a.number < b.number WHERE a.key > 0 AND a.last_at > "
                    "b.first_at AND b.last_at > a.first_at"),
              0);
    EXPECT_LE(count("MAX(count) FROM tracking_chunks WHERE key > 0"), 4096);
}

TEST_F(PointStore, pages_join_to_the_whole) {
    std::mt19937_64 random(5);
    for (int round = 0; round < 30; ++round) {
        std::vector<KeyedPoint> points;
        for (int i = 0; i < 1500; ++i)
            points.push_back({1,
                              {static_cast<std::int64_t>(random() % 20'000),
                               static_cast<std::int64_t>(random() % 3), 1}});
        append(points);
        if (round % 7 == 3) compact();
    }
    std::vector<Point> joined;
    for (std::optional<Point> after;;) {
        auto page = read(1, after, 700);
        if (page.empty()) break;
        joined.insert(joined.end(), page.begin(), page.end());
        after = page.back();
    }
    EXPECT_EQ(joined, std::vector<Point>(expected_[1].begin(), expected_[1].end()));
}

TEST_F(PointStore, outlines_of_long_series_keep_their_extremes_and_ends) {
    auto bits = [](double value) { return std::bit_cast<std::int64_t>(value); };
    for (std::int64_t round = 0; round < 30; ++round) {
        std::vector<KeyedPoint> points;
        for (std::int64_t i = round * 5000; i < (round + 1) * 5000; ++i)
            points.push_back({1, {i * 10, i, bits(i == 77'777 ? 9.0 : i == 120'001 ? -9.0 : 0.5)}});
        append(points);
        if (round % 4 == 2) compact();
    }
    auto drawn = outline(1, 200);
    EXPECT_EQ(drawn.total, 150'000);
    EXPECT_LE(drawn.points.size(), 200u);
    EXPECT_EQ(drawn.points.front().step, 0);
    EXPECT_EQ(drawn.points.back().step, 149'999);
    auto has = [&](std::int64_t step) {
        return std::ranges::find(drawn.points, step, &Point::step) != drawn.points.end();
    };
    EXPECT_TRUE(has(77'777));
    EXPECT_TRUE(has(120'001));
    EXPECT_TRUE(std::ranges::is_sorted(drawn.points, {}, &Point::step));
    auto part = outline(1, 2000, {.first = 100, .last = 299});
    EXPECT_EQ(part.total, 200);
    EXPECT_EQ(part.points.size(), 200u);
    EXPECT_EQ(part.points.front().step, 100);
}

TEST_F(PointStore, a_long_series_is_not_written_again_and_again) {
    std::int64_t at = 0;
    std::int64_t written = 0;
    for (int round = 0; round < 200; ++round) {
        std::vector<KeyedPoint> points;
        for (int i = 0; i < 1000; ++i, ++at) points.push_back({1 + at % 100, {at, at, at}});
        append(points);
        bed_.database->write([&](sql::Connection& connection) {
            auto compaction = prepare_compaction(connection, run_.number);
            ASSERT_TRUE(compaction);
            for (const auto& chunk : compaction->chunks)
                if (chunk.key != 0) written += chunk.count;
            EXPECT_TRUE(apply_compaction(connection, *compaction));
        });
    }
    expect_all_there();
    EXPECT_LT(written, 8 * at);
    EXPECT_LT(count("COUNT(*) FROM tracking_chunks"), 800);
}

TEST_F(PointStore, a_compaction_of_removed_points_changes_nothing) {
    append({{1, {10, 0, 5}}});
    auto compaction = bed_.database->read(
        [&](sql::Connection& connection) { return prepare_compaction(connection, run_.number); });
    ASSERT_TRUE(compaction);
    bed_.database->write([&](sql::Connection& connection) {
        remove_points(connection, run_.number);
        connection.execute("DELETE FROM tracking_runs WHERE number = $1", {run_.number});
    });
    EXPECT_FALSE(bed_.database->write(
        [&](sql::Connection& connection) { return apply_compaction(connection, *compaction); }));
    EXPECT_TRUE(read(1).empty());
}

TEST_F(PointStore, runs_are_compacted_when_they_have_much_or_are_idle) {
    append({{1, {10, 0, 5}}});
    auto& compactor = bed_.service->point_compactor();
    compactor.compact_due();
    EXPECT_EQ(count("COUNT(*) FROM tracking_batches"), 1);
    bed_.clock.advance(std::chrono::seconds(61));
    compactor.compact_due();
    EXPECT_EQ(count("COUNT(*) FROM tracking_batches"), 0);
    for (int i = 0; i < 20; ++i) append(std::vector<KeyedPoint>(1000, {1, {11 + i, 0, i}}));
    compactor.compact_due();
    EXPECT_EQ(count("COUNT(*) FROM tracking_batches"), 0);
    append({{1, {12, 0, 5}}});
    bed_.open();  // a restart: what an earlier server left is found
    bed_.service->point_compactor().compact_due();
    bed_.clock.advance(std::chrono::seconds(61));
    bed_.service->point_compactor().compact_due();
    EXPECT_EQ(count("COUNT(*) FROM tracking_batches"), 0);
    expect_all_there();
}

}  // namespace
}  // namespace maru::tracking
