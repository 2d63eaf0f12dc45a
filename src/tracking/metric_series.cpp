#include "base/error.hpp"
#include "tracking/metric_bits.hpp"
#include "tracking/service.hpp"
#include "tracking/validation.hpp"

namespace maru::tracking {
namespace {

constexpr std::size_t kSeriesMax = 2000;
constexpr std::int64_t kPointsMax = 2'000'000;

}  // namespace

std::vector<MetricSeries> Service::metric_series(std::string_view project_id,
                                                 const std::vector<std::string>& run_ids,
                                                 const std::vector<std::string>& keys,
                                                 std::int64_t points_max) {
    std::size_t count = run_ids.size() * keys.size();
    if (count > kSeriesMax)
        fail_field("runs", fmt::format("times keys are {} histories; at most {} a request", count,
                                       kSeriesMax));
    if (static_cast<std::int64_t>(count) * points_max > kPointsMax)
        fail_field("points", fmt::format("times runs and keys must be at most {}", kPointsMax));
    check_points_max(points_max);
    std::vector<MetricSeries> all;
    database_.read([&](sql::Connection& connection) {
        std::vector<std::int64_t> key_numbers;
        for (const auto& key : keys) key_numbers.push_back(find_key(connection, key));
        for (const auto& run_id : run_ids) {
            RunRow run;
            try {
                run = find_run(connection, project_id, run_id);
            } catch (const Error& error) {
                if (error.code() != ErrorCode::not_found) throw;
                continue;  // removed while somebody looks at its chart
            }
            for (std::size_t i = 0; i < keys.size(); ++i) {
                auto outline = outline_points(connection, run.number, key_numbers[i], {},
                                              static_cast<std::size_t>(points_max));
                if (outline.total == 0) continue;
                MetricSeries series{run_id, keys[i], {}, {}, {}, outline.total};
                for (const auto& point : outline.points) {
                    series.steps.push_back(point.step);
                    series.times_ms.push_back(point.at);
                    series.values.push_back(from_bits(point.bits));
                }
                all.push_back(std::move(series));
            }
        }
    });
    return all;
}

}  // namespace maru::tracking
