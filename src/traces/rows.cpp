#include "traces/rows.hpp"

#include <algorithm>
#include <boost/json/value.hpp>
#include <cmath>
#include <unordered_map>

#include "base/error.hpp"
#include "base/text.hpp"
#include "traces/spans/json_text.hpp"
#include "tracking/search/conditions.hpp"

namespace maru::traces {

using tracking::search::Statement;

namespace {

constexpr std::size_t kKeyCharacters = 250;
constexpr std::size_t kValueCharacters = 8000;
constexpr std::size_t kTailBytes = 64 << 10;

struct UsageColumn {
    const char* key;
    std::string_view column;
};
constexpr UsageColumn kUsageColumns[] = {{"input_tokens", "input_tokens"},
                                         {"output_tokens", "output_tokens"},
                                         {"total_tokens", "total_tokens"},
                                         {"cache_read_input_tokens", "cache_read_tokens"},
                                         {"cache_creation_input_tokens", "cache_creation_tokens"}};

std::optional<std::string> optional_text(const sql::Row& row, int column) {
    return row.optional_string(column);
}

Trace read_trace(const sql::Row& row) {
    Trace trace;
    trace.number = row.integer(0);
    trace.id = row.string(1);
    trace.experiment_id = row.string(2);
    trace.state = enum_from<TraceState>(row.text(3)).value_or(TraceState::STATE_UNSPECIFIED);
    trace.name = optional_text(row, 4);
    trace.started_at = row.time(5);
    trace.duration_ms = row.optional_integer(6);
    trace.client_request_id = optional_text(row, 7);
    trace.request_preview = optional_text(row, 8);
    trace.response_preview = optional_text(row, 9);
    trace.tokens = {row.optional_integer(10), row.optional_integer(11), row.optional_integer(12),
                    row.optional_integer(13), row.optional_integer(14)};
    return trace;
}

std::map<std::string, std::string> parse_texts(std::string_view text) {
    std::map<std::string, std::string> result;
    boost::system::error_code error;
    auto value = spans::parse_value(text, error);
    if (error || !value.is_object()) return result;
    for (const auto& item : value.get_object())
        if (item.value().is_string())
            result.emplace(std::string(item.key().data(), item.key().size()),
                           spans::view(item.value().get_string()));
    return result;
}

Assessment read_assessment(const sql::Row& row, int from) {
    Assessment assessment;
    assessment.id = row.string(from);
    assessment.name = row.string(from + 1);
    assessment.kind =
        enum_from<AssessmentKind>(row.text(from + 2)).value_or(AssessmentKind::feedback);
    assessment.value.text = row.string(from + 3);
    assessment.error.text = row.string(from + 4);
    assessment.source_type = enum_from<AssessmentSource>(row.text(from + 5))
                                 .value_or(AssessmentSource::SOURCE_TYPE_UNSPECIFIED);
    assessment.source_id = row.optional_string(from + 6);
    assessment.rationale = row.optional_string(from + 7);
    assessment.span_id = row.optional_string(from + 8);
    assessment.overrides = row.optional_string(from + 9);
    assessment.metadata = parse_texts(row.text(from + 10));
    assessment.valid = row.boolean(from + 11);
    assessment.created_at = row.time(from + 12);
    assessment.updated_at = row.time(from + 13);
    return assessment;
}

using ByNumber = std::unordered_map<std::int64_t, Trace*>;

void load_pairs(sql::Connection& connection, std::string_view table,
                const std::vector<std::int64_t>& numbers, ByNumber& traces,
                std::map<std::string, std::string> Trace::* pairs) {
    Statement statement;
    statement += fmt::format("SELECT trace, key, value FROM {} WHERE trace IN ", table);
    statement.list(numbers);
    connection.query(statement.text(), sql::Parameters(statement.values()),
                     [&](const sql::Row& row) {
                         (traces[row.integer(0)]->*pairs)[row.string(1)] = row.string(2);
                     });
}

void load_runs(sql::Connection& connection, std::string_view project_id,
               std::vector<Trace>& traces) {
    std::unordered_map<std::string, Trace*> by_id;
    std::vector<std::string> ids;
    for (auto& trace : traces) {
        if (auto made_in = trace.metadata.find(std::string(kRunMetadata));
            made_in != trace.metadata.end())
            trace.run_ids.push_back(made_in->second);
        by_id.emplace(trace.id, &trace);
        ids.push_back(trace.id);
    }
    Statement statement;
    statement += "SELECT trace_id, run_id FROM trace_runs WHERE project_id = ";
    statement << project_id;
    statement += " AND trace_id IN ";
    statement.list(ids);
    connection.query(statement.text(), sql::Parameters(statement.values()),
                     [&](const sql::Row& row) {
                         auto& runs = by_id[row.string(0)]->run_ids;
                         std::string run = row.string(1);
                         if (std::ranges::find(runs, run) == runs.end())
                             runs.push_back(std::move(run));
                     });
}

}  // namespace

void require_access(const TraceRow& row, std::optional<api::ResourcePermission> least) {
    auto experiment = parse_int(row.experiment_id).value_or(-1);
    if (least)
        api::require_access(api::ResourceKind::experiment, experiment, *least);
    else
        api::require_access(api::ResourceKind::experiment, experiment);
}

std::optional<TraceRow> find_row(sql::Connection& connection, std::string_view project_id,
                                 std::string_view id) {
    auto row = connection.first(
        "SELECT number, experiment, experiment_id, state, started_at, duration_ms, finalized, "
        "name IS NOT NULL, request_preview IS NOT NULL, response_preview IS NOT NULL, session_id "
        "IS NOT NULL, COALESCE(input_tokens, output_tokens, total_tokens) IS NOT NULL FROM traces "
        "WHERE project_id = $1 AND id = $2",
        {project_id, id}, [](const sql::Row& row) {
            TraceRow found;
            found.number = row.integer(0);
            found.experiment = row.integer(1);
            found.experiment_id = row.string(2);
            found.state =
                enum_from<TraceState>(row.text(3)).value_or(TraceState::STATE_UNSPECIFIED);
            found.started_at = row.time(4);
            found.duration_ms = row.optional_integer(5);
            found.finalized = row.boolean(6);
            found.has_name = row.boolean(7);
            found.has_request = row.boolean(8);
            found.has_response = row.boolean(9);
            found.has_session = row.boolean(10);
            found.has_usage = row.boolean(11);
            return found;
        });
    if (row) require_access(*row);
    return row;
}

TraceRow require_row(sql::Connection& connection, std::string_view project_id,
                     std::string_view id) {
    auto row = find_row(connection, project_id, id);
    if (!row) fail(ErrorCode::not_found, "Trace with ID '{}' not found.", id);
    return *row;
}

std::vector<Trace> load_traces(sql::Connection& connection, std::string_view project_id,
                               const std::vector<std::int64_t>& numbers) {
    if (numbers.empty()) return {};
    Statement statement;
    statement +=
        "SELECT number, id, experiment_id, state, name, started_at, duration_ms, "
        "client_request_id, request_preview, response_preview, input_tokens, output_tokens, "
        "total_tokens, cache_read_tokens, cache_creation_tokens FROM traces WHERE number IN ";
    statement.list(numbers);
    std::unordered_map<std::int64_t, Trace> found;
    connection.query(statement.text(), sql::Parameters(statement.values()),
                     [&](const sql::Row& row) { found.emplace(row.integer(0), read_trace(row)); });
    std::vector<Trace> traces;
    for (auto number : numbers)
        if (auto trace = found.find(number); trace != found.end())
            traces.push_back(std::move(trace->second));
    ByNumber by_number;
    for (auto& trace : traces) by_number.emplace(trace.number, &trace);
    load_pairs(connection, "trace_tags", numbers, by_number, &Trace::tags);
    load_pairs(connection, "trace_metadata", numbers, by_number, &Trace::metadata);
    for (auto& trace : traces)
        if (trace.name) trace.tags[std::string(kNameTag)] = *trace.name;
    Statement assessments;
    assessments +=
        "SELECT trace, id, name, kind, value, error, source_type, source_id, rationale, span_id, "
        "overrides, metadata, valid, created_at, updated_at FROM trace_assessments WHERE trace IN ";
    assessments.list(numbers);
    assessments += " ORDER BY number";
    connection.query(assessments.text(), sql::Parameters(assessments.values()),
                     [&](const sql::Row& row) {
                         by_number[row.integer(0)]->assessments.push_back(read_assessment(row, 1));
                     });
    load_runs(connection, project_id, traces);
    return traces;
}

std::int64_t next_number(sql::Connection& connection, std::string_view table) {
    return connection
        .first(fmt::format("SELECT COALESCE(MAX(number), 0) + 1 FROM {}", table), {},
               [](const sql::Row& row) { return row.integer(0); })
        .value();
}

std::int64_t experiment_number(sql::Connection& connection, std::string_view project_id,
                               std::string_view id) {
    auto number =
        connection.first("SELECT number FROM trace_experiments WHERE project_id = $1 AND id = $2",
                         {project_id, id}, [](const sql::Row& row) { return row.integer(0); });
    if (number) return *number;
    std::int64_t made = next_number(connection, "trace_experiments");
    connection.execute("INSERT INTO trace_experiments (number, project_id, id) VALUES ($1, $2, $3)",
                       {made, project_id, id});
    return made;
}

std::string cut(std::string_view text, std::size_t characters_max) {
    std::size_t characters = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        bool begins = (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80;
        if (begins && ++characters > characters_max) return std::string(text.substr(0, i));
    }
    return std::string(text);
}

void put_pair(sql::Connection& connection, std::string_view table, std::int64_t trace,
              std::int64_t experiment, std::string_view key, std::string_view value) {
    connection.execute(
        fmt::format("INSERT INTO {} (trace, key, value, experiment) VALUES ($1, $2, $3, $4) ON "
                    "CONFLICT (trace, key) DO UPDATE SET value = excluded.value",
                    table),
        {trace, cut(key, kKeyCharacters), cut(value, kValueCharacters), experiment});
}

void put_tags(sql::Connection& connection, std::int64_t trace, std::int64_t experiment,
              const std::map<std::string, std::string>& tags) {
    for (const auto& [key, value] : tags) {
        if (key == kNameTag)
            connection.execute("UPDATE traces SET name = $2 WHERE number = $1",
                               {trace, cut(value, kValueCharacters)});
        else
            put_pair(connection, "trace_tags", trace, experiment, key, value);
    }
}

void put_metadata(sql::Connection& connection, std::int64_t trace, std::int64_t experiment,
                  const std::map<std::string, std::string>& metadata) {
    for (const auto& [key, value] : metadata) {
        put_pair(connection, "trace_metadata", trace, experiment, key, value);
        if (key == kSessionMetadata)
            connection.execute("UPDATE traces SET session_id = $2 WHERE number = $1",
                               {trace, cut(value, kKeyCharacters)});
        if (key != kUsageMetadata) continue;
        auto numbers = spans::numbers_of(value);
        for (const auto& [name, column] : kUsageColumns) {
            auto found = numbers.find(name);
            constexpr double kExact = 9007199254740992.0;  // 2^53
            if (found == numbers.end() || std::abs(found->second) > kExact) continue;
            connection.execute(fmt::format("UPDATE traces SET {} = $2 WHERE number = $1", column),
                               {trace, static_cast<std::int64_t>(found->second)});
        }
    }
}

void delete_rows(sql::Connection& connection, const std::vector<std::int64_t>& numbers) {
    for (auto number : numbers) {
        connection.execute(
            "DELETE FROM trace_runs WHERE (project_id, trace_id) IN (SELECT project_id, id FROM "
            "traces WHERE number = $1)",
            {number});
        for (std::string_view table : {"trace_tags", "trace_metadata", "trace_prompts",
                                       "trace_spans", "trace_span_chunks", "trace_assessments"})
            connection.execute(fmt::format("DELETE FROM {} WHERE trace = $1", table), {number});
        connection.execute("DELETE FROM traces WHERE number = $1", {number});
    }
}

namespace {

spans::Chunk read_chunk(const sql::Row& row, int from) {
    return {row.integer(from), row.string(from + 1)};
}

}  // namespace

std::vector<std::string> load_lines(sql::Connection& connection, std::int64_t trace) {
    std::vector<std::string> lines;
    connection.query(
        "SELECT plain_bytes, packed FROM trace_span_chunks WHERE trace = $1 ORDER BY chunk",
        {trace}, [&](const sql::Row& row) {
            for (auto& line : spans::unpack(read_chunk(row, 0))) lines.push_back(std::move(line));
        });
    return lines;
}

void append_lines(sql::Connection& connection, std::int64_t trace,
                  const std::vector<std::string>& added) {
    // Clients send a span at a time: a short last chunk grows, so that it compresses well.
    struct Tail {
        std::int64_t chunk = 0;
        spans::Chunk content;
    };
    auto tail = connection.first(
        "SELECT chunk, plain_bytes, packed FROM trace_span_chunks WHERE trace = $1 ORDER BY chunk "
        "DESC LIMIT 1",
        {trace}, [](const sql::Row& row) { return Tail{row.integer(0), read_chunk(row, 1)}; });
    std::vector<std::string> lines;
    std::int64_t chunk = tail ? tail->chunk + 1 : 0;
    if (tail && tail->content.plain_bytes < static_cast<std::int64_t>(kTailBytes)) {
        lines = spans::unpack(tail->content);
        chunk = tail->chunk;
    }
    lines.insert(lines.end(), added.begin(), added.end());
    for (auto& packed : spans::pack(lines))
        connection.execute(
            "INSERT INTO trace_span_chunks (trace, chunk, plain_bytes, packed) VALUES ($1, $2, $3, "
            "$4) ON CONFLICT (trace, chunk) DO UPDATE SET plain_bytes = excluded.plain_bytes, "
            "packed = excluded.packed",
            {trace, chunk++, packed.plain_bytes, sql::Bytes{std::move(packed.packed)}});
}

}  // namespace maru::traces
