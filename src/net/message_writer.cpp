#include "net/message_writer.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <boost/beast/http/status.hpp>
#include <ctime>

#include "base/json.hpp"
#include "net/message_parser.hpp"

namespace maru::net {

namespace {

// Formatting a date costs more than the rest of a head, and it changes once a second.
std::string_view http_date() {
    thread_local std::time_t second = 0;
    thread_local char text[40];
    thread_local std::size_t size = 0;
    std::time_t now = std::time(nullptr);
    if (now != second) {
        std::tm utc{};
        ::gmtime_r(&now, &utc);
        size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
        second = now;
    }
    return {text, size};
}

}  // namespace

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

std::string chunk_prefix(std::size_t size) {
    return fmt::format(FMT_COMPILE("{:x}\r\n"), size);
}

bool is_valid_field(std::string_view name, std::string_view value) {
    if (name.empty() || name.find_first_of(std::string_view("\r\n\0 \t:", 6)) != name.npos)
        return false;
    return value.find_first_of(std::string_view("\r\n\0", 3)) == value.npos;
}

void append_response_head(std::string& out, unsigned status, std::string_view reason,
                          const Headers& headers, Framing framing, bool keep_alive, bool http11) {
    if (reason.empty()) {
        auto text = boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(status));
        reason = {text.data(), text.size()};
    }
    fmt::format_to(std::back_inserter(out), FMT_COMPILE("HTTP/1.1 {} {}\r\n"), status, reason);
    bool dated = false;
    for (const auto& [name, value] : headers) {
        if (is_hop_by_hop(name, "")) continue;
        if (name == "Date" || name == "date") dated = true;
        append_field(out, name, value);
    }
    if (!dated) append_field(out, "Date", http_date());
    switch (framing.kind) {
        case Framing::Kind::length:
            fmt::format_to(std::back_inserter(out), FMT_COMPILE("Content-Length: {}\r\n"),
                           framing.length);
            break;
        case Framing::Kind::chunked:
            out.append("Transfer-Encoding: chunked\r\n");
            break;
        case Framing::Kind::until_close:
        case Framing::Kind::none:
            break;
    }
    if (!keep_alive)
        out.append("Connection: close\r\n");
    else if (!http11)
        out.append("Connection: keep-alive\r\n");
    out.append("\r\n");
}

Response error_response(unsigned status, ErrorCode code, std::string_view message) {
    std::string text = R"({"error":{"code":)";
    append_json_string(text, to_string(code));
    text += R"(,"message":)";
    append_json_string(text, message);
    text += R"(,"details":[],"request_id":""}})";
    return Response::json(std::move(text), status);
}

}  // namespace maru::net
