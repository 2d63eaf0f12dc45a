#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "net/http.hpp"

namespace maru::net {

/// How the end of a response's body is told to the client.
struct Framing {
    enum class Kind { length, chunked, until_close, none };
    Kind kind = Kind::none;
    std::int64_t length = 0;
};

/// Appends a response's status line and fields; ours (Connection, Content-Length, Date, ...)
/// replace the response's own. An HTTP/1.0 client is told that its connection stays open.
void append_response_head(std::string& out, unsigned status, std::string_view reason,
                          const Headers& headers, Framing framing, bool keep_alive, bool http11);

void append_field(std::string& out, std::string_view name, std::string_view value);

/// "5\r\n" before and "\r\n" after a piece of a chunked body.
std::string chunk_prefix(std::size_t size);

/// False for a name or value that would break the message apart (CR, LF, NUL, blanks in a name).
bool is_valid_field(std::string_view name, std::string_view value);

inline bool may_have_body(unsigned status) {
    return status >= 200 && status != 204 && status != 304;
}

/// An error as the own API writes it.
Response error_response(unsigned status, ErrorCode code, std::string_view message);

}  // namespace maru::net
