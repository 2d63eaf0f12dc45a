#include <algorithm>
#include <unordered_map>

#include "base/error.hpp"
#include "base/text.hpp"
#include "tracking/column_names.hpp"
#include "tracking/service.hpp"

namespace maru::tracking {
namespace {

using search::Subject;

void check_limit(std::int64_t limit) {
    if (limit < 1 || limit > 10'000)
        fail_field("limit", fmt::format("must be from 1 to 10000, got {}", limit));
}

bool has_part(std::string_view text, std::string_view lower_part) {
    return lower_part.empty() || to_lower(text).find(lower_part) != std::string::npos;
}

/// Calls `visit` for each distinct key of an experiment, jumping from one to the next in the index:
/// a key costs the same however many runs have it.
template <class Visit>
void each_key(sql::Connection& connection, std::string_view table, std::int64_t experiment,
              Visit&& visit) {
    connection.query(
        fmt::format("WITH RECURSIVE keys (key) AS (SELECT MIN(key) FROM {0} WHERE experiment = $1 "
                    "UNION ALL SELECT (SELECT MIN(t.key) FROM {0} t WHERE t.experiment = $1 AND "
                    "t.key > keys.key) FROM keys WHERE keys.key IS NOT NULL) SELECT key FROM keys "
                    "WHERE key IS NOT NULL",
                    table),
        {experiment}, visit);
}

}  // namespace

RunColumns Service::run_columns(std::string_view project_id, std::string_view experiment,
                                std::string_view part, std::int64_t results_max) {
    check_limit(results_max);
    std::string lower_part = to_lower(part);
    RunColumns columns;
    auto add = [&](std::vector<std::string>& names, std::string_view name) {
        if (has_part(name, lower_part)) names.emplace_back(name);
    };
    database_.read([&](sql::Connection& connection) {
        std::int64_t number = load_experiment(connection, project_id, experiment).number;
        std::vector<std::int64_t> keys;
        each_key(connection, "tracking_latest", number,
                 [&](const sql::Row& row) { keys.push_back(row.integer(0)); });
        for (auto key : keys)
            connection.query("SELECT key FROM tracking_metric_keys WHERE number = $1", {key},
                             [&](const sql::Row& row) { add(columns.metrics, row.text(0)); });
        each_key(connection, "tracking_parameters", number,
                 [&](const sql::Row& row) { add(columns.parameters, row.text(0)); });
        each_key(connection, "tracking_tags", number,
                 [&](const sql::Row& row) { add(columns.tags, row.text(0)); });
    });
    for (auto* names : {&columns.metrics, &columns.parameters, &columns.tags}) {
        std::sort(names->begin(), names->end());
        if (static_cast<std::int64_t>(names->size()) <= results_max) continue;
        names->resize(static_cast<std::size_t>(results_max));
        columns.complete = false;
    }
    return columns;
}

std::vector<ColumnValue> Service::column_values(std::string_view project_id,
                                                std::string_view experiment,
                                                std::string_view column, std::string_view part,
                                                std::int64_t results_max) {
    check_limit(results_max);
    ColumnName name = parse_column(column, "column");
    if (name.subject == Subject::metric) fail_field("column", "must not be a metric");
    std::string lower_part = to_lower(part);
    std::unordered_map<std::string, std::int64_t> counts;
    database_.read([&](sql::Connection& connection) {
        std::int64_t number = load_experiment(connection, project_id, experiment).number;
        auto [frame, kept] = matching_runs(connection, {number}, "");
        auto count = [&](std::string_view text) {
            if (has_part(text, lower_part)) ++counts[std::string(text)];
        };
        if (name.subject != Subject::attribute) {
            frame.each_text(name.subject, name.key,
                            [&](std::size_t, std::string_view text) { count(text); });
            return;
        }
        for (const auto& cell : frame.column(name.subject, name.key))
            if (cell.kind == Cell::Kind::value && !cell.text.empty()) count(cell.text);
    });
    std::vector<ColumnValue> values;
    for (auto& [value, count] : counts) values.push_back({value, count});
    std::sort(values.begin(), values.end(), [](const ColumnValue& a, const ColumnValue& b) {
        return std::tie(b.count, a.value) < std::tie(a.count, b.value);
    });
    if (static_cast<std::int64_t>(values.size()) > results_max)
        values.resize(static_cast<std::size_t>(results_max));
    return values;
}

}  // namespace maru::tracking
