#include <algorithm>
#include <limits>
#include <unordered_map>

#include "base/error.hpp"
#include "tracking/column_names.hpp"
#include "tracking/service.hpp"

namespace maru::tracking {
namespace {

using search::Order;
using search::Subject;

constexpr std::size_t kColumnsMax = 3, kMetricsMax = 50;
constexpr std::int64_t kGroupsMax = 10'000;

/// Groups under construction: of each run, which one it is in.
struct Grouping {
    std::vector<std::int64_t> group_of;  // -1: in none
    std::vector<RunGroup> groups;
};

/// Splits each group by what its runs have in one more column.
Grouping split(const Grouping& old, const RunFrame& frame, const ColumnName& name) {
    Grouping grouping{std::vector<std::int64_t>(frame.size(), -1), {}};
    Cells cells = frame.column(name.subject, name.key);
    std::unordered_map<std::string, std::int64_t> known;
    for (std::size_t i = 0; i < frame.size(); ++i) {
        if (old.group_of[i] < 0) continue;
        bool absent = cells[i].kind != Cell::Kind::value;
        auto [found, is_new] = known.try_emplace(
            fmt::format("{}{}{}", old.group_of[i], absent ? '-' : '=', cells[i].text),
            static_cast<std::int64_t>(grouping.groups.size()));
        if (is_new) {
            RunGroup group;
            group.values = old.groups[static_cast<std::size_t>(old.group_of[i])].values;
            group.values.push_back(absent ? std::nullopt : std::optional(cells[i].text));
            grouping.groups.push_back(std::move(group));
        }
        grouping.group_of[i] = found->second;
    }
    return grouping;
}

/// A metric's figures of each group; runs as positions until their ids are known.
struct Figures {
    MetricSummary summary;
    std::size_t least_at = 0, greatest_at = 0;
};

std::vector<Figures> summarise(const Grouping& grouping, const Cells& cells) {
    std::vector<Figures> figures(grouping.groups.size());
    for (std::size_t i = 0; i < cells.size(); ++i) {
        if (grouping.group_of[i] < 0 || cells[i].kind != Cell::Kind::value) continue;
        Figures& one = figures[static_cast<std::size_t>(grouping.group_of[i])];
        double value = cells[i].number;
        if (one.summary.count == 0 || value < one.summary.least) {
            one.summary.least = value;
            one.least_at = i;
        }
        if (one.summary.count == 0 || value > one.summary.greatest) {
            one.summary.greatest = value;
            one.greatest_at = i;
        }
        ++one.summary.count;
        one.summary.mean += (value - one.summary.mean) / static_cast<double>(one.summary.count);
    }
    return figures;
}

/// The places of the groups in the order that was asked for.
std::vector<std::size_t> order_groups(const Grouping& grouping, const std::vector<Figures>* by,
                                      bool ascending) {
    std::vector<std::size_t> places(grouping.groups.size());
    for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
    // Larger is earlier.
    auto weight = [&](std::size_t place) {
        if (by == nullptr) return static_cast<double>(grouping.groups[place].count);
        const MetricSummary& summary = (*by)[place].summary;
        if (summary.count == 0) return -std::numeric_limits<double>::infinity();
        return ascending ? -summary.least : summary.greatest;
    };
    std::sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) {
        double left = weight(a), right = weight(b);
        return left != right ? left > right : a < b;
    });
    return places;
}

}  // namespace

RunGroups Service::group_runs(std::string_view project_id, std::string_view experiment,
                              const GroupRuns& request) {
    if (request.by.empty() || request.by.size() > kColumnsMax)
        fail_field("by", fmt::format("must name 1 to {} columns", kColumnsMax));
    if (request.metrics.size() > kMetricsMax)
        fail_field("metrics", fmt::format("must name at most {} metrics", kMetricsMax));
    if (request.groups < 1 || request.groups > kGroupsMax)
        fail_field("groups", fmt::format("must be from 1 to {}", kGroupsMax));
    std::vector<ColumnName> names;
    for (const auto& column : request.by) {
        names.push_back(parse_column(column, "by"));
        const auto& name = names.back();
        if (name.subject == Subject::metric || name.key == "start_time" || name.key == "end_time")
            fail_field("by", fmt::format("\"{}\" is a number, not something to group by", column));
    }
    std::optional<Order> order;
    if (!request.order_by.empty()) {
        order = search::parse_order(request.order_by, search::runs_grammar());
        if (order->subject != Subject::metric)
            fail_field("order_by", "must be a metric, such as \"metrics.loss ASC\"");
    }
    return database_.read([&](sql::Connection& connection) {
        std::int64_t number = load_experiment(connection, project_id, experiment).number;
        auto [frame, kept] = matching_runs(connection, {number}, request.filter);
        Grouping grouping{std::vector<std::int64_t>(frame.size(), -1), {RunGroup{}}};
        RunGroups answer;
        for (std::size_t i = 0; i < kept.size(); ++i) {
            if (!kept[i]) continue;
            grouping.group_of[i] = 0;
            ++answer.run_count;
        }
        for (const auto& name : names) grouping = split(grouping, frame, name);
        for (auto group : grouping.group_of)
            if (group >= 0) ++grouping.groups[static_cast<std::size_t>(group)].count;
        std::map<std::string, std::vector<Figures>> figures;
        for (const auto& key : request.metrics) figures[key];
        if (order) figures[order->key];
        for (auto& [key, column] : figures)
            column = summarise(grouping, frame.column(Subject::metric, key));
        auto places = order_groups(grouping, order ? &figures[order->key] : nullptr,
                                   order && order->ascending);
        answer.total = static_cast<std::int64_t>(places.size());
        if (answer.total > request.groups) places.resize(static_cast<std::size_t>(request.groups));
        std::unordered_map<std::size_t, std::string> ids;
        auto id_of = [&](std::size_t position) {
            auto [found, is_new] = ids.try_emplace(position);
            if (is_new)
                connection.query("SELECT id FROM tracking_runs WHERE number = $1",
                                 {frame.number(position)},
                                 [&](const sql::Row& row) { found->second = row.string(0); });
            return found->second;
        };
        for (auto place : places) {
            RunGroup& group = grouping.groups[place];
            for (auto& [key, column] : figures) {
                Figures& one = column[place];
                if (one.summary.count == 0) continue;
                one.summary.least_run = id_of(one.least_at);
                one.summary.greatest_run = id_of(one.greatest_at);
                group.metrics[key] = std::move(one.summary);
            }
            answer.items.push_back(std::move(group));
        }
        return answer;
    });
}

}  // namespace maru::tracking
