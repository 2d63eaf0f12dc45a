#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.hpp"

namespace maru::net {

/// Bytes received and not yet parsed: contiguous, growing, compacting.
class ReadBuffer {
  public:
    std::string_view view() const { return {data_.get() + begin_, end_ - begin_}; }
    bool empty() const { return begin_ == end_; }
    std::size_t size() const { return end_ - begin_; }
    void consume(std::size_t count);
    /// Room for at least `count` more bytes at space(); invalidates views.
    void reserve(std::size_t count);
    char* space() { return data_.get() + end_; }
    std::size_t space_size() const { return capacity_ - end_; }
    void commit(std::size_t count) { end_ += count; }
    /// Gives a large allocation back while nothing is buffered.
    void shrink();

  private:
    std::unique_ptr<char[]> data_;
    std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
};

/// What Beast's parser calls, common to requests and responses: fills Headers, and collects the
/// body's pieces as views into the parsed buffer. Trailer fields are dropped: they could pose as
/// headers.
template <bool is_request>
class MessageParser : public boost::beast::http::basic_parser<is_request> {
    using Base = boost::beast::http::basic_parser<is_request>;
    using error_code = boost::beast::error_code;
    using string_view = boost::beast::string_view;

  public:
    enum class Outcome { more, done, bad, headers_too_large };

    explicit MessageParser(std::size_t header_bytes_max);

    /// Parses from the front of `buffer`, up to the end of the header or through as much body as
    /// there is. `pieces()` then holds until the buffer is next filled.
    Outcome feed(ReadBuffer& buffer);
    const std::vector<std::string_view>& pieces() const { return pieces_; }
    void drop_pieces() { pieces_.clear(); }
    /// Why the outcome was bad.
    const std::string& error() const { return error_; }

    Headers headers;
    // Of a request:
    std::string method, target;
    // Of a response:
    unsigned status = 0;
    std::string reason;
    int version = 11;

  protected:
    void on_request_impl(boost::beast::http::verb, string_view method_text, string_view target_text,
                         int http_version, error_code&) override;
    void on_response_impl(int code, string_view reason_text, int http_version,
                          error_code&) override;
    void on_field_impl(boost::beast::http::field, string_view name, string_view value,
                       error_code&) override;
    void on_header_impl(error_code&) override { in_header_ = false; }
    void on_body_init_impl(boost::optional<std::uint64_t> const&, error_code&) override {}
    std::size_t on_body_impl(string_view body, error_code&) override;
    void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override;
    void on_finish_impl(error_code&) override {}

  private:
    std::vector<std::string_view> pieces_;
    std::string error_;
    std::size_t header_bytes_ = 0;
    const std::size_t header_bytes_max_;
    bool in_header_ = true;
};

using RequestParser = MessageParser<true>;
using ResponseParser = MessageParser<false>;

/// Fills path and query from target; returns why the request is bad, or nothing.
std::optional<std::string> parse_target(RequestHead& head);

/// True if the comma-separated `list` names `token`, case aside.
bool has_token(std::string_view list, std::string_view token);

/// True for fields of one connection that are never passed on (RFC 9110, 7.6.1) or that we set
/// ourselves. `connection` is the message's Connection field, which may name more.
bool is_hop_by_hop(std::string_view name, std::string_view connection);

}  // namespace maru::net
