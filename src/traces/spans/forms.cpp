#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cmath>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "traces/spans/json_text.hpp"
#include "traces/spans/span.hpp"

namespace maru::traces::spans {

namespace json = boost::json;

namespace {

std::string bytes_of_hex(std::string_view hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    return bytes;
}

std::string base64_of_hex(std::string_view hex) {
    return to_base64(bytes_of_hex(hex));
}

std::string_view status_name(SpanStatus status) {
    switch (status) {
        case SpanStatus::OK:
            return "STATUS_CODE_OK";
        case SpanStatus::ERROR:
            return "STATUS_CODE_ERROR";
        case SpanStatus::UNSET:
            break;
    }
    return "STATUS_CODE_UNSET";
}

/// Appends {"key": JSON}; attributes of spans are texts that hold JSON, those of events are JSON.
void append_attributes(std::string& out, const std::vector<Attribute>& attributes, bool as_text) {
    out += '{';
    std::string_view separator;
    for (const auto& item : attributes) {
        out += separator;
        append_json_string(out, item.key);
        out += ": ";
        if (as_text)
            append_json_string(out, item.json);
        else
            out += item.json;
        separator = ", ";
    }
    out += '}';
}

template <class List, class Append>
void append_list(std::string& out, const List& list, Append append) {
    out += '[';
    std::string_view separator;
    for (const auto& item : list) {
        out += separator;
        append(item);
        separator = ", ";
    }
    out += ']';
}

[[noreturn]] void refuse(std::string_view what) {
    fail(ErrorCode::invalid_argument, "Invalid span: {}", what);
}

const json::value* find(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(json::string_view(key.data(), key.size()));
    return value == nullptr || value->is_null() ? nullptr : value;
}

std::string text_of(const json::object& object, std::string_view key) {
    const auto* value = find(object, key);
    if (value == nullptr) return "";
    if (!value->is_string()) refuse(fmt::format("\"{}\" is no text", key));
    return std::string(view(value->get_string()));
}

std::int64_t integer_of(const json::object& object, std::string_view key) {
    const auto* value = find(object, key);
    if (value == nullptr) return 0;
    if (value->is_int64()) return value->get_int64();
    if (value->is_string())
        if (auto number = parse_int(view(value->get_string()))) return *number;
    refuse(fmt::format("\"{}\" is no integer", key));
}

/// Base64 of the bytes as MLflow writes it since 3.0, or hex ("tr-..." and "0x..." too) as before.
std::string id_of(const json::object& object, std::string_view key, std::size_t digits) {
    std::string text = text_of(object, key);
    if (text.empty()) return text;
    std::string_view hex = text;
    if (hex.starts_with("tr-")) hex.remove_prefix(3);
    if (hex.starts_with("0x")) hex.remove_prefix(2);
    auto is_hex = [](std::string_view id) {
        return id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    };
    if (hex.size() == digits && is_hex(hex)) return std::string(hex);
    std::string bytes = from_base64(text);
    if (bytes.size() * 2 != digits) refuse(fmt::format("\"{}\" is no id", key));
    return to_hex(bytes);
}

std::vector<Attribute> attributes_of(const json::object& object, bool as_text) {
    std::vector<Attribute> attributes;
    const auto* value = find(object, "attributes");
    if (value == nullptr) return attributes;
    if (!value->is_object()) refuse("\"attributes\" is no object");
    for (const auto& item : value->get_object()) {
        std::string key(item.key().data(), item.key().size());
        if (as_text && item.value().is_string())
            attributes.push_back({std::move(key), std::string(view(item.value().get_string()))});
        else
            attributes.push_back({std::move(key), dump(item.value())});
    }
    return attributes;
}

SpanStatus status_of(std::string_view name) {
    if (name.starts_with("STATUS_CODE_")) name.remove_prefix(12);
    return enum_from<SpanStatus>(name).value_or(SpanStatus::UNSET);
}

void read_events(const json::object& object, Span& span) {
    const auto* events = find(object, "events");
    if (events == nullptr || !events->is_array()) return;
    for (const auto& item : events->get_array()) {
        if (!item.is_object()) refuse("an event is no object");
        const auto& event = item.get_object();
        span.events.push_back(
            {text_of(event, "name"),
             integer_of(event,
                        find(event, "time_unix_nano") != nullptr ? "time_unix_nano" : "timestamp"),
             attributes_of(event, false)});
    }
}

Span read_span(const json::object& object) {
    Span span;
    span.name = text_of(object, "name");
    span.attributes = attributes_of(object, true);
    read_events(object, span);
    if (const auto* context = find(object, "context"); context != nullptr && context->is_object()) {
        // The form of MLflow 2's clients.
        span.trace_id = id_of(context->get_object(), "trace_id", 32);
        span.id = id_of(context->get_object(), "span_id", 16);
        span.parent_id = id_of(object, "parent_id", 16);
        span.started_ns = integer_of(object, "start_time");
        span.ended_ns = integer_of(object, "end_time");
        span.status = status_of(text_of(object, "status_code"));
        span.status_message = text_of(object, "status_message");
        return span;
    }
    span.trace_id = id_of(object, "trace_id", 32);
    span.id = id_of(object, "span_id", 16);
    span.parent_id = id_of(object, "parent_span_id", 16);
    span.started_ns = integer_of(object, "start_time_unix_nano");
    span.ended_ns = integer_of(object, "end_time_unix_nano");
    if (const auto* status = find(object, "status"); status != nullptr && status->is_object()) {
        span.status = status_of(text_of(status->get_object(), "code"));
        span.status_message = text_of(status->get_object(), "message");
    }
    if (const auto* links = find(object, "links"); links != nullptr && links->is_array())
        for (const auto& item : links->get_array()) {
            if (!item.is_object()) refuse("a link is no object");
            const auto& link = item.get_object();
            span.links.push_back({id_of(link, "trace_id", 32), id_of(link, "span_id", 16),
                                  attributes_of(link, false)});
        }
    return span;
}

}  // namespace

std::string to_line(const Span& span) {
    std::string out = R"({"trace_id": ")" + base64_of_hex(span.trace_id) + R"(", "span_id": ")" +
                      base64_of_hex(span.id) + R"(", "parent_span_id": )";
    out += span.parent_id.empty() ? "null" : '"' + base64_of_hex(span.parent_id) + '"';
    out += R"(, "name": )";
    append_json_string(out, span.name);
    out +=
        fmt::format(R"(, "start_time_unix_nano": {}, "end_time_unix_nano": {}, "events": )",
                    span.started_ns, span.ended_ns == 0 ? "null" : std::to_string(span.ended_ns));
    append_list(out, span.events, [&](const Event& event) {
        out += R"({"name": )";
        append_json_string(out, event.name);
        out += fmt::format(R"(, "time_unix_nano": {}, "attributes": )", event.at_ns);
        append_attributes(out, event.attributes, false);
        out += '}';
    });
    out += R"(, "status": {"code": ")";
    out += status_name(span.status);
    out += R"(", "message": )";
    append_json_string(out, span.status_message);
    out += R"(}, "attributes": )";
    append_attributes(out, span.attributes, true);
    out += R"(, "links": )";
    append_list(out, span.links, [&](const Link& link) {
        out += R"({"trace_id": "tr-)" + link.trace_id + R"(", "span_id": ")" + link.span_id +
               R"(", "attributes": )";
        append_attributes(out, link.attributes, false);
        out += '}';
    });
    return out + "}";
}

Span from_line(std::string_view text) {
    boost::system::error_code error;
    auto value = parse_value(text, error);
    if (error || !value.is_object()) refuse("it is no JSON object");
    return read_span(value.get_object());
}

std::vector<Span> from_file(std::string_view text) {
    boost::system::error_code error;
    auto value = parse_value(text, error);
    if (error || !value.is_object())
        fail(ErrorCode::invalid_argument, "traces.json is no JSON object");
    const auto* list = find(value.get_object(), "spans");
    if (list == nullptr || !list->is_array())
        fail(ErrorCode::invalid_argument, "traces.json has no list \"spans\"");
    std::vector<Span> spans;
    for (const auto& item : list->get_array()) {
        if (!item.is_object()) refuse("it is no JSON object");
        spans.push_back(read_span(item.get_object()));
    }
    return spans;
}

std::string to_file(const std::vector<std::string>& lines) {
    std::string out = R"({"spans":[)";
    std::string_view separator;
    for (const auto& line : lines) {
        out += separator;
        out += line;
        separator = ",";
    }
    return out + "]}";
}

namespace {

/// Appends a JSON value as opentelemetry.proto.common.v1.AnyValue.
void append_any_value(std::string& out, const json::value& value) {
    switch (value.kind()) {
        case json::kind::null:
            out += "{}";
            return;
        case json::kind::bool_:
            out += value.get_bool() ? R"({"bool_value":true})" : R"({"bool_value":false})";
            return;
        case json::kind::int64:
            out += fmt::format(R"({{"int_value":{}}})", value.get_int64());
            return;
        case json::kind::uint64:
            out += fmt::format(R"({{"double_value":{}}})", static_cast<double>(value.get_uint64()));
            return;
        case json::kind::double_:
            if (std::isfinite(value.get_double()))
                out += fmt::format(R"({{"double_value":{}}})", value.get_double());
            else
                out += fmt::format(R"({{"double_value":"{}"}})", dump(value));
            return;
        case json::kind::string:
            out += R"({"string_value":)";
            append_json_string(out, view(value.get_string()));
            break;
        case json::kind::array: {
            out += R"({"array_value":{"values":[)";
            std::string_view separator;
            for (const auto& item : value.get_array()) {
                out += separator;
                append_any_value(out, item);
                separator = ",";
            }
            out += "]}";
            break;
        }
        case json::kind::object: {
            out += R"({"kvlist_value":{"values":[)";
            std::string_view separator;
            for (const auto& item : value.get_object()) {
                out += separator;
                out += R"({"key":)";
                append_json_string(out, {item.key().data(), item.key().size()});
                out += R"(,"value":)";
                append_any_value(out, item.value());
                out += '}';
                separator = ",";
            }
            out += "]}";
            break;
        }
    }
    out += '}';
}

void append_any_text(std::string& out, const std::string& text) {
    boost::system::error_code error;
    auto value = parse_dumped(text, error);
    if (error) value = json::string(text);
    append_any_value(out, value);
}

void append_proto_attributes(std::string& out, const std::vector<Attribute>& attributes) {
    out += R"("attributes":[)";
    std::string_view separator;
    for (const auto& item : attributes) {
        out += separator;
        out += R"({"key":)";
        append_json_string(out, item.key);
        out += R"(,"value":)";
        append_any_text(out, item.json);
        out += '}';
        separator = ",";
    }
    out += ']';
}

}  // namespace

void append_proto_json(std::string& out, const Span& span) {
    out += R"({"trace_id":")" + base64_of_hex(span.trace_id) + R"(","span_id":")" +
           base64_of_hex(span.id) + '"';
    if (!span.parent_id.empty())
        out += R"(,"parent_span_id":")" + base64_of_hex(span.parent_id) + '"';
    out += R"(,"name":)";
    append_json_string(out, span.name);
    out += fmt::format(R"(,"start_time_unix_nano":{},"end_time_unix_nano":{},)", span.started_ns,
                       span.ended_ns);
    append_proto_attributes(out, span.attributes);
    auto append_separated = [&out](std::string_view name, const auto& list, auto append) {
        if (list.empty()) return;
        out += fmt::format(",\"{}\":", name);
        char before = '[';
        for (const auto& item : list) {
            out += before;
            append(item);
            before = ',';
        }
        out += ']';
    };
    append_separated("events", span.events, [&](const Event& event) {
        out += fmt::format(R"({{"time_unix_nano":{},"name":)", event.at_ns);
        append_json_string(out, event.name);
        out += ',';
        append_proto_attributes(out, event.attributes);
        out += '}';
    });
    append_separated("links", span.links, [&](const Link& link) {
        out += R"({"trace_id":")" + base64_of_hex(link.trace_id) + R"(","span_id":")" +
               base64_of_hex(link.span_id) + R"(",)";
        append_proto_attributes(out, link.attributes);
        out += '}';
    });
    out += R"(,"status":{"message":)";
    append_json_string(out, span.status_message);
    out += fmt::format(R"(,"code":"{}"}}}})", status_name(span.status));
}

}  // namespace maru::traces::spans
