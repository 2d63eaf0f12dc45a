#include "base/json.hpp"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "base/json_value.hpp"
#include "base/text.hpp"

namespace maru {
namespace {

namespace json = boost::json;
using reflection::Kind;
using reflection::Type;

std::string_view view(const json::string& text) {
    return {text.data(), text.size()};
}

/// A value as it is shown in a message: cut short.
std::string shown(const json::value& value) {
    std::string text = json::serialize(value);
    if (text.size() > 60) {
        std::size_t cut = 57;
        while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;
        text = text.substr(0, cut) + "...";
    }
    return text;
}

std::string_view expectation(const Type& type) {
    switch (type.kind) {
        case Kind::boolean:
            return "true or false";
        case Kind::integer:
            return "an integer";
        case Kind::number:
            return "a number";
        case Kind::string:
            return "a string";
        case Kind::time:
            return "a time such as \"2026-11-22T15:00:00Z\"";
        case Kind::json:
            return "a JSON value";
        case Kind::object:
        case Kind::map:
            return "an object";
        case Kind::list:
            return "a list";
        case Kind::optional:
            return expectation(type.element());
        case Kind::enumeration:
            return "a string";
    }
    return "";
}

std::string choices(const Type& type) {
    std::string list;
    for (auto name : type.enumerators) list += (list.empty() ? "" : ", ") + std::string(name);
    return list;
}

std::optional<double> special_number(std::string_view text) {
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (text == "Infinity") return std::numeric_limits<double>::infinity();
    if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
    return std::nullopt;
}

/// Walks a parsed document along a type, collecting everything that is wrong.
class Reader {
  public:
    explicit Reader(const JsonReadOptions& options) : options_(options) {}

    void read(const json::value& value, const Type& type, void* object) {
        switch (type.kind) {
            case Kind::boolean:
                if (!value.is_bool()) return mismatch(value, type);
                *static_cast<bool*>(object) = value.get_bool();
                return;
            case Kind::integer:
                return read_integer(value, type, object);
            case Kind::number:
                return read_number(value, type, object);
            case Kind::string:
                if (!value.is_string()) return mismatch(value, type);
                *static_cast<std::string*>(object) = view(value.get_string());
                return;
            case Kind::time:
                if (!value.is_string()) return mismatch(value, type);
                try {
                    *static_cast<Time*>(object) = parse_time(view(value.get_string()));
                } catch (const Error&) {
                    mismatch(value, type);
                }
                return;
            case Kind::json:
                static_cast<Json*>(object)->text = json::serialize(value);
                return;
            case Kind::enumeration:
                return read_enumeration(value, type, object);
            case Kind::optional:
                if (value.is_null())
                    type.clear(object);
                else
                    read(value, type.element(), type.emplace(object));
                return;
            case Kind::list:
                return read_list(value, type, object);
            case Kind::map:
                return read_map(value, type, object);
            case Kind::object:
                return read_object(value, type, object);
        }
    }

    void finish() const {
        if (details_.empty()) return;
        std::string message;
        for (const auto& detail : details_) {
            if (!message.empty()) message += "; ";
            message += detail.field.empty() ? detail.message : detail.field + ": " + detail.message;
        }
        throw Error(ErrorCode::invalid_argument, message, details_);
    }

    void wrong(std::string message) {
        if (details_.size() < kDetailsMax) details_.push_back({path_, std::move(message)});
    }

  private:
    static constexpr std::size_t kDetailsMax = 10;

    /// Extends the path of the place that is being read, while it lives.
    class Step {
      public:
        Step(Reader& reader, std::string_view name)
            : reader_(reader), length_(reader.path_.size()) {
            if (!reader_.path_.empty()) reader_.path_ += '.';
            reader_.path_ += name;
        }
        Step(Reader& reader, std::size_t index) : reader_(reader), length_(reader.path_.size()) {
            reader_.path_ += fmt::format("[{}]", index);
        }
        ~Step() { reader_.path_.resize(length_); }
        Step(const Step&) = delete;
        Step& operator=(const Step&) = delete;

      private:
        Reader& reader_;
        std::size_t length_;
    };

    void mismatch(const json::value& value, const Type& type) {
        wrong(fmt::format("expected {}, got {}", expectation(type), shown(value)));
    }

    void read_integer(const json::value& value, const Type& type, void* object) {
        std::int64_t number = 0;
        if (value.is_int64()) {
            number = value.get_int64();
        } else if (value.is_double() && std::floor(value.get_double()) == value.get_double() &&
                   std::abs(value.get_double()) < 9.0e15) {
            number = static_cast<std::int64_t>(value.get_double());
        } else if (options_.numbers_from_strings && value.is_string() &&
                   parse_int(view(value.get_string()))) {
            number = *parse_int(view(value.get_string()));
        } else {
            return mismatch(value, type);
        }
        if (number < type.integer_min || number > type.integer_max)
            return wrong(fmt::format("{} is out of range; expected {} to {}", number,
                                     type.integer_min, type.integer_max));
        type.set_integer(object, number);
    }

    void read_number(const json::value& value, const Type& type, void* object) {
        auto& number = *static_cast<double*>(object);
        if (value.is_double())
            number = value.get_double();
        else if (value.is_int64())
            number = static_cast<double>(value.get_int64());
        else if (value.is_uint64())
            number = static_cast<double>(value.get_uint64());
        else if (value.is_string() && special_number(view(value.get_string())))
            number = *special_number(view(value.get_string()));
        else
            mismatch(value, type);
    }

    void read_enumeration(const json::value& value, const Type& type, void* object) {
        if (value.is_string()) {
            auto name = view(value.get_string());
            for (std::size_t i = 0; i < type.enumerators.size(); ++i)
                if (type.enumerators[i] == name)
                    return type.set_integer(object, static_cast<std::int64_t>(i));
        }
        wrong(fmt::format("expected one of {}, got {}", choices(type), shown(value)));
    }

    void read_list(const json::value& value, const Type& type, void* object) {
        if (!value.is_array()) return mismatch(value, type);
        type.clear(object);
        const Type& element = type.element();
        std::size_t index = 0;
        for (const auto& item : value.get_array()) {
            Step step(*this, index++);
            read(item, element, type.append(object));
        }
    }

    void read_map(const json::value& value, const Type& type, void* object) {
        if (!value.is_object()) return mismatch(value, type);
        type.clear(object);
        for (const auto& member : value.get_object()) {
            std::string_view key(member.key().data(), member.key().size());
            Step step(*this, key);
            read(member.value(), type.element(), type.insert(object, key));
        }
    }

    void read_object(const json::value& value, const Type& type, void* object) {
        if (!value.is_object()) return mismatch(value, type);
        const auto& members = value.get_object();
        std::size_t known = 0;
        for (const auto& field : type.fields) {
            const auto* member =
                members.if_contains(json::string_view(field.name.data(), field.name.size()));
            Step step(*this, field.name);
            if (member != nullptr) {
                ++known;
                // A null stands for "not given" wherever the struct has an initial value to keep.
                if (member->is_null() && field.type().kind != Kind::optional &&
                    field.type().kind != Kind::json && !field.required)
                    continue;
                read(*member, field.type(), field.get(object));
            } else if (field.required) {
                wrong("is missing");
            }
        }
        if (known < members.size() && !options_.ignore_unknown_fields)
            refuse_unknown(members, type);
    }

    void refuse_unknown(const json::object& members, const Type& type) {
        for (const auto& member : members) {
            std::string_view key(member.key().data(), member.key().size());
            bool known = false;
            std::string names;
            for (const auto& field : type.fields) {
                known = known || field.name == key;
                names += (names.empty() ? "" : ", ") + std::string(field.name);
            }
            if (known) continue;
            Step step(*this, key.substr(0, 80));
            wrong(fmt::format("is not a field; expected {}",
                              names.empty() ? "none" : "one of " + names));
        }
    }

    const JsonReadOptions& options_;
    std::string path_;
    std::vector<ErrorDetail> details_;
};

json::value parse(std::string_view text, json::storage_ptr storage) {
    JsonSyntaxError error;
    auto value = parse_json_value(text, std::move(storage), error);
    if (error.message.empty()) return value;
    if (text.empty())
        fail(ErrorCode::invalid_argument, "the body is empty; expected a JSON object");
    fail(ErrorCode::invalid_argument, "not JSON: {} at byte {}", error.message, error.offset);
}

void append_number(std::string& out, double number) {
    if (std::isnan(number)) {
        out += "\"NaN\"";
    } else if (std::isinf(number)) {
        out += number > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    } else {
        char buffer[32];
        auto end = std::to_chars(buffer, buffer + sizeof buffer, number).ptr;
        std::string_view text(buffer, end);
        out += text;
        if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
    }
}

class Writer {
  public:
    Writer(std::string& out, const JsonWriteOptions& options) : out_(out), options_(options) {}

    void write(const Type& type, const void* object) {
        switch (type.kind) {
            case Kind::boolean:
                out_ += *static_cast<const bool*>(object) ? "true" : "false";
                return;
            case Kind::integer: {
                char buffer[24];
                out_.append(
                    buffer,
                    std::to_chars(buffer, buffer + sizeof buffer, type.get_integer(object)).ptr);
                return;
            }
            case Kind::number:
                return append_number(out_, *static_cast<const double*>(object));
            case Kind::string:
                return append_json_string(out_, *static_cast<const std::string*>(object));
            case Kind::time:
                out_ += '"' + format_time(*static_cast<const Time*>(object)) + '"';
                return;
            case Kind::json: {
                const auto& text = static_cast<const Json*>(object)->text;
                out_ += text.empty() ? "null" : text;
                return;
            }
            case Kind::enumeration:
                return append_json_string(
                    out_, type.enumerators[static_cast<std::size_t>(type.get_integer(object))]);
            case Kind::optional:
                if (const void* held = type.value(object))
                    write(type.element(), held);
                else
                    out_ += "null";
                return;
            case Kind::list:
                return write_list(type, object);
            case Kind::map:
                return write_map(type, object);
            case Kind::object:
                return write_object(type, object);
        }
    }

  private:
    void write_list(const Type& type, const void* object) {
        std::size_t size = type.size(object);
        const Type& element = type.element();
        out_ += '[';
        ++depth_;
        for (std::size_t i = 0; i < size; ++i) {
            separate(i == 0);
            write(element, type.at(object, i));
        }
        close(size == 0, ']');
    }

    void write_map(const Type& type, const void* object) {
        struct State {
            Writer* writer;
            const Type* element;
            bool first = true;
        } state{this, &type.element()};
        out_ += '{';
        ++depth_;
        type.each(
            object,
            [](void* opaque, std::string_view key, const void* value) {
                auto& s = *static_cast<State*>(opaque);
                s.writer->separate(s.first);
                s.first = false;
                s.writer->key(key);
                s.writer->write(*s.element, value);
            },
            &state);
        close(state.first, '}');
    }

    void write_object(const Type& type, const void* object) {
        bool first = true;
        out_ += '{';
        ++depth_;
        for (const auto& field : type.fields) {
            const Type& field_type = field.type();
            const void* value = field.get(const_cast<void*>(object));
            if (options_.omit_null && field_type.kind == Kind::optional &&
                field_type.value(value) == nullptr)
                continue;
            separate(first);
            first = false;
            key(field.name);
            write(field_type, value);
        }
        close(first, '}');
    }

    void separate(bool first) {
        if (!first) out_ += ',';
        new_line();
    }
    void key(std::string_view name) {
        append_json_string(out_, name);
        out_ += options_.pretty ? ": " : ":";
    }
    void close(bool empty, char bracket) {
        --depth_;
        if (!empty) new_line();
        out_ += bracket;
    }
    void new_line() {
        if (options_.pretty) out_ += '\n' + std::string(depth_ * 2, ' ');
    }

    std::string& out_;
    const JsonWriteOptions& options_;
    std::size_t depth_ = 0;
};

}  // namespace

void read_json(std::string_view text, const Type& type, void* object,
               const JsonReadOptions& options) {
    unsigned char buffer[8192];
    json::monotonic_resource resource(buffer, sizeof buffer);
    json::value value = parse(text, &resource);
    Reader reader(options);
    reader.read(value, type, object);
    reader.finish();
}

void write_json(std::string& out, const Type& type, const void* object,
                const JsonWriteOptions& options) {
    Writer(out, options).write(type, object);
}

void read_text_value(std::string_view text, const Type& type, void* object,
                     std::string_view field) {
    auto refuse = [&] {
        if (type.kind == Kind::enumeration)
            fail_field(field, fmt::format("expected one of {}, got {}", choices(type),
                                          json_string(text.substr(0, 60))));
        fail_field(field, fmt::format("expected {}, got {}", expectation(type),
                                      json_string(text.substr(0, 60))));
    };
    switch (type.kind) {
        case Kind::boolean:
            if (text != "true" && text != "false" && text != "1" && text != "0") refuse();
            *static_cast<bool*>(object) = text == "true" || text == "1";
            return;
        case Kind::integer: {
            auto number = parse_int(text);
            if (!number || *number < type.integer_min || *number > type.integer_max) refuse();
            type.set_integer(object, *number);
            return;
        }
        case Kind::number: {
            double number = 0;
            auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
            if (error != std::errc{} || end != text.data() + text.size()) refuse();
            *static_cast<double*>(object) = number;
            return;
        }
        case Kind::string:
            check_text(field, text, 64 << 10);
            *static_cast<std::string*>(object) = text;
            return;
        case Kind::time:
            try {
                *static_cast<Time*>(object) = parse_time(text);
            } catch (const Error&) {
                refuse();
            }
            return;
        case Kind::enumeration:
            for (std::size_t i = 0; i < type.enumerators.size(); ++i)
                if (type.enumerators[i] == text)
                    return type.set_integer(object, static_cast<std::int64_t>(i));
            return refuse();
        case Kind::optional:
            return read_text_value(text, type.element(), type.emplace(object), field);
        case Kind::list:
            type.clear(object);
            for (auto part : split(text, ','))
                read_text_value(part, type.element(), type.append(object), field);
            return;
        case Kind::json:
        case Kind::map:
        case Kind::object:
            return refuse();
    }
}

void append_json_string(std::string& out, std::string_view text) {
    if (!is_utf8(text)) {
        // Byte by byte: rare, and only for text that came from outside unchecked (log lines).
        std::string repaired;
        for (std::size_t i = 0; i < text.size();) {
            std::size_t length = 1;
            while (length <= 4 && i + length <= text.size() && !is_utf8(text.substr(i, length)))
                ++length;
            if (length <= 4 && i + length <= text.size()) {
                repaired += text.substr(i, length);
                i += length;
            } else {
                repaired += "\xEF\xBF\xBD";
                ++i;
            }
        }
        return append_json_string(out, repaired);
    }
    out += '"';
    std::size_t from = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        out.append(text, from, i - from);
        from = i + 1;
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                out += fmt::format("\\u{:04x}", c);
        }
    }
    out.append(text, from);
    out += '"';
}

std::string json_string(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

void check_json(std::string_view text) {
    parse(text, {});
}

}  // namespace maru
