#include "base/error.hpp"
#include "tracking/service.hpp"

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
    std::vector<MetricSeries> all;
    for (const auto& run : run_ids) {
        for (const auto& key : keys) {
            MetricHistory history;
            try {
                history = metric_history(project_id, run, key, points_max);
            } catch (const Error& error) {
                if (error.code() != ErrorCode::not_found) throw;
                continue;
            }
            MetricSeries series{run, key, {}, {}, {}, history.total};
            for (const auto& point : history.points) {
                series.steps.push_back(point.step);
                series.times_ms.push_back(to_ms(point.at));
                series.values.push_back(point.value);
            }
            all.push_back(std::move(series));
        }
    }
    return all;
}

}  // namespace maru::tracking
