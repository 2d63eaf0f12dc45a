#include "serving/inference/json_cursor.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace maru::serving {

namespace {

constexpr int kDepthMax = 64;

bool ends_scalar(char c) {
    return c == ',' || c == ']' || c == '}' || c == ':' || c == ' ' || c == '\n' || c == '\t' ||
           c == '\r' || c == '"' || c == '[' || c == '{';
}

void append_utf8(std::string& out, unsigned code) {
    auto put = [&](unsigned byte) { out += static_cast<char>(byte); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xc0 | code >> 6);
        put(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        put(0xe0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3f));
        put(0x80 | (code & 0x3f));
    } else {
        put(0xf0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3f));
        put(0x80 | (code >> 6 & 0x3f));
        put(0x80 | (code & 0x3f));
    }
}

}  // namespace

void JsonCursor::fail_here(std::string_view expected) const {
    auto offset = at_ - begin_;
    if (at_ == end_)
        fail(ErrorCode::invalid_argument, "the JSON ends at byte {}: expected {}", offset,
             expected);
    std::string_view rest(at_, static_cast<std::size_t>(std::min<std::ptrdiff_t>(end_ - at_, 20)));
    fail(ErrorCode::invalid_argument, "the JSON is wrong at byte {}: expected {}, got \"{}\"",
         offset, expected, rest);
}

void JsonCursor::expect(char wanted) {
    if (!take(wanted)) fail_here(std::string_view(&wanted, 1));
}

void JsonCursor::expect_end() {
    if (peek() != '\0' || at_ != end_) fail_here("the end");
}

unsigned JsonCursor::hex4() {
    unsigned code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
        if (at_ == end_) fail_here("four hex digits");
        char c = *at_;
        if (c >= '0' && c <= '9')
            code = code << 4 | static_cast<unsigned>(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            code = code << 4 | static_cast<unsigned>((c | 0x20) - 'a' + 10);
        else
            fail_here("four hex digits");
    }
    return code;
}

void JsonCursor::escape() {
    if (at_ == end_) fail_here("an escaped character");
    char c = *at_++;
    switch (c) {
        case '"':
        case '\\':
        case '/':
            scratch_ += c;
            return;
        case 'b':
            scratch_ += '\b';
            return;
        case 'f':
            scratch_ += '\f';
            return;
        case 'n':
            scratch_ += '\n';
            return;
        case 'r':
            scratch_ += '\r';
            return;
        case 't':
            scratch_ += '\t';
            return;
        case 'u':
            break;
        default:
            --at_;
            fail_here("an escaped character");
    }
    unsigned code = hex4();
    if (code >= 0xd800 && code < 0xdc00 && end_ - at_ >= 6 && at_[0] == '\\' && at_[1] == 'u') {
        at_ += 2;
        unsigned low = hex4();
        code = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
                                             : 0xfffd;
    } else if (code >= 0xd800 && code < 0xe000) {
        code = 0xfffd;
    }
    append_utf8(scratch_, code);
}

std::string_view JsonCursor::string() {
    if (!take('"')) fail_here("a string");
    const char* from = at_;
    while (at_ != end_ && *at_ != '"' && *at_ != '\\' && static_cast<unsigned char>(*at_) >= 0x20)
        ++at_;
    if (at_ != end_ && *at_ == '"') return {from, static_cast<std::size_t>(at_++ - from)};
    scratch_.assign(from, at_);
    while (true) {
        if (at_ == end_) fail_here("the end of a string");
        char c = *at_;
        if (static_cast<unsigned char>(c) < 0x20) fail_here("no control character in a string");
        ++at_;
        if (c == '"') return scratch_;
        if (c == '\\')
            escape();
        else
            scratch_ += c;
    }
}

std::string_view JsonCursor::scalar() {
    char first = peek();
    const char* from = at_;
    while (at_ != end_ && !ends_scalar(*at_)) ++at_;
    std::string_view text(from, static_cast<std::size_t>(at_ - from));
    bool number = first == '-' || (first >= '0' && first <= '9');
    if (number || text == "true" || text == "false" || text == "null" || text == "NaN" ||
        text == "Infinity")
        return text;
    at_ = from;
    fail_here("a value");
}

std::string_view JsonCursor::value(int depth) {
    char first = peek();
    const char* from = at_;
    if (depth > kDepthMax) fail_here("at most 64 nested levels");
    if (first == '"') {
        string();
    } else if (first == '{') {
        object([&](std::string_view) { value(depth + 1); });
    } else if (first == '[') {
        array([&] { value(depth + 1); });
    } else {
        scalar();
    }
    return {from, static_cast<std::size_t>(at_ - from)};
}

}  // namespace maru::serving
