#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "base/error.hpp"
#include "traces/otlp/request.hpp"

namespace maru::traces::otlp {
namespace {

using testing::HasSubstr;

/// Writes protobuf messages, to be read.
struct Message {
    std::string bytes;

    Message& varint(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
        bytes += static_cast<char>(value);
        return *this;
    }
    Message& text(int field, const std::string& content) {
        varint(static_cast<std::uint64_t>(field) << 3 | 2).varint(content.size());
        bytes += content;
        return *this;
    }
    Message& message(int field, const Message& content) { return text(field, content.bytes); }
    Message& integer(int field, std::uint64_t value) {
        return varint(static_cast<std::uint64_t>(field) << 3).varint(value);
    }
    Message& fixed(int field, std::uint64_t value) {
        varint(static_cast<std::uint64_t>(field) << 3 | 1);
        for (int i = 0; i < 8; ++i) bytes += static_cast<char>(value >> (8 * i));
        return *this;
    }
};

Message pair(const std::string& key, const Message& value) {
    return Message().text(1, key).message(2, value);
}

Message span() {
    Message list;
    list.message(1, Message().integer(3, 5));
    list.message(1, Message().fixed(4, 0x3ff8000000000000));  // 1.5
    list.message(1, Message());
    Message map;
    map.message(1, pair("k", Message().integer(2, 1)));
    return Message()
        .text(1, std::string(16, '\x12'))
        .text(2, std::string(8, '\x34'))
        .text(4, std::string(8, '\x56'))
        .text(5, "질문")
        .fixed(7, 1'000'000'001)
        .fixed(8, 2'000'000'002)
        .message(9, pair("s", Message().text(1, "text")))
        .message(9, pair("list", Message().message(5, list)))
        .message(9, pair("map", Message().message(6, map)))
        .message(9, pair("negative", Message().integer(3, static_cast<std::uint64_t>(-7))))
        .message(11, Message()
                         .fixed(1, 5)
                         .text(2, "exception")
                         .message(3, pair("exception.type", Message().text(1, "E"))))
        .message(15, Message().text(2, "bad").integer(3, 2))
        .integer(99, 4);  // from the future
}

std::string request(const Message& content) {
    Message resource;
    resource.message(1, pair("service.name", Message().text(1, "svc")));
    Message source;
    source.message(1, resource).message(2, Message().message(2, content));
    return Message().message(1, source).bytes;
}

TEST(Otlp, ReadsSpans) {
    auto sources = parse_protobuf(request(span()));
    ASSERT_EQ(sources.size(), 1u);
    EXPECT_EQ(sources[0].attributes[0].json, "\"svc\"");
    const auto& read = sources[0].spans.at(0);
    EXPECT_EQ(read.trace_id, "12121212121212121212121212121212");
    EXPECT_EQ(read.id, "3434343434343434");
    EXPECT_EQ(read.parent_id, "5656565656565656");
    EXPECT_EQ(read.name, "질문");
    EXPECT_EQ(read.started_ns, 1'000'000'001);
    EXPECT_EQ(read.ended_ns, 2'000'000'002);
    EXPECT_EQ(*read.attribute("s"), "\"text\"");
    EXPECT_EQ(*read.attribute("list"), "[5, 1.5, null]");
    EXPECT_EQ(*read.attribute("map"), "{\"k\": true}");
    EXPECT_EQ(*read.attribute("negative"), "-7");
    EXPECT_EQ(read.events[0].attributes[0].json, "\"E\"");
    EXPECT_EQ(read.status, SpanStatus::ERROR);
    EXPECT_EQ(read.status_message, "bad");
}

TEST(Otlp, WhatIsCutOffAnywhereIsRefusedOrRead) {
    std::string whole = request(span());
    std::size_t refused = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) {
        try {
            parse_protobuf(std::string_view(whole).substr(0, size));
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
            ++refused;
        }
    }
    EXPECT_EQ(refused, whole.size());
}

TEST(Otlp, DamagedBytesNeverDoMoreThanThrow) {
    std::string whole = request(span());
    for (std::size_t at = 0; at < whole.size(); ++at)
        for (int value : {0x00, 0x7f, 0x80, 0xff}) {
            std::string damaged = whole;
            damaged[at] = static_cast<char>(value);
            try {
                parse_protobuf(damaged);
            } catch (const Error& error) {
                EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
            }
        }
}

TEST(Otlp, RefusesWhatIsNoSpan) {
    EXPECT_THROW(parse_protobuf(""), Error);
    EXPECT_THROW(parse_protobuf("\xff\xff"), Error);
    EXPECT_THROW(parse_protobuf(request(Message().text(1, "short").text(2, "12345678"))), Error);
    EXPECT_THROW(parse_protobuf(request(Message().text(1, std::string(16, 'x')))), Error);
    EXPECT_THROW(parse_protobuf(request(span().text(5, "\xff"))), Error);
    EXPECT_THROW(parse_protobuf(request(span().fixed(7, ~0ULL))), Error);
    Message deep = Message().text(1, "bottom");
    for (int i = 0; i < 200; ++i) deep = Message().message(5, Message().message(1, deep));
    EXPECT_THROW(parse_protobuf(request(span().message(9, pair("deep", deep)))), Error);
}

TEST(Otlp, ReadsJson) {
    auto sources = parse_json(R"({"resourceSpans": [{"resource": {"attributes": [
        {"key": "service.name", "value": {"stringValue": "svc"}}]}, "scopeSpans": [{"spans": [{
        "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "eee19b7ec3c1b174", "name": "j",
        "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": 1544712661000000000,
        "attributes": [{"key": "n", "value": {"arrayValue": {"values": [{"intValue": "1"}]}}},
                       {"key": "m", "value": {"kvlistValue": {"values":
                           [{"key": "k", "value": {"doubleValue": 2}}]}}}],
        "status": {"code": 2, "message": "no"}}]}]}]})");
    const auto& read = sources.at(0).spans.at(0);
    EXPECT_EQ(read.trace_id, "5b8efff798038103d269b633813fc60c");
    EXPECT_EQ(*read.attribute("n"), "[1]");
    EXPECT_EQ(*read.attribute("m"), "{\"k\": 2.0}");
    EXPECT_EQ(read.status, SpanStatus::ERROR);
    for (std::string_view wrong :
         {"", "[]", "{}", R"({"resourceSpans": 1})", R"({"resourceSpans": [1]})",
          R"({"resourceSpans": [{"scopeSpans": [{"spans": [{}]}]}]})",
          R"({"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "zz"}]}]}]})"})
        EXPECT_THROW(parse_json(wrong), Error) << wrong;
}

std::string gzip(const std::string& plain) {
    z_stream stream{};
    deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
    std::string packed(deflateBound(&stream, plain.size()), '\0');
    std::string copy = plain;
    stream.next_in = reinterpret_cast<Bytef*>(copy.data());
    stream.avail_in = static_cast<uInt>(copy.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    deflate(&stream, Z_FINISH);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return packed;
}

TEST(Otlp, BodiesAreDecompressedWithinBounds) {
    std::string plain(100'000, 'x');
    std::string packed = gzip(plain);
    EXPECT_EQ(decode_body(packed, "gzip", 1 << 20), plain);
    EXPECT_EQ(decode_body("as it is", "", 1), "as it is");
    EXPECT_THROW(decode_body(packed, "gzip", 50'000), Error);
    EXPECT_THROW(decode_body(packed.substr(0, packed.size() / 2), "gzip", 1 << 20), Error);
    EXPECT_THROW(decode_body("no gzip", "gzip", 1 << 20), Error);
    EXPECT_THROW(decode_body("", "gzip", 1 << 20), Error);
    EXPECT_THROW(decode_body(packed, "br", 1 << 20), Error);
}

}  // namespace
}  // namespace maru::traces::otlp
