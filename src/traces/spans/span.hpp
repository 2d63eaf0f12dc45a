#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "traces/types.hpp"

/// Spans as programs send them, and the forms in which they are kept and answered.
namespace maru::traces::spans {

/// A name and its value as JSON text, written as Python's json.dumps does.
struct Attribute {
    std::string key, json;
};

struct Event {
    std::string name;
    std::int64_t at_ns = 0;
    std::vector<Attribute> attributes;
};

struct Link {
    std::string trace_id, span_id;  // hex
    std::vector<Attribute> attributes;
};

struct Span {
    std::string trace_id;   // 32 hex digits; MLflow's id of the trace is "tr-" and these
    std::string id;         // 16 hex digits
    std::string parent_id;  // empty: the trace's root
    std::string name;
    std::int64_t started_ns = 0;
    std::int64_t ended_ns = 0;  // 0: it has not ended
    SpanStatus status = SpanStatus::UNSET;
    std::string status_message;
    std::vector<Attribute> attributes;
    std::vector<Event> events;
    std::vector<Link> links;

    /// The attribute's JSON text; null if it isn't there.
    const std::string* attribute(std::string_view key) const;
    /// The attribute decoded, if it is a text.
    std::optional<std::string> text(std::string_view key) const;
    void set(std::string_view key, std::string json);
    /// mlflow.spanType; "UNKNOWN" if it has none.
    std::string type() const;
};

// Attributes that MLflow gives a meaning.
inline constexpr std::string_view kRequestId = "mlflow.traceRequestId";
inline constexpr std::string_view kType = "mlflow.spanType";
inline constexpr std::string_view kInputs = "mlflow.spanInputs";
inline constexpr std::string_view kOutputs = "mlflow.spanOutputs";
inline constexpr std::string_view kUsage = "mlflow.chat.tokenUsage";
inline constexpr std::string_view kCost = "mlflow.llm.cost";
inline constexpr std::string_view kModel = "mlflow.llm.model";
inline constexpr std::string_view kProvider = "mlflow.llm.provider";
inline constexpr std::string_view kTools = "mlflow.chat.tools";
inline constexpr std::string_view kTraceTagPrefix = "mlflow.traceTag.";

/// One line of JSON in the form of MLflow's traces.json ({"trace_id", "span_id", ...}).
std::string to_line(const Span& span);
/// Reads what to_line writes, and the older form of MLflow 2's clients; throws invalid_argument.
Span from_line(std::string_view json);
/// The spans of a traces.json file; throws invalid_argument.
std::vector<Span> from_file(std::string_view json);
/// {"spans":[...]} of lines.
std::string to_file(const std::vector<std::string>& lines);
/// Appends the span as protobuf's JSON form of opentelemetry.proto.trace.v1.Span.
void append_proto_json(std::string& out, const Span& span);
/// The span as the API shows it, with times from `origin_ns`.
TraceSpan to_resource(const Span& span, std::int64_t origin_ns);
/// Orders spans so that parents come before their children and siblings by time; spans whose parent
/// is not there are roots.
void sort_as_tree(std::vector<Span>& spans);

/// Gives a span the attributes of MLflow that follow from other conventions of OpenTelemetry
/// (GenAI, OpenInference, Traceloop, Vercel AI): type, inputs, outputs, token usage, model,
/// provider. What is there already stays.
void apply_conventions(Span& span);

/// What an attribute says, shortened for lists: of a chat its last message, else the JSON.
std::string preview(std::string_view json, std::string_view role);

/// Tokens or costs of one span, to be summed up over its trace.
struct UsageNode {
    std::string id, parent_id;
    std::map<std::string, double> values;
};
/// Sums the values of spans, leaving out those that have an ancestor with values of its own, which
/// are the sums of what is below it. Empty if no span has any.
std::map<std::string, double> sum_usage(const std::vector<UsageNode>& nodes);
/// The numbers in a JSON object; empty for anything else.
std::map<std::string, double> numbers_of(std::string_view json);

/// Lines compressed together, of at most some 256 KiB each unless one line is longer.
struct Chunk {
    std::int64_t plain_bytes = 0;
    std::string packed;
};
std::vector<Chunk> pack(const std::vector<std::string>& lines);
/// Throws data_loss on anything but what pack made.
std::vector<std::string> unpack(const Chunk& chunk);

}  // namespace maru::traces::spans
