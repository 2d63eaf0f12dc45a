#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/time.hpp"

namespace maru::traces {

enum class TraceState { STATE_UNSPECIFIED, OK, ERROR, IN_PROGRESS };
BOOST_DESCRIBE_ENUM(TraceState, STATE_UNSPECIFIED, OK, ERROR, IN_PROGRESS)

enum class AssessmentKind { feedback, expectation, issue };
BOOST_DESCRIBE_ENUM(AssessmentKind, feedback, expectation, issue)

enum class AssessmentSource { SOURCE_TYPE_UNSPECIFIED, HUMAN, LLM_JUDGE, CODE };
BOOST_DESCRIBE_ENUM(AssessmentSource, SOURCE_TYPE_UNSPECIFIED, HUMAN, LLM_JUDGE, CODE)

/// What somebody, or a program, thinks of a trace or of one of its spans. `value` is any JSON: of
/// an issue its name as a text. An assessment that another one overrides is not `valid`.
struct Assessment {
    std::string id, name;
    AssessmentKind kind = AssessmentKind::feedback;
    Json value;
    Json error;  // of a feedback: {"error_code", "error_message", "stack_trace"}
    AssessmentSource source_type = AssessmentSource::SOURCE_TYPE_UNSPECIFIED;
    std::optional<std::string> source_id, rationale, span_id, overrides;
    std::map<std::string, std::string> metadata;
    bool valid = true;
    Time created_at{}, updated_at{};
};
BOOST_DESCRIBE_STRUCT(Assessment, (),
                      (id, name, kind, value, error, source_type, source_id, rationale, span_id,
                       overrides, metadata, valid, created_at, updated_at))

/// Tokens that a trace's language models read and wrote.
struct TokenUsage {
    std::optional<std::int64_t> input, output, total, cache_read, cache_creation;
};
BOOST_DESCRIBE_STRUCT(TokenUsage, (), (input, output, total, cache_read, cache_creation))

struct Trace {
    std::string id, experiment_id;
    TraceState state = TraceState::STATE_UNSPECIFIED;
    std::optional<std::string> name;
    Time started_at{};
    std::optional<std::int64_t> duration_ms;  // nothing while it runs
    std::optional<std::string> request_preview, response_preview, client_request_id;
    TokenUsage tokens;
    std::vector<std::string> run_ids;  // the run that it was made in, then those it is linked to
    std::map<std::string, std::string> tags, metadata;
    std::vector<Assessment> assessments;

    std::int64_t number = 0;  // key of its row
};
BOOST_DESCRIBE_STRUCT(Trace, (),
                      (id, experiment_id, state, name, started_at, duration_ms, request_preview,
                       response_preview, client_request_id, tokens, run_ids, tags, metadata,
                       assessments))

struct TraceSpanEvent {
    std::string name;
    std::int64_t offset_us = 0;  // from the trace's start
    std::map<std::string, Json> attributes;
};
BOOST_DESCRIBE_STRUCT(TraceSpanEvent, (), (name, offset_us, attributes))

enum class SpanStatus { UNSET, OK, ERROR };
BOOST_DESCRIBE_ENUM(SpanStatus, UNSET, OK, ERROR)

/// A span as the API shows it: its attributes decoded, its inputs, outputs and type apart.
struct TraceSpan {
    std::string id;
    std::optional<std::string> parent_id;
    std::string name, type;
    SpanStatus status = SpanStatus::UNSET;
    std::string status_message;
    std::int64_t offset_us = 0;  // from the start of the trace's first span
    std::optional<std::int64_t> duration_us;
    Json inputs, outputs;
    std::map<std::string, Json> attributes;
    std::vector<TraceSpanEvent> events;
};
BOOST_DESCRIBE_STRUCT(TraceSpan, (),
                      (id, parent_id, name, type, status, status_message, offset_us, duration_us,
                       inputs, outputs, attributes, events))

/// A trace with its spans, parents before their children, siblings by time.
struct TraceDetail {
    Trace trace;
    std::vector<TraceSpan> spans;
};
BOOST_DESCRIBE_STRUCT(TraceDetail, (), (trace, spans))

}  // namespace maru::traces
