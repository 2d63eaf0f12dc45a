#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "tracking/metric_bits.hpp"
#include "tracking/sampling.hpp"
#include "tracking/service.hpp"

namespace maru::tracking {
namespace {

/// After which point the next page begins.
struct Position {
    std::int64_t at = -1, step = 0, bits = 0;
};

Position decode_position(std::string_view token) {
    if (token.empty()) return {};
    std::string text = api::decode_page_token(token);
    auto parts = split(text, ':');
    if (parts.size() == 4 && parts[0] == "point") {
        auto at = parse_int(parts[1]), step = parse_int(parts[2]), bits = parse_int(parts[3]);
        if (at && step && bits) return {*at, *step, *bits};
    }
    fail(ErrorCode::invalid_argument, "Invalid page token '{}': it is not one of this list", token);
}

}  // namespace

api::Page<MetricPoint> Service::metric_page(std::string_view project_id, std::string_view run_id,
                                            std::string_view key,
                                            std::optional<std::int64_t> results_max,
                                            std::string_view token) {
    Position after = decode_position(token);
    api::Page<MetricPoint> page;
    std::int64_t last_bits = 0;
    database_.read([&](sql::Connection& connection) {
        RunRow run = find_run(connection, project_id, run_id);
        std::int64_t limit =
            results_max ? *results_max + 1 : std::numeric_limits<std::int64_t>::max();
        connection.query(
            "SELECT at, step, bits FROM tracking_points WHERE run = $1 AND key = $2 AND (at, step, "
            "bits) > ($3, "
            "$4, $5) ORDER BY at, step, bits LIMIT $6",
            {run.number, find_key(connection, key), after.at, after.step, after.bits, limit},
            [&](const sql::Row& row) {
                if (results_max && static_cast<std::int64_t>(page.items.size()) == *results_max) {
                    if (page.items.empty()) return;
                    const auto& last = page.items.back();
                    page.next_page_token = api::encode_page_token(
                        fmt::format("point:{}:{}:{}", to_ms(last.at), last.step, last_bits));
                    return;
                }
                last_bits = row.integer(2);
                page.items.push_back({row.integer(1), row.time(0), from_bits(last_bits)});
            });
    });
    return page;
}

MetricHistory Service::metric_history(std::string_view project_id, std::string_view run_id,
                                      std::string_view key, std::int64_t points_max) {
    if (points_max < 4 || points_max > 100'000)
        fail_field("points", fmt::format("must be from 4 to 100000, got {}", points_max));
    auto points = metric_page(project_id, run_id, key, std::nullopt, "").items;
    if (points.empty()) fail(ErrorCode::not_found, "run {} has no metric \"{}\"", run_id, key);
    std::sort(points.begin(), points.end(), [](const MetricPoint& a, const MetricPoint& b) {
        return std::tie(a.step, a.at) < std::tie(b.step, b.at);
    });
    return {std::string(key), thin(points, static_cast<std::size_t>(points_max)),
            static_cast<std::int64_t>(points.size())};
}

}  // namespace maru::tracking
