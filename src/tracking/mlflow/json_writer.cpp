#include <array>
#include <charconv>
#include <cmath>

#include "base/json.hpp"
#include "tracking/mlflow/protocol.hpp"

namespace maru::tracking::mlflow {
namespace {

/// The shortest form that reads back as the same number.
template <class Number>
void append_number(std::string& out, Number number) {
    std::array<char, 32> text;
    auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
    out.append(text.data(), end);
}

}  // namespace

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
JsonWriter& JsonWriter::raw(std::string_view json) {
    separate();
    out_ += json;
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

}  // namespace maru::tracking::mlflow
