#include "traces/spans/json_text.hpp"

#include <fmt/format.h>

#include <boost/json/error.hpp>
#include <boost/json/value.hpp>
#include <cmath>

#include "base/json.hpp"
#include "base/json_value.hpp"

namespace maru::traces::spans {

namespace json = boost::json;

namespace {

void append_number(std::string& out, double number) {
    if (std::isnan(number)) {
        out += "NaN";
    } else if (std::isinf(number)) {
        out += number > 0 ? "Infinity" : "-Infinity";
    } else {
        std::string text = fmt::format("{}", number);
        // Python tells 1.0 from 1.
        if (text.find_first_of(".e") == std::string::npos) text += ".0";
        out += text;
    }
}

}  // namespace

void append_dumped(std::string& out, const json::value& value) {
    switch (value.kind()) {
        case json::kind::null:
            out += "null";
            return;
        case json::kind::bool_:
            out += value.get_bool() ? "true" : "false";
            return;
        case json::kind::int64:
            fmt::format_to(std::back_inserter(out), "{}", value.get_int64());
            return;
        case json::kind::uint64:
            fmt::format_to(std::back_inserter(out), "{}", value.get_uint64());
            return;
        case json::kind::double_:
            append_number(out, value.get_double());
            return;
        case json::kind::string:
            append_json_string(out, view(value.get_string()));
            return;
        case json::kind::array: {
            out += '[';
            std::string_view separator;
            for (const auto& item : value.get_array()) {
                out += separator;
                append_dumped(out, item);
                separator = ", ";
            }
            out += ']';
            return;
        }
        case json::kind::object: {
            out += '{';
            std::string_view separator;
            for (const auto& item : value.get_object()) {
                out += separator;
                append_json_string(out, {item.key().data(), item.key().size()});
                out += ": ";
                append_dumped(out, item.value());
                separator = ", ";
            }
            out += '}';
            return;
        }
    }
}

std::string dump(const json::value& value) {
    std::string out;
    append_dumped(out, value);
    return out;
}

json::value parse_value(std::string_view text, boost::system::error_code& error) {
    JsonSyntaxError wrong;
    auto value = parse_json_value(text, {}, wrong);
    error = {};
    if (!wrong.message.empty()) error = json::error::syntax;
    return value;
}

}  // namespace maru::traces::spans
