#include <boost/json/value.hpp>
#include <charconv>

#include "base/error.hpp"
#include "base/text.hpp"
#include "traces/otlp/request.hpp"
#include "traces/spans/json_text.hpp"

namespace maru::traces::otlp {

namespace json = boost::json;
using spans::Attribute;
using spans::Span;
using spans::view;

namespace {

constexpr int kDepthMax = 64;

[[noreturn]] void refuse() {
    fail(ErrorCode::invalid_argument, "Invalid OpenTelemetry format");
}

const json::object& object_of(const json::value& value) {
    if (!value.is_object()) refuse();
    return value.get_object();
}

const json::value* find(const json::object& object, const char* key) {
    const auto* value = object.if_contains(key);
    return value == nullptr || value->is_null() ? nullptr : value;
}

/// Calls `visit` with each object of a list, if it is there.
template <class Visit>
void each(const json::object& object, const char* key, Visit visit) {
    const auto* list = find(object, key);
    if (list == nullptr) return;
    if (!list->is_array()) refuse();
    for (const auto& item : list->get_array()) visit(object_of(item));
}

std::string text(const json::object& object, const char* key) {
    const auto* value = find(object, key);
    if (value == nullptr) return "";
    if (!value->is_string()) refuse();
    return std::string(view(value->get_string()));
}

/// A 64-bit integer, which protobuf's JSON form writes as a text.
std::int64_t integer(const json::value& value) {
    if (value.is_int64()) return value.get_int64();
    if (value.is_string())
        if (auto number = parse_int(view(value.get_string()))) return *number;
    refuse();
}

std::int64_t nanoseconds(const json::object& object, const char* key) {
    const auto* value = find(object, key);
    std::int64_t number = value == nullptr ? 0 : integer(*value);
    if (number < 0) refuse();
    return number;
}

std::string id(const json::object& object, const char* key, std::size_t digits) {
    std::string hex = to_lower(text(object, key));
    if (!hex.empty() &&
        (hex.size() != digits || hex.find_first_not_of("0123456789abcdef") != std::string::npos))
        refuse();
    return hex;
}

json::value read_value(const json::object& object, int depth) {
    if (depth > kDepthMax) refuse();
    if (const auto* value = find(object, "stringValue")) {
        if (!value->is_string()) refuse();
        return *value;
    }
    if (const auto* value = find(object, "boolValue")) {
        if (!value->is_bool()) refuse();
        return *value;
    }
    if (const auto* value = find(object, "intValue")) return integer(*value);
    if (const auto* value = find(object, "doubleValue")) {
        if (value->is_double()) return *value;
        if (value->is_int64()) return static_cast<double>(value->get_int64());
        return *value;  // "NaN", "Infinity"
    }
    if (const auto* value = find(object, "bytesValue")) return *value;
    if (const auto* value = find(object, "arrayValue")) {
        json::array list;
        each(object_of(*value), "values",
             [&](const json::object& item) { list.push_back(read_value(item, depth + 1)); });
        return list;
    }
    if (const auto* value = find(object, "kvlistValue")) {
        json::object pairs;
        each(object_of(*value), "values", [&](const json::object& item) {
            const auto* content = find(item, "value");
            pairs[text(item, "key")] =
                content == nullptr ? json::value() : read_value(object_of(*content), depth + 1);
        });
        return pairs;
    }
    return nullptr;
}

std::vector<Attribute> attributes(const json::object& object) {
    std::vector<Attribute> list;
    each(object, "attributes", [&](const json::object& item) {
        const auto* content = find(item, "value");
        list.push_back(
            {text(item, "key"),
             spans::dump(content == nullptr ? json::value() : read_value(object_of(*content), 0))});
    });
    return list;
}

void read_status(const json::object& object, Span& span) {
    span.status_message = text(object, "message");
    const auto* code = find(object, "code");
    if (code == nullptr) return;
    if (code->is_string()) {
        auto name = view(code->get_string());
        span.status = name == "STATUS_CODE_OK"      ? SpanStatus::OK
                      : name == "STATUS_CODE_ERROR" ? SpanStatus::ERROR
                                                    : SpanStatus::UNSET;
        return;
    }
    auto number = integer(*code);
    span.status = number == 1   ? SpanStatus::OK
                  : number == 2 ? SpanStatus::ERROR
                                : SpanStatus::UNSET;
}

Span read_span(const json::object& object) {
    Span span{.trace_id = id(object, "traceId", 32),
              .id = id(object, "spanId", 16),
              .parent_id = id(object, "parentSpanId", 16),
              .name = text(object, "name"),
              .started_ns = nanoseconds(object, "startTimeUnixNano"),
              .ended_ns = nanoseconds(object, "endTimeUnixNano"),
              .attributes = attributes(object)};
    if (span.trace_id.empty() || span.id.empty()) refuse();
    if (const auto* status = find(object, "status")) read_status(object_of(*status), span);
    each(object, "events", [&](const json::object& event) {
        span.events.push_back(
            {text(event, "name"), nanoseconds(event, "timeUnixNano"), attributes(event)});
    });
    each(object, "links", [&](const json::object& link) {
        span.links.push_back({id(link, "traceId", 32), id(link, "spanId", 16), attributes(link)});
    });
    return span;
}

}  // namespace

std::vector<Source> parse_json(std::string_view body) {
    boost::system::error_code error;
    auto value = spans::parse_value(body, error);
    if (error || !value.is_object()) refuse();
    std::vector<Source> sources;
    each(value.get_object(), "resourceSpans", [&](const json::object& item) {
        Source& source = sources.emplace_back();
        if (const auto* resource = find(item, "resource"))
            source.attributes = attributes(object_of(*resource));
        each(item, "scopeSpans", [&](const json::object& scope) {
            each(scope, "spans",
                 [&](const json::object& span) { source.spans.push_back(read_span(span)); });
        });
    });
    if (sources.empty())
        fail(ErrorCode::invalid_argument, "Invalid OpenTelemetry format - no spans found");
    return sources;
}

}  // namespace maru::traces::otlp
