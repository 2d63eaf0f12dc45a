#include "tracking/mlflow/protocol.hpp"

#include <array>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/json_value.hpp"
#include "base/text.hpp"
#include "tracking/validation.hpp"

namespace maru::tracking::mlflow {

namespace json = boost::json;

struct Message::Document {
    json::value value;
    bool of_query = false;  // where a list of one is its item
};

namespace {

constexpr std::size_t kShownBytesMax = 2000;

std::string_view view(const json::string& text) {
    return {text.data(), text.size()};
}
const json::object& as_object(const void* object) {
    return *static_cast<const json::object*>(object);
}
const json::value& as_value(const void* value) {
    return *static_cast<const json::value*>(value);
}

/// The name of a value's type in Python, which MLflow's messages show.
std::string_view python_type(const json::value& value) {
    switch (value.kind()) {
        case json::kind::null:
            return "NoneType";
        case json::kind::bool_:
            return "bool";
        case json::kind::int64:
        case json::kind::uint64:
            return "int";
        case json::kind::double_:
            return "float";
        case json::kind::string:
            return "str";
        case json::kind::array:
            return "list";
        case json::kind::object:
            return "dict";
    }
    return "";
}

/// A value as MLflow's messages show it: JSON of ASCII alone, sorted by name.
void append_shown(std::string& out, const json::value& value) {
    if (value.is_string()) {
        out += shown_text(view(value.get_string()));
    } else if (value.is_double()) {
        out += fmt::format("{}", value.get_double());
    } else if (value.is_array()) {
        out += '[';
        for (const auto& item : value.get_array()) {
            if (out.back() != '[') out += ',';
            append_shown(out, item);
        }
        out += ']';
    } else if (value.is_object()) {
        std::map<std::string_view, const json::value*> sorted;
        for (const auto& item : value.get_object())
            sorted.emplace(std::string_view(item.key().data(), item.key().size()), &item.value());
        out += '{';
        for (const auto& [key, item] : sorted) {
            if (out.back() != '{') out += ',';
            out += shown_text(key) + ':';
            append_shown(out, *item);
        }
        out += '}';
    } else {
        out += json::serialize(value);
    }
}

std::optional<double> special_number(std::string_view text) {
    if (text == "NaN" || text == "nan") return std::numeric_limits<double>::quiet_NaN();
    if (text == "Infinity" || text == "inf") return std::numeric_limits<double>::infinity();
    if (text == "-Infinity" || text == "-inf") return -std::numeric_limits<double>::infinity();
    return std::nullopt;
}

std::optional<double> to_number(const json::value& value) {
    if (value.is_double()) return value.get_double();
    if (value.is_int64()) return static_cast<double>(value.get_int64());
    if (value.is_uint64()) return static_cast<double>(value.get_uint64());
    if (!value.is_string()) return std::nullopt;
    auto text = view(value.get_string());
    if (auto special = special_number(text)) return special;
    double number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<std::int64_t> to_integer(const json::value& value) {
    if (value.is_int64()) return value.get_int64();
    if (value.is_string()) return parse_int(view(value.get_string()));
    constexpr double kExact = 9007199254740992.0;  // 2^53
    if (value.is_double() && std::abs(value.get_double()) <= kExact &&
        std::trunc(value.get_double()) == value.get_double())
        return static_cast<std::int64_t>(value.get_double());
    return std::nullopt;
}

/// The shortest form that reads back as the same number.
template <class Number>
void append_number(std::string& out, Number number) {
    std::array<char, 32> text;
    auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
    out.append(text.data(), end);
}

struct MlflowCode {
    std::string_view name;
    unsigned status;
};

MlflowCode mlflow_code(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument:
        case ErrorCode::out_of_range:
            return {"INVALID_PARAMETER_VALUE", 400};
        case ErrorCode::not_found:
            return {"RESOURCE_DOES_NOT_EXIST", 404};
        case ErrorCode::already_exists:
            return {"RESOURCE_ALREADY_EXISTS", 400};
        case ErrorCode::failed_precondition:
            // Not 500 as in MLflow: its client would try again for minutes.
            return {"INVALID_STATE", 400};
        case ErrorCode::permission_denied:
            return {"PERMISSION_DENIED", 403};
        case ErrorCode::unauthenticated:
            return {"UNAUTHENTICATED", 401};
        case ErrorCode::resource_exhausted:
            return {"RESOURCE_EXHAUSTED", 429};
        case ErrorCode::aborted:
            return {"ABORTED", 409};
        case ErrorCode::unimplemented:
            return {"NOT_IMPLEMENTED", 501};
        case ErrorCode::unavailable:
            return {"TEMPORARILY_UNAVAILABLE", 503};
        case ErrorCode::deadline_exceeded:
            return {"DEADLINE_EXCEEDED", 504};
        case ErrorCode::cancelled:
            return {"CANCELLED", 499};
        case ErrorCode::data_loss:
            return {"DATA_LOSS", 500};
        case ErrorCode::unknown:
        case ErrorCode::internal:
            return {"INTERNAL_ERROR", 500};
    }
    return {"INTERNAL_ERROR", 500};
}

}  // namespace

Message::Message(std::shared_ptr<const Document> document, const void* object, std::string path)
    : document_(std::move(document)), object_(object), path_(std::move(path)) {}

Message Message::from_json(std::string_view text) {
    auto storage = json::make_shared_resource<json::monotonic_resource>(text.size() * 2 + 256);
    JsonSyntaxError error;
    auto value = parse_json_value(text, std::move(storage), error);
    if (!error.message.empty())
        fail(ErrorCode::invalid_argument, "The request's body is not valid JSON: {}",
             error.message);
    if (value.is_string()) {
        // Old clients encode their JSON twice.
        JsonSyntaxError none;
        auto inner = parse_json_value(view(value.get_string()), value.storage(), none);
        if (none.message.empty() && inner.is_object()) value = std::move(inner);
    }
    if (!value.is_object())
        fail(ErrorCode::invalid_argument, "The request's body must be a JSON object");
    auto document = std::make_shared<Document>(std::move(value));
    const void* object = &document->value.get_object();
    return {std::move(document), object, ""};
}

Message Message::parse(const net::Request& request) {
    if (request.method != "GET" && !trim(request.body).empty()) return from_json(request.body);
    json::object object;
    for (const auto& [name, content] : request.query) {
        json::string_view key(name.data(), name.size());
        if (auto* present = object.if_contains(key)) {
            if (!present->is_array()) *present = json::array{*present};
            present->get_array().emplace_back(json::string(content));
        } else {
            object.emplace(key, json::string(content));
        }
    }
    auto document = std::make_shared<Document>(json::value(std::move(object)), true);
    const void* root = &document->value.get_object();
    return {std::move(document), root, ""};
}

const void* Message::find(std::string_view name) const {
    const auto* value = as_object(object_).if_contains(json::string_view(name.data(), name.size()));
    return value == nullptr || value->is_null() ? nullptr : value;
}

void Message::wrong(std::string_view name) const {
    const json::value& value = as_value(find(name));
    std::string shown;
    append_shown(shown, value);
    if (shown.size() > kShownBytesMax) shown = shown.substr(0, kShownBytesMax) + "...";
    fail(ErrorCode::invalid_argument,
         "Invalid value {} for parameter '{}{}' supplied:  Hint: Value was of type '{}'. See the "
         "API docs for more information about request parameters.",
         shown, path_, name, python_type(value));
}

void Message::missing(std::string_view name) const {
    fail(ErrorCode::invalid_argument,
         "Missing value for required parameter '{}{}'. See the API docs for more information about "
         "request parameters.",
         path_, name);
}

std::optional<Message> Message::from_text(std::string_view text) {
    try {
        return from_json(text);
    } catch (const Error&) {
        return std::nullopt;
    }
}

std::string Message::enumerator(std::string_view name) const {
    const void* value = find(name);
    if (value != nullptr && as_value(value).is_int64())
        return std::to_string(as_value(value).get_int64());
    return text(name);
}

void Message::require(std::string_view name) const {
    if (!has(name)) missing(name);
}

bool Message::integer_like(std::string_view name) const {
    const void* value = find(name);
    return value != nullptr && to_integer(as_value(value)).has_value();
}

bool Message::has(std::string_view name) const {
    return find(name) != nullptr;
}

std::optional<std::string> Message::optional_text(std::string_view name) const {
    const void* value = find(name);
    if (value == nullptr) return std::nullopt;
    if (!as_value(value).is_string()) wrong(name);
    return std::string(view(as_value(value).get_string()));
}

std::string Message::text(std::string_view name) const {
    return optional_text(name).value_or("");
}

std::string Message::required_text(std::string_view name) const {
    auto value = optional_text(name);
    if (!value || value->empty()) missing(name);
    return *value;
}

std::optional<std::int64_t> Message::integer(std::string_view name) const {
    const void* value = find(name);
    if (value == nullptr) return std::nullopt;
    auto number = to_integer(as_value(value));
    if (!number) wrong(name);
    return number;
}

std::int64_t Message::required_integer(std::string_view name) const {
    auto value = integer(name);
    if (!value) missing(name);
    return *value;
}

double Message::required_number(std::string_view name) const {
    const void* value = find(name);
    if (value == nullptr) missing(name);
    auto number = to_number(as_value(value));
    if (!number) wrong(name);
    return *number;
}

bool Message::flag(std::string_view name, bool initial) const {
    const void* value = find(name);
    if (value == nullptr) return initial;
    if (as_value(value).is_bool()) return as_value(value).get_bool();
    if (as_value(value).is_string()) {
        std::string text = to_lower(view(as_value(value).get_string()));
        if (text == "true" || text == "false") return text == "true";
    }
    wrong(name);
}

std::vector<std::string> Message::texts(std::string_view name) const {
    const void* value = find(name);
    if (value == nullptr) return {};
    if (document_->of_query && as_value(value).is_string())
        return {std::string(view(as_value(value).get_string()))};
    if (!as_value(value).is_array()) wrong(name);
    std::vector<std::string> result;
    for (const auto& item : as_value(value).get_array()) {
        if (!item.is_string()) wrong(name);
        result.emplace_back(view(item.get_string()));
    }
    return result;
}

std::vector<Message> Message::list(std::string_view name) const {
    const void* value = find(name);
    if (value == nullptr) return {};
    if (!as_value(value).is_array()) wrong(name);
    std::vector<Message> result;
    const auto& array = as_value(value).get_array();
    result.reserve(array.size());
    for (const auto& item : array) {
        if (!item.is_object()) wrong(name);
        result.push_back(Message(document_, &item.get_object(),
                                 fmt::format("{}{}[{}].", path_, name, result.size())));
    }
    return result;
}

std::optional<Message> Message::object(std::string_view name) const {
    const void* value = find(name);
    if (value == nullptr) return std::nullopt;
    if (!as_value(value).is_object()) wrong(name);
    return Message(document_, &as_value(value).get_object(), fmt::format("{}{}.", path_, name));
}

std::vector<std::pair<std::string, std::string>> Message::pairs(std::string_view name) const {
    std::vector<std::pair<std::string, std::string>> result;
    for (const auto& item : list(name)) result.emplace_back(item.text("key"), item.text("value"));
    return result;
}

std::map<std::string, std::string> Message::map(std::string_view name) const {
    std::map<std::string, std::string> result;
    for (auto& [key, value] : pairs(name)) result[key] = std::move(value);
    return result;
}

std::string Message::run_id() const {
    if (!has("run_id") && has("run_uuid")) return required_text("run_uuid");
    return required_text("run_id");
}

std::int64_t Message::results_max(std::int64_t initial, std::int64_t most, Limit limit) const {
    std::int64_t value = integer("max_results").value_or(initial);
    if (value >= 1 && value <= most) return value;
    if (limit != Limit::of_store && value > most) wrong("max_results");
    if (limit == Limit::of_versions && value < 1)
        fail(ErrorCode::invalid_argument,
             "Invalid value for max_results. It must be a positive integer, but got {}", value);
    if (value < 1)
        fail(ErrorCode::invalid_argument,
             "Invalid value {} for parameter 'max_results' supplied. It must be a positive integer",
             value);
    fail(ErrorCode::invalid_argument,
         "Invalid value {} for parameter 'max_results' supplied. It must be at most {}", value,
         most);
}

void JsonWriter::separate() {
    char last = out_.empty() ? taken_last_ : out_.back();
    if (last != 0 && last != '{' && last != '[' && last != ':') out_ += ',';
}
std::string JsonWriter::take() {
    if (!out_.empty()) taken_last_ = out_.back();
    return std::exchange(out_, {});
}
JsonWriter& JsonWriter::begin_object() {
    separate();
    out_ += '{';
    return *this;
}
JsonWriter& JsonWriter::end_object() {
    out_ += '}';
    return *this;
}
JsonWriter& JsonWriter::begin_list() {
    separate();
    out_ += '[';
    return *this;
}
JsonWriter& JsonWriter::end_list() {
    out_ += ']';
    return *this;
}
JsonWriter& JsonWriter::key(std::string_view name) {
    separate();
    out_ += '"';
    out_ += name;
    out_ += "\":";
    return *this;
}
JsonWriter& JsonWriter::value(std::string_view text) {
    separate();
    append_json_string(out_, text);
    return *this;
}
JsonWriter& JsonWriter::value(std::int64_t number) {
    separate();
    append_number(out_, number);
    return *this;
}
JsonWriter& JsonWriter::value(bool flag) {
    separate();
    out_ += flag ? "true" : "false";
    return *this;
}
JsonWriter& JsonWriter::value(double number) {
    separate();
    if (std::isnan(number))
        out_ += "\"NaN\"";
    else if (std::isinf(number))
        out_ += number > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    else
        append_number(out_, number);
    return *this;
}
JsonWriter& JsonWriter::pairs(std::string_view name,
                              const std::map<std::string, std::string>& content) {
    if (content.empty()) return *this;
    key(name).begin_list();
    for (const auto& [item_key, item_value] : content)
        begin_object().field("key", item_key).field("value", item_value).end_object();
    return end_list();
}

net::Response answer(JsonWriter& writer) {
    return net::Response::json(writer.take());
}
net::Response empty_answer() {
    return net::Response::json("{}");
}

constexpr std::size_t kMessageBytesMax = 8000;

net::Response write_error(const Error& error) {
    auto [name, status] = mlflow_code(error.code());
    JsonWriter writer;
    // Some messages repeat what was sent, which may be long.
    auto message = std::string_view(error.message()).substr(0, kMessageBytesMax);
    writer.begin_object().field("error_code", name).field("message", message).end_object();
    auto response = net::Response::json(writer.take(), status);
    if (error.code() == ErrorCode::unauthenticated)
        response.headers.set("WWW-Authenticate", "Bearer");
    if (error.code() == ErrorCode::unavailable) response.headers.set("Retry-After", "1");
    return response;
}

namespace {

/// Other types are refused, as MLflow does: pages of other sites can't send JSON unasked.
void check_media_type(const net::Request& request) {
    if (request.method != "POST" && request.method != "PUT") return;
    auto type = request.headers.get("Content-Type");
    if (type.empty())
        fail(ErrorCode::invalid_argument, "Bad Request. Content-Type header is missing.");
    if (type.substr(0, type.find(';')) != "application/json")
        fail(ErrorCode::invalid_argument,
             "Bad Request. Content-Type must be one of ['application/json'].");
}

}  // namespace

void add_route(api::Api& api, const Route& route) {
    for (std::string_view prefix : {"/api/", "/ajax-api/"}) {
        std::string id = "mlflow.";
        for (char c : route.path.substr(route.path.find('/', 1) + 1))
            if (c != '{' && c != '}') id += c == '/' ? '.' : c;
        api.add({.id = std::move(id),
                 .method = std::string(route.method),
                 .path = fmt::format("{}{}{}", prefix, route.version, route.path),
                 .permission = route.permission,
                 .body_bytes_max = 32 << 20,
                 .audited = route.audited,
                 .handle =
                     [handle = route.handle](const api::Context& context, net::Request& request,
                                             const api::PathParameters& parameters) {
                         check_media_type(request);
                         return handle(context, Message::parse(request), parameters);
                     },
                 .write_error = write_error});
    }
}

}  // namespace maru::tracking::mlflow
