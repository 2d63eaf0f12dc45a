#include "base/error.hpp"
#include "base/text.hpp"
#include "tracking/metric_bits.hpp"
#include "tracking/service.hpp"
#include "tracking/validation.hpp"

namespace maru::tracking {
namespace {

/// The point after which the next page begins.
std::optional<Point> decode_position(std::string_view token) {
    if (token.empty()) return std::nullopt;
    std::string text = api::decode_page_token(token);
    auto parts = split(text, ':');
    if (parts.size() == 4 && parts[0] == "point") {
        auto at = parse_int(parts[1]), step = parse_int(parts[2]), bits = parse_int(parts[3]);
        if (at && step && bits) return Point{*at, *step, *bits};
    }
    fail(ErrorCode::invalid_argument, "Invalid page token '{}': it is not one of this list", token);
}

std::vector<MetricPoint> metric_points(const std::vector<Point>& points) {
    std::vector<MetricPoint> made;
    made.reserve(points.size());
    for (const auto& point : points)
        made.push_back({point.step, from_ms(point.at), from_bits(point.bits)});
    return made;
}

}  // namespace

api::Page<MetricPoint> Service::metric_page(std::string_view project_id, std::string_view run_id,
                                            std::string_view key,
                                            std::optional<std::int64_t> results_max,
                                            std::string_view token) {
    auto after = decode_position(token);
    auto limit = results_max ? static_cast<std::size_t>(*results_max)
                             : std::numeric_limits<std::size_t>::max() - 1;
    auto points = database_.read([&](sql::Connection& connection) {
        RunRow run = find_run(connection, project_id, run_id);
        // One more tells whether there is another page.
        return read_points(connection, run.number, find_key(connection, key), after, limit + 1);
    });
    api::Page<MetricPoint> page;
    if (points.size() > limit) {
        points.resize(limit);
        if (!points.empty())
            page.next_page_token = api::encode_page_token(fmt::format(
                "point:{}:{}:{}", points.back().at, points.back().step, points.back().bits));
    }
    page.items = metric_points(points);
    return page;
}

MetricHistory Service::metric_history(std::string_view project_id, std::string_view run_id,
                                      std::string_view key, std::int64_t points_max) {
    auto history = metric_histories(project_id, {std::string(run_id)}, key, {}, points_max).at(0);
    if (history.total == 0) fail(ErrorCode::not_found, "run {} has no metric \"{}\"", run_id, key);
    return history;
}

std::vector<MetricHistory> Service::metric_histories(std::string_view project_id,
                                                     const std::vector<std::string>& run_ids,
                                                     std::string_view key, const StepRange& steps,
                                                     std::int64_t points_max) {
    check_points_max(points_max);
    std::vector<MetricHistory> histories;
    database_.read([&](sql::Connection& connection) {
        auto key_number = find_key(connection, key);
        for (const auto& run_id : run_ids) {
            RunRow run = find_run(connection, project_id, run_id);
            auto outline = outline_points(connection, run.number, key_number, steps,
                                          static_cast<std::size_t>(points_max));
            histories.push_back({std::string(key), metric_points(outline.points), outline.total});
        }
    });
    return histories;
}

}  // namespace maru::tracking
