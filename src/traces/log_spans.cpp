#include <algorithm>
#include <boost/json/value.hpp>
#include <cmath>
#include <map>

#include "base/error.hpp"
#include "base/json.hpp"
#include "traces/rows.hpp"
#include "traces/service.hpp"
#include "traces/spans/json_text.hpp"

namespace maru::traces {

std::string artifact_location(const tracking::Experiment& experiment, std::string_view trace_id);

namespace {

constexpr std::int64_t kNanosecondsPerMillisecond = 1'000'000;
constexpr std::string_view kSessionAttributes[] = {"session.id", "gen_ai.conversation.id"};

/// The spans of one trace in a request, and what they say of it.
struct Group {
    std::vector<const spans::Span*> spans;
    std::vector<std::string> lines;
    const spans::Span* root = nullptr;
    std::int64_t started_ms = INT64_MAX;
    std::optional<std::int64_t> ended_ms;
    std::optional<std::string> session, user;
    std::map<std::string, std::string> tags;
    bool has_usage = false;
};

/// A text as it is, anything else as JSON.
std::string plain(const std::string& json) {
    boost::system::error_code error;
    auto value = spans::parse_value(json, error);
    if (!error && value.is_string()) return std::string(spans::view(value.get_string()));
    return json;
}

void add_resource(Group& group, const std::vector<spans::Attribute>& attributes) {
    for (const auto& item : attributes) {
        // The exporter's own, and what MLflow's bookkeeping is called, is for no sender to set.
        if (item.key.starts_with("telemetry.sdk.") || item.key.starts_with("mlflow.")) continue;
        group.tags.emplace(item.key, plain(item.json));
    }
}

void add_root(Group& group, const spans::Span& root) {
    group.root = &root;
    for (const auto& item : root.attributes)
        if (item.key.starts_with(spans::kTraceTagPrefix) &&
            item.key.size() > spans::kTraceTagPrefix.size())
            group.tags[item.key.substr(spans::kTraceTagPrefix.size())] = plain(item.json);
}

void add_span(Group& group, const spans::Span& span) {
    group.spans.push_back(&span);
    group.lines.push_back(spans::to_line(span));
    group.started_ms = std::min(group.started_ms, span.started_ns / kNanosecondsPerMillisecond);
    if (span.ended_ns != 0)
        group.ended_ms =
            std::max(group.ended_ms.value_or(0), span.ended_ns / kNanosecondsPerMillisecond);
    for (auto key : kSessionAttributes)
        if (const auto* found = span.attribute(key); found != nullptr && !group.session)
            group.session = plain(*found);
    if (const auto* found = span.attribute("user.id"); found != nullptr && !group.user)
        group.user = plain(*found);
    group.has_usage = group.has_usage || span.attribute(spans::kUsage) != nullptr ||
                      span.attribute(spans::kCost) != nullptr;
    if (span.parent_id.empty()) add_root(group, span);
}

std::map<std::string, Group> group_by_trace(std::vector<otlp::Source>& sources) {
    std::map<std::string, Group> groups;
    for (auto& source : sources)
        for (auto& span : source.spans) {
            std::string id = "tr-" + span.trace_id;
            // Only the trace's own id counts, whatever the sender wrote.
            span.set(spans::kRequestId, json_string(id));
            spans::apply_conventions(span);
            Group& group = groups[id];
            if (group.spans.empty()) add_resource(group, source.attributes);
            add_span(group, span);
        }
    return groups;
}

sql::Value number_in(const std::map<std::string, double>& numbers, const char* key) {
    auto found = numbers.find(key);
    if (found == numbers.end() || !std::isfinite(found->second)) return {};
    return found->second;
}

sql::Value text_in(const spans::Span& span, std::string_view key) {
    auto text = span.text(key);
    return text ? sql::Value(cut(*text, 500)) : sql::Value();
}

void put_span(sql::Connection& connection, const TraceRow& row, const spans::Span& span) {
    const auto* cost = span.attribute(spans::kCost);
    const auto* usage = span.attribute(spans::kUsage);
    auto costs = cost == nullptr ? std::map<std::string, double>() : spans::numbers_of(*cost);
    connection.execute(
        "INSERT INTO trace_spans (trace, id, parent_id, name, type, status, started_ns, ended_ns, "
        "model, provider, input_cost, output_cost, total_cost, usage, experiment) VALUES ($1, $2, "
        "$3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT (trace, id) DO "
        "UPDATE SET parent_id = excluded.parent_id, name = excluded.name, type = excluded.type, "
        "status = excluded.status, started_ns = excluded.started_ns, ended_ns = "
        "excluded.ended_ns, model = excluded.model, provider = excluded.provider, input_cost = "
        "excluded.input_cost, output_cost = excluded.output_cost, total_cost = "
        "excluded.total_cost, usage = excluded.usage",
        {row.number, span.id, span.parent_id, span.name, span.type(), enum_name(span.status),
         span.started_ns, span.ended_ns, text_in(span, spans::kModel),
         text_in(span, spans::kProvider), number_in(costs, "input_cost"),
         number_in(costs, "output_cost"), number_in(costs, "total_cost"),
         usage == nullptr ? sql::Value() : sql::Value(*usage), row.experiment});
}

TraceRow make_trace(sql::Connection& connection, std::string_view project_id,
                    const tracking::Experiment& experiment, const std::string& id,
                    const Group& group) {
    TraceRow row{.number = next_number(connection, "traces"),
                 .experiment = experiment_number(connection, project_id, experiment.id),
                 .experiment_id = experiment.id,
                 .state = TraceState::IN_PROGRESS,
                 .started_at = from_ms(group.started_ms)};
    connection.execute(
        "INSERT INTO traces (number, project_id, id, experiment, experiment_id, state, started_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
        {row.number, project_id, id, row.experiment, experiment.id, enum_name(row.state),
         row.started_at});
    put_pair(connection, "trace_tags", row.number, row.experiment, kLocationTag,
             artifact_location(experiment, id));
    return row;
}

void widen_times(sql::Connection& connection, const TraceRow& row, const Group& group) {
    if (row.finalized) return;
    std::int64_t started = std::min(to_ms(row.started_at), group.started_ms);
    std::optional<std::int64_t> ended = group.ended_ms;
    if (row.duration_ms)
        ended = std::max(ended.value_or(0), to_ms(row.started_at) + *row.duration_ms);
    std::optional<std::int64_t> duration;
    if (ended) duration = std::max<std::int64_t>(0, *ended - started);
    connection.execute("UPDATE traces SET started_at = $2, duration_ms = $3 WHERE number = $1",
                       {row.number, started, duration});
}

void apply_root(sql::Connection& connection, const TraceRow& row, const spans::Span& root) {
    if (row.state == TraceState::IN_PROGRESS || row.state == TraceState::STATE_UNSPECIFIED)
        connection.execute(
            "UPDATE traces SET state = $2 WHERE number = $1",
            {row.number,
             enum_name(root.status == SpanStatus::ERROR ? TraceState::ERROR : TraceState::OK)});
    auto fill = [&](std::string_view column, const std::string& text) {
        connection.execute(fmt::format("UPDATE traces SET {} = $2 WHERE number = $1", column),
                           {row.number, text});
    };
    if (const auto* inputs = root.attribute(spans::kInputs); inputs != nullptr && !row.has_request)
        fill("request_preview", spans::preview(*inputs, "user"));
    if (const auto* outputs = root.attribute(spans::kOutputs);
        outputs != nullptr && !row.has_response)
        fill("response_preview", spans::preview(*outputs, "assistant"));
    if (!row.has_name && !root.name.empty()) fill("name", cut(root.name, 4096));
}

std::string dump_numbers(const std::map<std::string, double>& numbers, bool whole) {
    boost::json::object object;
    for (const auto& [key, value] : numbers) {
        if (whole)
            object[key] = static_cast<std::int64_t>(value);
        else
            object[key] = value;
    }
    return spans::dump(object);
}

/// Sums tokens and costs over the whole trace, spans of earlier requests included.
void sum_up(sql::Connection& connection, const TraceRow& row) {
    std::vector<spans::UsageNode> tokens, costs;
    connection.query(
        "SELECT id, parent_id, usage, input_cost, output_cost, total_cost FROM trace_spans WHERE "
        "trace = $1",
        {row.number}, [&](const sql::Row& span) {
            spans::UsageNode node{span.string(0), span.string(1), {}};
            costs.push_back(node);
            if (!span.is_null(2)) node.values = spans::numbers_of(span.text(2));
            tokens.push_back(std::move(node));
            const char* names[] = {"input_cost", "output_cost", "total_cost"};
            for (int i = 0; i < 3; ++i)
                if (!span.is_null(3 + i)) costs.back().values[names[i]] = span.real(3 + i);
        });
    std::map<std::string, std::string> metadata;
    if (auto sums = spans::sum_usage(tokens); !sums.empty() && !(row.finalized && row.has_usage))
        metadata[std::string(kUsageMetadata)] = dump_numbers(sums, true);
    bool has_cost = row.finalized &&
                    connection
                        .first("SELECT 1 FROM trace_metadata WHERE trace = $1 AND key = $2",
                               {row.number, kCostMetadata}, [](const sql::Row&) { return true; })
                        .has_value();
    if (auto sums = spans::sum_usage(costs); !sums.empty() && !has_cost)
        metadata[std::string(kCostMetadata)] = dump_numbers(sums, false);
    put_metadata(connection, row.number, row.experiment, metadata);
}

void put_group(sql::Connection& connection, const TraceRow& row, const Group& group) {
    append_lines(connection, row.number, group.lines);
    for (const auto* span : group.spans) put_span(connection, row, *span);
    widen_times(connection, row, group);
    if (group.root != nullptr) apply_root(connection, row, *group.root);
    if (group.has_usage) sum_up(connection, row);
    std::map<std::string, std::string> metadata;
    if (group.session && !row.has_session) metadata[std::string(kSessionMetadata)] = *group.session;
    if (group.user) {
        auto known =
            connection.first("SELECT 1 FROM trace_metadata WHERE trace = $1 AND key = $2",
                             {row.number, kUserMetadata}, [](const sql::Row&) { return true; });
        if (!known) metadata[std::string(kUserMetadata)] = *group.user;
    }
    put_metadata(connection, row.number, row.experiment, metadata);
    put_tags(connection, row.number, row.experiment, group.tags);
    put_pair(connection, "trace_tags", row.number, row.experiment, kSpansLocationTag,
             "TRACKING_STORE");
}

}  // namespace

std::vector<std::string> Service::log_spans(std::string_view project_id,
                                            const std::string& experiment_id,
                                            std::vector<otlp::Source> sources) {
    auto groups = group_by_trace(sources);
    if (groups.empty()) return {};
    auto experiment = active_experiment(project_id, experiment_id);
    database_.write([&](sql::Connection& connection) {
        for (const auto& [id, group] : groups) {
            auto row = find_row(connection, project_id, id);
            if (!row) row = make_trace(connection, project_id, experiment, id, group);
            put_group(connection, *row, group);
        }
    });
    announce_spans();
    std::vector<std::string> with_root;
    for (const auto& [id, group] : groups)
        if (group.root != nullptr) with_root.push_back(id);
    return with_root;
}

}  // namespace maru::traces
