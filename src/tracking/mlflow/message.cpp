#include <boost/json/monotonic_resource.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "base/json_value.hpp"
#include "base/text.hpp"
#include "tracking/mlflow/protocol.hpp"
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

std::map<std::string, std::string> Message::text_map(std::string_view name) const {
    const void* value = find(name);
    std::map<std::string, std::string> result;
    if (value == nullptr) return result;
    if (!as_value(value).is_object()) wrong(name);
    for (const auto& item : as_value(value).get_object()) {
        if (!item.value().is_string()) wrong(name);
        result.emplace(std::string(item.key().data(), item.key().size()),
                       view(item.value().get_string()));
    }
    return result;
}

std::string Message::json(std::string_view name) const {
    const void* value = find(name);
    return value == nullptr ? "" : boost::json::serialize(as_value(value));
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

}  // namespace maru::tracking::mlflow
