#include <gtest/gtest.h>

#include "tracking/metric_bits.hpp"
#include "tracking/test_support.hpp"

namespace maru::tracking {
namespace {

TEST(Migrations, points_that_had_a_row_each_become_batches) {
    TestBed bed;
    auto run = bed.run(), other = bed.run();
    bed.log_metric(run.id, "loss", 0.5);
    bed.service.reset();
    bed.database.reset();
    std::filesystem::remove(bed.folder / "maru.db");
    bed.database = sql::Database::open({.file = bed.folder / "maru.db"}, migrations.first(1));
    bed.database->write([&](sql::Connection& connection) {
        connection.execute(
            "INSERT INTO tracking_experiments (number, project_id, id, name, artifact_location, "
            "created_at, updated_at) VALUES (1, $1, 0, 'Default', '', 0, 0)",
            {bed.project});
        for (std::int64_t number : {1, 2})
            connection.execute(
                "INSERT INTO tracking_runs (number, id, project_id, experiment, name, user_name, "
                "status, started_at, artifact_uri) VALUES ($1, $2, $3, 1, '', '', 'RUNNING', 0, "
                "'')",
                {number, number == 1 ? run.id : other.id, bed.project});
        connection.execute("INSERT INTO tracking_metric_keys (number, key) VALUES (1, 'loss')");
        for (std::int64_t i = 0; i < 2500; ++i)
            connection.execute(
                "INSERT INTO tracking_points (run, key, at, step, bits) VALUES ($1, 1, $2, $3, $4)",
                {i % 5 == 0 ? 2 : 1, 1000 + i, i, to_bits(0.5 * static_cast<double>(i))});
    });
    bed.open();
    for (bool compacted : {false, true}) {
        if (compacted) bed.service->point_compactor().compact_all();
        auto points = bed.service->metric_page(bed.project, run.id, "loss", std::nullopt, "").items;
        ASSERT_EQ(points.size(), 2000u);
        EXPECT_EQ(points.at(1), (MetricPoint{2, from_ms(1002), 1.0}));
        EXPECT_EQ(bed.service->metric_history(bed.project, other.id, "loss", 1000).total, 500);
    }
}

}  // namespace
}  // namespace maru::tracking
