#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.hpp"
#include "traces/rows.hpp"
#include "traces/service.hpp"
#include "tracking/search/conditions.hpp"
#include "tracking/search/lexer.hpp"

namespace maru::traces {
namespace {

using tracking::search::Lexer;
using tracking::search::reject;
using tracking::search::Statement;
using tracking::search::Token;

using Columns = std::vector<std::pair<std::string_view, std::string_view>>;

/// A number that can be asked for: what is aggregated, how, and by what it can be grouped.
struct Metric {
    std::string_view name;
    std::string_view column;
    std::vector<std::string_view> aggregations;  // sorted
    Columns dimensions;
};

struct View {
    std::string_view name, from, time_ms;
    std::vector<Metric> metrics;
};

const std::vector<std::string_view> kCount{"COUNT"};
const std::vector<std::string_view> kSpread{"AVG", "MAX", "MIN", "PERCENTILE"};
const std::vector<std::string_view> kSums{"AVG", "MAX", "MIN", "PERCENTILE", "SUM"};

const std::vector<View>& views() {
    static const Columns name{{"trace_name", "t.name"}};
    static const Columns model{{"span_model_name", "s.model"},
                               {"span_model_provider", "s.provider"}};
    static const std::vector<View> all{
        {"TRACES",
         "traces t",
         "t.started_at",
         {{"trace_count", "1", kCount, {{"trace_name", "t.name"}, {"trace_status", "t.state"}}},
          {"session_count", "t.session_id", kCount, {}},
          {"latency", "t.duration_ms", kSpread, name},
          {"input_tokens", "t.input_tokens", kSums, name},
          {"output_tokens", "t.output_tokens", kSums, name},
          {"total_tokens", "t.total_tokens", kSums, name},
          {"cache_read_input_tokens", "t.cache_read_tokens", kSums, name},
          {"cache_creation_input_tokens", "t.cache_creation_tokens", kSums, name}}},
        {"SPANS",
         "traces t JOIN trace_spans s ON s.trace = t.number",
         "s.started_ns / 1000000",
         {{"span_count",
           "1",
           kCount,
           {{"span_name", "s.name"},
            {"span_type", "s.type"},
            {"span_status", "s.status"},
            {"span_model_name", "s.model"},
            {"span_model_provider", "s.provider"}}},
          {"latency",
           "CASE WHEN s.ended_ns = 0 THEN NULL ELSE (s.ended_ns - s.started_ns) / 1000000 END",
           kSpread,
           {{"span_name", "s.name"}, {"span_status", "s.status"}}},
          {"input_cost", "s.input_cost", kSums, model},
          {"output_cost", "s.output_cost", kSums, model},
          {"total_cost", "s.total_cost", kSums, model}}},
        {"ASSESSMENTS",
         "traces t JOIN trace_assessments a ON a.trace = t.number AND a.valid = 1",
         "t.started_at",
         {{"assessment_count",
           "1",
           kCount,
           {{"assessment_name", "a.name"}, {"assessment_value", "a.value"}}},
          {"assessment_value", "a.number_value", kSpread, {{"assessment_name", "a.name"}}}}}};
    return all;
}

const View& view_of(const std::string& name) {
    for (const auto& view : views())
        if (view.name == name) return view;
    reject("view_type must be one of ['TRACES', 'SPANS', 'ASSESSMENTS'], got '{}'", name);
}

const Metric& metric_of(const View& view, const std::string& name) {
    std::vector<std::string_view> names;
    for (const auto& metric : view.metrics) {
        if (metric.name == name) return metric;
        names.push_back(metric.name);
    }
    reject("metric_name must be one of ['{}'], got '{}'", fmt::join(names, "', '"), name);
}

void check_query(const Metric& metric, const MetricQuery& query) {
    for (const auto& aggregation : query.aggregations) {
        if (std::ranges::find(metric.aggregations, aggregation.type) == metric.aggregations.end())
            reject("Found invalid aggregation_type(s): ['{}']. Supported aggregation types: ['{}']",
                   aggregation.type, fmt::join(metric.aggregations, "', '"));
        bool percentile = aggregation.type == "PERCENTILE";
        if (percentile && !aggregation.percentile)
            reject("Percentile value is required for PERCENTILE aggregation");
        if (!percentile && aggregation.percentile)
            reject("Percentile value is only allowed for PERCENTILE aggregation type, got {}",
                   aggregation.type);
        if (percentile && !(*aggregation.percentile >= 0 && *aggregation.percentile <= 100))
            reject("Percentile value must be between 0 and 100, got {}", *aggregation.percentile);
    }
    if (query.interval_s && (!query.from_ms || !query.to_ms))
        reject("start_time_ms and end_time_ms are required if time_interval_seconds is set");
    if (query.interval_s && (*query.interval_s < 1 || *query.interval_s > 1'000'000'000))
        reject("Invalid value {} for parameter 'time_interval_seconds'", *query.interval_s);
}

std::string_view column_of_dimension(const Metric& metric, const std::string& name) {
    std::vector<std::string_view> names;
    for (const auto& [dimension, column] : metric.dimensions) {
        if (dimension == name) return column;
        names.push_back(dimension);
    }
    std::ranges::sort(names);
    reject("Found invalid dimension(s): ['{}']. Supported dimensions: ['{}']", name,
           fmt::join(names, "', '"));
}

struct MetricFilter {
    std::string view, entity, key, value;
};

/// "trace.tag.user = 'ada'"
MetricFilter parse_metric_filter(const std::string& text) {
    Lexer lexer(text);
    Token name = lexer.next(), comparator = lexer.next(), value = lexer.next();
    if (name.kind != Token::Kind::word || comparator.kind == Token::Kind::end ||
        value.kind == Token::Kind::end || lexer.next().kind != Token::Kind::end)
        reject("Invalid filter: '{}'. Expected one filter clause.", text);
    if (comparator.text != "=")
        reject("Invalid comparator: '{}', only '=' operator is supported", comparator.raw);
    if (value.kind != Token::Kind::text)
        reject("Expected a quoted string value (e.g. 'my-value'). Got value {}", value.raw);
    auto dot = name.text.find('.');
    if (dot == std::string::npos)
        reject(
            "Invalid identifier '{}'. Columns should be specified as 'trace.<key>', 'span.<key>', "
            "'assessment.<key>'.",
            name.text);
    MetricFilter filter{
        .view = name.text.substr(0, dot), .entity = name.text.substr(dot + 1), .value = value.text};
    if (auto second = filter.entity.find('.'); second != std::string::npos) {
        filter.key = filter.entity.substr(second + 1);
        filter.entity.resize(second);
    }
    return filter;
}

void append_trace_filter(Statement& statement, const MetricFilter& filter) {
    bool keyed = filter.entity == "tag" || filter.entity == "metadata";
    if (keyed && filter.key.empty())
        reject("Filtering by {} requires a key, e.g. 'trace.{}.<key> = <value>'", filter.entity,
               filter.entity);
    if (filter.entity == "status" || (filter.entity == "tag" && filter.key == kNameTag)) {
        statement += filter.entity == "status" ? " AND t.state = " : " AND t.name = ";
        statement << filter.value;
        return;
    }
    if (!keyed)
        reject(
            "Invalid entity '{}' specified for view type 'trace'. Valid entities are ['status', "
            "'tag', 'metadata']",
            filter.entity);
    statement +=
        fmt::format(" AND (EXISTS (SELECT 1 FROM {} k WHERE k.trace = t.number AND k.key = ",
                    filter.entity == "tag" ? "trace_tags" : "trace_metadata");
    statement << filter.key;
    statement += " AND k.value = ";
    statement << filter.value;
    statement += ")";
    if (filter.key == kRunMetadata) {
        statement +=
            " OR EXISTS (SELECT 1 FROM trace_runs l WHERE l.project_id = t.project_id AND "
            "l.trace_id = t.id AND l.run_id = ";
        statement << filter.value;
        statement += ")";
    }
    statement += ")";
}

void append_filter(Statement& statement, const View& view, const MetricFilter& filter) {
    if (filter.view == "trace") return append_trace_filter(statement, filter);
    bool span = filter.view == "span";
    if (!span && filter.view != "assessment")
        reject("Invalid view type '{}'. Valid values are 'trace', 'span', 'assessment'",
               filter.view);
    if (view.name != (span ? "SPANS" : "ASSESSMENTS"))
        reject("Filtering by {} is only supported for {} view type, got {}", filter.view,
               span ? "SPANS" : "ASSESSMENTS", view.name);
    static const Columns columns{{"span.name", "s.name"},
                                 {"span.type", "s.type"},
                                 {"span.status", "s.status"},
                                 {"assessment.name", "a.name"},
                                 {"assessment.type", "a.kind"}};
    for (const auto& [name, column] : columns) {
        if (name != filter.view + "." + filter.entity || !filter.key.empty()) continue;
        statement += fmt::format(" AND {} = ", column);
        statement << filter.value;
        return;
    }
    reject("Invalid entity '{}' specified for view type '{}'.", filter.entity, filter.view);
}

/// By linear interpolation between the two nearest values.
double percentile(const std::vector<double>& sorted, double percent) {
    double place = percent / 100 * static_cast<double>(sorted.size() - 1);
    auto below = static_cast<std::size_t>(place);
    auto above = std::min(below + 1, sorted.size() - 1);
    double part = place - static_cast<double>(below);
    return sorted[below] * (1 - part) + sorted[above] * part;
}

double aggregate(const MetricQuery::Aggregation& aggregation, const std::vector<double>& sorted) {
    auto count = static_cast<double>(sorted.size());
    if (aggregation.type == "COUNT") return count;
    if (aggregation.type == "MIN") return sorted.front();
    if (aggregation.type == "MAX") return sorted.back();
    if (aggregation.type == "PERCENTILE")
        return percentile(sorted, aggregation.percentile.value_or(50));
    double sum = std::accumulate(sorted.begin(), sorted.end(), 0.0);
    return aggregation.type == "AVG" ? sum / count : sum;
}

/// "P95.0", as Python writes the number.
std::string name_of(const MetricQuery::Aggregation& aggregation) {
    if (!aggregation.percentile) return aggregation.type;
    std::string number = fmt::format("{}", *aggregation.percentile);
    if (number.find('.') == std::string::npos) number += ".0";
    return "P" + number;
}

std::string time_of_bucket(std::int64_t seconds) {
    std::string text = format_time(from_ms(seconds * 1000));
    return text.substr(0, 19) + "+00:00";
}

Statement statement_of(const View& view, const Metric& metric, const MetricQuery& query,
                       const std::vector<std::int64_t>& experiments) {
    Statement statement;
    bool sessions = metric.name == "session_count";
    statement += sessions ? "SELECT DISTINCT " : "SELECT ";
    if (query.interval_s) {
        statement += fmt::format("({}) / ", view.time_ms);
        statement << *query.interval_s * 1000;
    } else {
        statement += "0";
    }
    statement += fmt::format(", {}", metric.column);
    std::string where;
    for (const auto& dimension : query.dimensions) {
        auto column = column_of_dimension(metric, dimension);
        statement += fmt::format(", {}", column);
        where += fmt::format(" AND {} IS NOT NULL", column);
    }
    statement += fmt::format(" FROM {} WHERE t.experiment IN ", view.from);
    statement.list(experiments);
    statement += where + fmt::format(" AND ({}) IS NOT NULL", metric.column);
    // Counts and durations of spans are asked for by the time of their traces.
    bool cost = metric.column.ends_with("_cost");
    std::string_view time = cost ? view.time_ms : "t.started_at";
    if (query.from_ms) {
        statement += fmt::format(" AND {} >= ", time);
        statement << *query.from_ms;
    }
    if (query.to_ms) {
        statement += fmt::format(" AND {} <= ", time);
        statement << *query.to_ms;
    }
    for (const auto& filter : query.filters)
        append_filter(statement, view, parse_metric_filter(filter));
    return statement;
}

}  // namespace

std::vector<MetricAnswer> Service::query_metrics(std::string_view project_id,
                                                 const MetricQuery& query) {
    const View& view = view_of(query.view);
    const Metric& metric = metric_of(view, query.metric);
    check_query(metric, query);
    auto statement =
        statement_of(view, metric, query, experiment_numbers(project_id, query.experiment_ids));
    // By bucket, then by the dimensions, as they are to be answered.
    std::map<std::pair<std::int64_t, std::vector<std::string>>, std::vector<double>> groups;
    database_.read([&](sql::Connection& connection) {
        connection.query(statement.text(), sql::Parameters(statement.values()),
                         [&](const sql::Row& row) {
                             std::vector<std::string> dimensions;
                             for (std::size_t i = 0; i < query.dimensions.size(); ++i)
                                 dimensions.push_back(row.string(static_cast<int>(i) + 2));
                             groups[{row.integer(0), std::move(dimensions)}].push_back(row.real(1));
                         });
    });
    std::vector<MetricAnswer> answers;
    for (auto& [key, values] : groups) {
        if (static_cast<std::int64_t>(answers.size()) == query.results_max) break;
        std::ranges::sort(values);
        MetricAnswer& answer = answers.emplace_back();
        if (query.interval_s)
            answer.dimensions["time_bucket"] = time_of_bucket(key.first * *query.interval_s);
        for (std::size_t i = 0; i < query.dimensions.size(); ++i)
            answer.dimensions[query.dimensions[i]] = key.second[i];
        for (const auto& aggregation : query.aggregations)
            answer.values.emplace_back(name_of(aggregation), aggregate(aggregation, values));
    }
    return answers;
}

}  // namespace maru::traces
