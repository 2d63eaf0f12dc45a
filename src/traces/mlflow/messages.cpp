#include <boost/json/value.hpp>
#include <charconv>
#include <cmath>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "traces/mlflow/routes.hpp"
#include "traces/spans/json_text.hpp"

namespace maru::traces::mlflow {
namespace {

constexpr std::string_view kJsonFormat = "JSON_FORMAT";

/// google.protobuf.Duration: "0.098s"
std::string format_duration(std::int64_t ms) {
    std::int64_t whole = ms / 1000, part = ms % 1000;
    if (part == 0) return fmt::format("{}s", whole);
    return fmt::format("{}{}.{:03}s", ms < 0 && whole == 0 ? "-" : "", whole, std::abs(part));
}

std::int64_t parse_duration(const std::string& text) {
    double seconds = 0;
    const char* end = text.data() + text.size() - (text.ends_with('s') ? 1 : 0);
    auto [last, error] = std::from_chars(text.data(), end, seconds);
    constexpr double kMost = 1e12;
    if (!text.ends_with('s') || error != std::errc{} || last != end || !(std::abs(seconds) < kMost))
        fail(ErrorCode::invalid_argument,
             "Invalid value {} for parameter 'execution_duration' supplied: expected a duration "
             "such as \"1.5s\"",
             json_string(text));
    return std::llround(seconds * 1000);
}

void write_texts(JsonWriter& writer, std::string_view name,
                 const std::map<std::string, std::string>& texts) {
    if (texts.empty()) return;
    writer.key(name).begin_object();
    for (const auto& [key, value] : texts) {
        std::string escaped = json_string(key);
        writer.key(std::string_view(escaped).substr(1, escaped.size() - 2)).value(value);
    }
    writer.end_object();
}

void write_optional(JsonWriter& writer, std::string_view name,
                    const std::optional<std::string>& text) {
    if (text) writer.field(name, *text);
}

TraceState state_of(const std::string& name) {
    if (name.empty()) return TraceState::STATE_UNSPECIFIED;
    if (auto state = enum_from<TraceState>(name)) return *state;
    for (int i = 0; i < 4; ++i)
        if (name == std::to_string(i)) return static_cast<TraceState>(i);
    fail(ErrorCode::invalid_argument,
         "Invalid value {} for parameter 'state' supplied: expected one of STATE_UNSPECIFIED, OK, "
         "ERROR, IN_PROGRESS",
         json_string(name));
}

bool is_scalar(const std::string& json) {
    return !json.starts_with('{') && !json.starts_with('[') && json != "null";
}

void write_value(JsonWriter& writer, const Assessment& assessment) {
    const std::string& value = assessment.value.text;
    switch (assessment.kind) {
        case AssessmentKind::feedback:
            writer.key("feedback").begin_object().key("value").raw(value.empty() ? "null" : value);
            if (!assessment.error.text.empty()) writer.key("error").raw(assessment.error.text);
            break;
        case AssessmentKind::expectation:
            writer.key("expectation").begin_object();
            if (is_scalar(value))
                writer.key("value").raw(value);
            else
                writer.key("serialized_value")
                    .begin_object()
                    .field("serialization_format", kJsonFormat)
                    .field("value", value)
                    .end_object();
            break;
        case AssessmentKind::issue:
            writer.key("issue").begin_object().key("issue_name").raw(value);
            break;
    }
    writer.end_object();
}

}  // namespace

void write_assessment(JsonWriter& writer, const Assessment& assessment, std::string_view trace_id) {
    writer.begin_object()
        .field("assessment_id", assessment.id)
        .field("assessment_name", assessment.name)
        .field("trace_id", trace_id)
        .key("source")
        .begin_object()
        .field("source_type", enum_name(assessment.source_type));
    write_optional(writer, "source_id", assessment.source_id);
    writer.end_object()
        .field("create_time", format_time(assessment.created_at))
        .field("last_update_time", format_time(assessment.updated_at));
    write_value(writer, assessment);
    write_optional(writer, "rationale", assessment.rationale);
    write_texts(writer, "metadata", assessment.metadata);
    write_optional(writer, "span_id", assessment.span_id);
    write_optional(writer, "overrides", assessment.overrides);
    writer.field("valid", assessment.valid).end_object();
}

void write_trace_info(JsonWriter& writer, const Trace& trace) {
    writer.begin_object().field("trace_id", trace.id);
    write_optional(writer, "client_request_id", trace.client_request_id);
    writer.key("trace_location")
        .begin_object()
        .field("type", "MLFLOW_EXPERIMENT")
        .key("mlflow_experiment")
        .begin_object()
        .field("experiment_id", trace.experiment_id)
        .end_object()
        .end_object()
        .field("request_time", format_time(trace.started_at));
    if (trace.duration_ms) writer.field("execution_duration", format_duration(*trace.duration_ms));
    writer.field("state", enum_name(trace.state));
    write_texts(writer, "trace_metadata", trace.metadata);
    if (!trace.assessments.empty()) {
        writer.key("assessments").begin_list();
        for (const auto& assessment : trace.assessments)
            write_assessment(writer, assessment, trace.id);
        writer.end_list();
    }
    write_texts(writer, "tags", trace.tags);
    write_optional(writer, "request_preview", trace.request_preview);
    write_optional(writer, "response_preview", trace.response_preview);
    writer.end_object();
}

void write_old_trace_info(JsonWriter& writer, const Trace& trace) {
    writer.begin_object()
        .field("request_id", trace.id)
        .field("experiment_id", trace.experiment_id)
        .field("timestamp_ms", to_ms(trace.started_at))
        .field("execution_time_ms", trace.duration_ms.value_or(0))
        .field("status", trace.state == TraceState::STATE_UNSPECIFIED ? "TRACE_STATUS_UNSPECIFIED"
                                                                      : enum_name(trace.state))
        .pairs("request_metadata", trace.metadata)
        .pairs("tags", trace.tags)
        .end_object();
}

void write_whole_trace(JsonWriter& writer, const Trace& trace,
                       const std::vector<spans::Span>& list) {
    writer.begin_object().key("trace_info");
    write_trace_info(writer, trace);
    if (!list.empty()) {
        writer.key("spans").begin_list();
        std::string text;
        for (const auto& span : list) {
            text.clear();
            spans::append_proto_json(text, span);
            writer.raw(text);
        }
        writer.end_list();
    }
    writer.end_object();
}

std::optional<AssessmentValue> read_assessment_value(const Message& message) {
    if (auto feedback = message.object("feedback"))
        return AssessmentValue{
            AssessmentKind::feedback, {feedback->json("value")}, {feedback->json("error")}};
    if (auto expectation = message.object("expectation")) {
        auto serialized = expectation->object("serialized_value");
        if (!serialized)
            return AssessmentValue{AssessmentKind::expectation, {expectation->json("value")}, {}};
        if (auto format = serialized->text("serialization_format"); format != kJsonFormat)
            fail(ErrorCode::invalid_argument,
                 "Unknown serialization format: {}. Only JSON_FORMAT is supported.", format);
        return AssessmentValue{AssessmentKind::expectation, {serialized->text("value")}, {}};
    }
    if (auto issue = message.object("issue"))
        return AssessmentValue{AssessmentKind::issue, {json_string(issue->text("issue_name"))}, {}};
    return std::nullopt;
}

Assessment read_assessment(const Message& message) {
    auto value = read_assessment_value(message);
    if (!value) fail(ErrorCode::invalid_argument, "Unknown assessment type: None");
    Assessment assessment{.id = message.text("assessment_id"),
                          .name = message.text("assessment_name"),
                          .kind = value->kind,
                          .value = value->value,
                          .error = value->error,
                          .metadata = message.text_map("metadata"),
                          .valid = message.flag("valid", true)};
    auto optional = [&](std::string_view name) {
        auto text = message.optional_text(name);
        return text && !text->empty() ? text : std::nullopt;
    };
    assessment.rationale = optional("rationale");
    assessment.span_id = optional("span_id");
    assessment.overrides = optional("overrides");
    if (auto source = message.object("source")) {
        std::string type = source->text("source_type");
        auto known = enum_from<AssessmentSource>(type == "AI_JUDGE" ? "LLM_JUDGE" : type);
        if (!known && !type.empty())
            fail(ErrorCode::invalid_argument,
                 "Invalid assessment source type: {}. Valid source types: "
                 "['SOURCE_TYPE_UNSPECIFIED', 'LLM_JUDGE', 'HUMAN', 'CODE']",
                 type);
        assessment.source_type = known.value_or(AssessmentSource::SOURCE_TYPE_UNSPECIFIED);
        assessment.source_id = source->optional_text("source_id");
    }
    if (message.has("create_time")) assessment.created_at = parse_time(message.text("create_time"));
    if (message.has("last_update_time"))
        assessment.updated_at = parse_time(message.text("last_update_time"));
    return assessment;
}

Trace read_trace_info(const Message& message) {
    Trace trace{.id = message.required_text("trace_id"),
                .state = state_of(message.has("state") ? message.text("state") : ""),
                .tags = message.text_map("tags"),
                .metadata = message.text_map("trace_metadata")};
    auto location = message.object("trace_location");
    auto experiment = location ? location->object("mlflow_experiment") : std::nullopt;
    if (!experiment)
        fail(ErrorCode::invalid_argument,
             "Missing value for required parameter "
             "'trace.trace_info.trace_location.mlflow_experiment'.");
    trace.experiment_id = experiment->required_text("experiment_id");
    if (message.has("request_time")) trace.started_at = parse_time(message.text("request_time"));
    if (message.has("execution_duration"))
        trace.duration_ms = parse_duration(message.text("execution_duration"));
    trace.client_request_id = message.optional_text("client_request_id");
    trace.request_preview = message.optional_text("request_preview");
    trace.response_preview = message.optional_text("response_preview");
    for (const auto& assessment : message.list("assessments"))
        trace.assessments.push_back(read_assessment(assessment));
    return trace;
}

}  // namespace maru::traces::mlflow
