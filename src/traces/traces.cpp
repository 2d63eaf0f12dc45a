#include <algorithm>

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/text.hpp"
#include "traces/rows.hpp"
#include "traces/service.hpp"
#include "tracking/search/conditions.hpp"
#include "tracking/validation.hpp"

namespace maru::traces {
namespace {

constexpr std::size_t kIdBytesMax = 200;
constexpr std::size_t kPreviewCharacters = 1000;

void check_trace(const Trace& trace) {
    if (trace.id.empty())
        fail(ErrorCode::invalid_argument,
             "Missing value for required parameter 'trace.trace_info.trace_id'.");
    if (trace.id.size() > kIdBytesMax || trace.id.find('\0') != std::string::npos)
        fail(ErrorCode::invalid_argument, "Invalid trace ID: longer than {} bytes, or no text",
             kIdBytesMax);
}

std::optional<std::string> shortened(const std::optional<std::string>& text) {
    if (!text) return std::nullopt;
    return cut(*text, kPreviewCharacters);
}

void insert_trace(sql::Connection& connection, std::string_view project_id, std::int64_t experiment,
                  const Trace& trace, std::int64_t number) {
    connection.execute(
        "INSERT INTO traces (number, project_id, id, experiment, experiment_id, state, "
        "started_at, duration_ms, client_request_id, request_preview, response_preview, "
        "finalized) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1)",
        {number, project_id, trace.id, experiment, trace.experiment_id, enum_name(trace.state),
         trace.started_at, trace.duration_ms, trace.client_request_id,
         shortened(trace.request_preview), shortened(trace.response_preview)});
}

/// What the client says of the whole trace wins over what was seen in its spans.
void complete_trace(sql::Connection& connection, std::int64_t experiment, const Trace& trace,
                    const TraceRow& row) {
    connection.execute(
        "UPDATE traces SET experiment = $2, experiment_id = $3, state = $4, started_at = $5, "
        "duration_ms = $6, client_request_id = $7, request_preview = COALESCE($8, "
        "request_preview), response_preview = COALESCE($9, response_preview), finalized = 1 WHERE "
        "number = $1",
        {row.number, experiment, trace.experiment_id, enum_name(trace.state), trace.started_at,
         trace.duration_ms, trace.client_request_id, shortened(trace.request_preview),
         shortened(trace.response_preview)});
    if (row.experiment == experiment) return;
    for (std::string_view table :
         {"trace_tags", "trace_metadata", "trace_prompts", "trace_spans", "trace_assessments"})
        connection.execute(fmt::format("UPDATE {} SET experiment = $2 WHERE trace = $1", table),
                           {row.number, experiment});
}

}  // namespace

std::string artifact_location(const tracking::Experiment& experiment, std::string_view trace_id) {
    std::string_view root = experiment.artifact_location;
    while (root.ends_with('/')) root.remove_suffix(1);
    return fmt::format("{}/traces/{}/artifacts", root, trace_id);
}

Service::Service(sql::Database& database, blob::BlobStore& blobs, tracking::Service& tracking,
                 const Clock& clock)
    : database_(database), blobs_(blobs), tracking_(tracking), clock_(clock) {}

tracking::Experiment Service::active_experiment(std::string_view project_id, std::string_view id) {
    auto experiment = tracking_.get_experiment(project_id, id);
    if (experiment.deleted)
        fail(ErrorCode::invalid_argument,
             "The experiment {} must be in the 'active' state. Current state is deleted.", id);
    return experiment;
}

std::vector<std::int64_t> Service::experiment_numbers(std::string_view project_id,
                                                      const std::vector<std::string>& ids) {
    // An experiment that isn't there has no traces.
    std::vector<std::string> visible;
    for (const auto& id : ids)
        if (api::may_access(api::ResourceKind::experiment, parse_int(id).value_or(-1)))
            visible.push_back(id);
    return database_.read([&](sql::Connection& connection) {
        tracking::search::Statement statement;
        statement += "SELECT number FROM trace_experiments WHERE project_id = ";
        statement << project_id;
        statement += " AND id IN ";
        statement.list(visible);
        return connection.all(statement.text(), statement.values(),
                              [](const sql::Row& row) { return row.integer(0); });
    });
}

Trace Service::start_trace(std::string_view project_id, Trace trace) {
    if (trace.id.empty()) trace.id = new_id();
    check_trace(trace);
    auto experiment = active_experiment(project_id, trace.experiment_id);
    trace.tags[std::string(kLocationTag)] = artifact_location(experiment, trace.id);
    // Where spans are is for the server to say.
    trace.tags.erase(std::string(kSpansLocationTag));
    for (auto& assessment : trace.assessments) complete_assessment(assessment, clock_.now());
    trace.experiment_id = experiment.id;
    return database_.write([&](sql::Connection& connection) {
        std::int64_t place = experiment_number(connection, project_id, experiment.id);
        auto row = find_row(connection, project_id, trace.id);
        std::int64_t number = row ? row->number : next_number(connection, "traces");
        if (row)
            complete_trace(connection, place, trace, *row);
        else
            insert_trace(connection, project_id, place, trace, number);
        put_tags(connection, number, place, trace.tags);
        put_metadata(connection, number, place, trace.metadata);
        for (const auto& assessment : trace.assessments)
            insert_assessment(connection, number, place, assessment);
        return load_traces(connection, project_id, {number}).at(0);
    });
}

Trace Service::end_trace(std::string_view project_id, std::string_view id, Time at,
                         TraceState state, const std::map<std::string, std::string>& metadata,
                         const std::map<std::string, std::string>& tags) {
    return database_.write([&](sql::Connection& connection) {
        auto row = require_row(connection, project_id, id);
        connection.execute("UPDATE traces SET state = $2, duration_ms = $3 WHERE number = $1",
                           {row.number, enum_name(state), (at - row.started_at).count()});
        put_tags(connection, row.number, row.experiment, tags);
        put_metadata(connection, row.number, row.experiment, metadata);
        return load_traces(connection, project_id, {row.number}).at(0);
    });
}

Trace Service::get_trace(std::string_view project_id, std::string_view id) {
    return database_.read([&](sql::Connection& connection) {
        auto row = require_row(connection, project_id, id);
        return load_traces(connection, project_id, {row.number}).at(0);
    });
}

std::vector<Trace> Service::get_traces(
    std::string_view project_id, const std::vector<std::string>& ids,
    const std::optional<std::vector<std::string>>& experiment_ids) {
    return database_.read([&](sql::Connection& connection) {
        std::vector<std::int64_t> numbers;
        for (const auto& id : ids) {
            auto row = find_row(connection, project_id, id);
            if (!row || std::ranges::find(numbers, row->number) != numbers.end()) continue;
            if (experiment_ids &&
                std::ranges::find(*experiment_ids, row->experiment_id) == experiment_ids->end())
                continue;
            numbers.push_back(row->number);
        }
        return load_traces(connection, project_id, numbers);
    });
}

void Service::set_tag(std::string_view project_id, std::string_view id, const std::string& key,
                      const std::string& value) {
    tracking::check_key(key, "key");
    tracking::check_length(key, tracking::kKeyLengthMax, "key");
    if (key == kSpansLocationTag)
        fail(ErrorCode::invalid_argument, "Tag '{}' is immutable and cannot be set on a trace.",
             key);
    database_.write([&](sql::Connection& connection) {
        auto row = require_row(connection, project_id, id);
        put_tags(connection, row.number, row.experiment, {{key, value}});
    });
}

void Service::delete_tag(std::string_view project_id, std::string_view id, const std::string& key) {
    if (key == kSpansLocationTag)
        fail(ErrorCode::invalid_argument, "Tag '{}' is immutable and cannot be deleted on a trace.",
             key);
    database_.write([&](sql::Connection& connection) {
        auto row = require_row(connection, project_id, id);
        std::int64_t deleted =
            key == kNameTag
                ? connection.execute(
                      "UPDATE traces SET name = NULL WHERE number = $1 AND name IS NOT NULL",
                      {row.number})
                : connection.execute("DELETE FROM trace_tags WHERE trace = $1 AND key = $2",
                                     {row.number, key});
        if (deleted == 0)
            fail(ErrorCode::not_found, "No trace tag with key '{}' for trace with ID '{}'", key,
                 id);
    });
}

}  // namespace maru::traces
