#include <bit>
#include <boost/json/value.hpp>
#include <cstring>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "traces/otlp/request.hpp"
#include "traces/spans/json_text.hpp"

namespace maru::traces::otlp {

namespace json = boost::json;
using spans::Attribute;
using spans::Span;

namespace {

constexpr int kDepthMax = 64;

[[noreturn]] void refuse() {
    fail(ErrorCode::invalid_argument, "Invalid OpenTelemetry format");
}

/// One field of a message as it is on the wire.
struct Field {
    std::uint32_t number = 0;
    enum class Kind { varint, fixed64, bytes, fixed32 } kind = Kind::varint;
    std::uint64_t integer = 0;
    std::string_view bytes;

    std::string_view expect_bytes() const {
        if (kind != Kind::bytes) refuse();
        return bytes;
    }
    std::uint64_t expect_integer(Kind expected) const {
        if (kind != expected) refuse();
        return integer;
    }
    /// Bytes that are not UTF-8 are for nobody to read: they are refused as protobuf does.
    std::string expect_text() const {
        if (!is_utf8(expect_bytes())) refuse();
        return std::string(bytes);
    }
};

/// Reads the fields of one message, never past its end.
class Reader {
  public:
    explicit Reader(std::string_view message) : rest_(message) {}

    bool next(Field& field) {
        if (rest_.empty()) return false;
        std::uint64_t tag = varint();
        field.number = static_cast<std::uint32_t>(tag >> 3);
        if (field.number == 0 || (tag >> 32) != 0) refuse();
        switch (tag & 7) {
            case 0:
                field.kind = Field::Kind::varint;
                field.integer = varint();
                return true;
            case 1:
                field.kind = Field::Kind::fixed64;
                field.integer = fixed(8);
                return true;
            case 2:
                field.kind = Field::Kind::bytes;
                field.bytes = take(varint());
                return true;
            case 5:
                field.kind = Field::Kind::fixed32;
                field.integer = fixed(4);
                return true;
            default:
                refuse();  // groups, which no message here has
        }
    }

  private:
    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            auto byte = static_cast<unsigned char>(take(1).front());
            value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80) return value;
        }
        refuse();
    }
    std::uint64_t fixed(std::size_t size) {
        auto bytes = take(size);
        std::uint64_t value = 0;
        for (std::size_t i = size; i-- > 0;)
            value = value << 8 | static_cast<unsigned char>(bytes[i]);
        return value;
    }
    std::string_view take(std::uint64_t size) {
        if (size > rest_.size()) refuse();
        auto taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }

    std::string_view rest_;
};

std::pair<std::string, json::value> read_pair(std::string_view message, int depth);

/// opentelemetry.proto.common.v1.AnyValue
json::value read_value(std::string_view message, int depth) {
    if (depth > kDepthMax) refuse();
    json::value value;
    Field field;
    for (Reader reader(message); reader.next(field);) {
        switch (field.number) {
            case 1:
                value = json::string(field.expect_text());
                break;
            case 2:
                value = field.expect_integer(Field::Kind::varint) != 0;
                break;
            case 3:
                value = static_cast<std::int64_t>(field.expect_integer(Field::Kind::varint));
                break;
            case 4:
                value = std::bit_cast<double>(field.expect_integer(Field::Kind::fixed64));
                break;
            case 5: {
                json::array list;
                Field item;
                for (Reader items(field.expect_bytes()); items.next(item);)
                    if (item.number == 1)
                        list.push_back(read_value(item.expect_bytes(), depth + 1));
                value = std::move(list);
                break;
            }
            case 6: {
                json::object object;
                Field item;
                for (Reader items(field.expect_bytes()); items.next(item);)
                    if (item.number == 1) {
                        auto [key, content] = read_pair(item.expect_bytes(), depth + 1);
                        object[key] = std::move(content);
                    }
                value = std::move(object);
                break;
            }
            case 7:
                value = json::string(to_base64(field.expect_bytes()));
                break;
            default:
                break;
        }
    }
    return value;
}

std::pair<std::string, json::value> read_pair(std::string_view message, int depth) {
    std::pair<std::string, json::value> pair;
    Field field;
    for (Reader reader(message); reader.next(field);) {
        if (field.number == 1) pair.first = field.expect_text();
        if (field.number == 2) pair.second = read_value(field.expect_bytes(), depth + 1);
    }
    return pair;
}

void read_attribute(std::string_view message, std::vector<Attribute>& attributes) {
    auto [key, value] = read_pair(message, 0);
    attributes.push_back({std::move(key), spans::dump(value)});
}

std::int64_t nanoseconds(const Field& field) {
    auto value = field.expect_integer(Field::Kind::fixed64);
    if (value > INT64_MAX) refuse();
    return static_cast<std::int64_t>(value);
}

std::string id(const Field& field, std::size_t size) {
    auto bytes = field.expect_bytes();
    if (bytes.size() != size) refuse();
    return to_hex(bytes);
}

spans::Event read_event(std::string_view message) {
    spans::Event event;
    Field field;
    for (Reader reader(message); reader.next(field);) {
        if (field.number == 1) event.at_ns = nanoseconds(field);
        if (field.number == 2) event.name = field.expect_text();
        if (field.number == 3) read_attribute(field.expect_bytes(), event.attributes);
    }
    return event;
}

spans::Link read_link(std::string_view message) {
    spans::Link link;
    Field field;
    for (Reader reader(message); reader.next(field);) {
        if (field.number == 1) link.trace_id = id(field, 16);
        if (field.number == 2) link.span_id = id(field, 8);
        if (field.number == 4) read_attribute(field.expect_bytes(), link.attributes);
    }
    return link;
}

void read_status(std::string_view message, Span& span) {
    Field field;
    for (Reader reader(message); reader.next(field);) {
        if (field.number == 2) span.status_message = field.expect_text();
        if (field.number == 3) {
            auto code = field.expect_integer(Field::Kind::varint);
            span.status = code == 1   ? SpanStatus::OK
                          : code == 2 ? SpanStatus::ERROR
                                      : SpanStatus::UNSET;
        }
    }
}

Span read_span(std::string_view message) {
    Span span;
    Field field;
    for (Reader reader(message); reader.next(field);) {
        switch (field.number) {
            case 1:
                span.trace_id = id(field, 16);
                break;
            case 2:
                span.id = id(field, 8);
                break;
            case 4:
                if (!field.expect_bytes().empty()) span.parent_id = id(field, 8);
                break;
            case 5:
                span.name = field.expect_text();
                break;
            case 7:
                span.started_ns = nanoseconds(field);
                break;
            case 8:
                span.ended_ns = nanoseconds(field);
                break;
            case 9:
                read_attribute(field.expect_bytes(), span.attributes);
                break;
            case 11:
                span.events.push_back(read_event(field.expect_bytes()));
                break;
            case 13:
                span.links.push_back(read_link(field.expect_bytes()));
                break;
            case 15:
                read_status(field.expect_bytes(), span);
                break;
            default:
                break;
        }
    }
    if (span.trace_id.empty() || span.id.empty()) refuse();
    return span;
}

void read_source(std::string_view message, Source& source) {
    Field field;
    for (Reader reader(message); reader.next(field);) {
        if (field.number == 1) {
            Field item;
            for (Reader resource(field.expect_bytes()); resource.next(item);)
                if (item.number == 1) read_attribute(item.expect_bytes(), source.attributes);
        }
        if (field.number == 2) {
            Field item;
            for (Reader scope(field.expect_bytes()); scope.next(item);)
                if (item.number == 2) source.spans.push_back(read_span(item.expect_bytes()));
        }
    }
}

}  // namespace

std::vector<Source> parse_protobuf(std::string_view body) {
    std::vector<Source> sources;
    Field field;
    for (Reader reader(body); reader.next(field);)
        if (field.number == 1) read_source(field.expect_bytes(), sources.emplace_back());
    if (sources.empty())
        fail(ErrorCode::invalid_argument, "Invalid OpenTelemetry format - no spans found");
    return sources;
}

}  // namespace maru::traces::otlp
