#include "traces/spans/json_text.hpp"

#include <fmt/format.h>

#include <boost/json/error.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <limits>

#include "base/json.hpp"
#include "base/json_value.hpp"

namespace maru::traces::spans {

namespace json = boost::json;

std::string_view view(const json::string& text) {
    return {text.data(), text.size()};
}

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

// No text of a client's begins with NUL and one of these by chance.
constexpr std::string_view kSpecials[] = {"NaN", "Infinity", "-Infinity"};

double special(std::string_view name) {
    if (name == "NaN") return std::numeric_limits<double>::quiet_NaN();
    double infinity = std::numeric_limits<double>::infinity();
    return name.starts_with('-') ? -infinity : infinity;
}

/// Puts "\u0000NaN" where NaN stands outside of texts.
std::string with_marks(std::string_view text) {
    std::string out;
    bool inside = false;
    for (std::size_t i = 0; i < text.size();) {
        if (inside && text[i] == '\\' && i + 1 < text.size()) {
            out += text.substr(i, 2);
            i += 2;
            continue;
        }
        if (text[i] == '"') inside = !inside;
        std::size_t length = 0;
        for (auto name : kSpecials)
            if (!inside && text.substr(i).starts_with(name)) length = name.size();
        if (length != 0) {
            out += "\"\\u0000";
            out += text.substr(i, length);
            out += '"';
            i += length;
        } else {
            out += text[i++];
        }
    }
    return out;
}

void replace_marks(json::value& value) {
    if (value.is_string()) {
        auto text = view(value.get_string());
        if (!text.starts_with('\0')) return;
        for (auto name : kSpecials)
            if (text.substr(1) == name) {
                value = special(name);
                return;
            }
    } else if (value.is_array()) {
        for (auto& item : value.get_array()) replace_marks(item);
    } else if (value.is_object()) {
        for (auto& item : value.get_object()) replace_marks(item.value());
    }
}

void make_strict(json::value& value) {
    if (value.is_double() && !std::isfinite(value.get_double()))
        value = json::string(dump(value));
    else if (value.is_array())
        for (auto& item : value.get_array()) make_strict(item);
    else if (value.is_object())
        for (auto& item : value.get_object()) make_strict(item.value());
}

}  // namespace

std::string dump_strictly(const json::value& value) {
    json::value copy = value;
    make_strict(copy);
    return dump(copy);
}

json::value parse_dumped(std::string_view text, boost::system::error_code& error) {
    auto value = parse_value(text, error);
    if (!error || text.find_first_of("NI") == std::string_view::npos) return value;
    boost::system::error_code again;
    auto marked = parse_value(with_marks(text), again);
    if (again) return value;
    error = {};
    replace_marks(marked);
    return marked;
}

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
