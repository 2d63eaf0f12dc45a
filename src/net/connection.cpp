#include "net/connection.hpp"

#include <cerrno>

#include "base/log.hpp"

namespace maru::net {

namespace {

constexpr std::size_t kReadBytes = 16 << 10;
constexpr std::size_t kBodyReadBytes = 128 << 10;
// Requests sent ahead while an answer is awaited: more stays in the kernel.
constexpr std::size_t kAheadBytesMax = 64 << 10;
// After an answer that leaves a body unread, the client may send so much more before it reads the
// answer; closing at once would reset the connection and lose the answer.
constexpr std::size_t kLingerBytesMax = 64 << 20;
constexpr std::chrono::seconds kLingerTime{2};

}  // namespace

Connection::Connection(ServerCore& core, IoThread& io, Transport transport, std::string peer)
    : core_(core),
      io_(io),
      stream_(io.context, io.deadlines, std::move(transport)),
      peer_(std::move(peer)),
      event_(io.context),
      waker_(std::make_shared<Waker>(io.context, [this] {
          // A stream that was cut may be waiting for the client to take more.
          if (channel_ && channel_->cut()) stream_.abort(ECANCELED);
          event_.notify();
      })) {
    io_.connections.insert(this);
    stream_.set_write_timeout(core.options.body_timeout);
}

Connection::~Connection() {
    io_.connections.erase(this);
}

Task<> Connection::run() {
    try {
        stream_.expire_reads_after(core_.options.header_timeout);
        if (co_await stream_.handshake() == 0) {
            while (co_await serve_one()) {
            }
            if (linger_)
                co_await linger();
            else if (stream_.transport().encrypted() && !stream_.error())
                stream_.transport().shutdown_write();
        }
    } catch (...) {
        log::error("connection of {}: {}", peer_, log::current_exception_message());
    }
    waker_->detach();
}

Task<> Connection::run_refused() {
    // A TLS client could not read the answer before a handshake, which is what there is no room
    // for.
    if (!stream_.transport().encrypted()) {
        keep_alive_ = false;
        Response response = error_response(503, ErrorCode::unavailable,
                                           "too many connections are open; try again in a second");
        response.headers.set("Retry-After", "1");
        co_await send_text(response, std::get<std::string>(response.body));
        co_await linger();
    }
    waker_->detach();
}

void Connection::abort() {
    stream_.abort(ECANCELED);
    event_.notify();
}

void Connection::begin_stop() {
    if (idle_)
        stream_.abort(ECANCELED);
    else if (stop_)
        stop_();
}

Task<bool> Connection::serve_one() {
    parser_.emplace(core_.options.header_bytes_max);
    head_ = {};
    http11_ = true;
    is_head_ = false;
    keep_alive_ = false;
    body_timeout_ = core_.options.body_timeout;
    switch (co_await read_head()) {
        case HeadOutcome::ready:
            break;
        case HeadOutcome::closed:
            co_return false;
        case HeadOutcome::bad:
            co_await refuse(400, ErrorCode::invalid_argument,
                            "the request is not valid HTTP/1.1: " + parser_->error());
            co_return false;
        case HeadOutcome::too_large:
            co_await refuse(431, ErrorCode::invalid_argument,
                            fmt::format("the request's header is larger than {} bytes",
                                        core_.options.header_bytes_max));
            co_return false;
        case HeadOutcome::timed_out:
            co_await refuse(408, ErrorCode::deadline_exceeded,
                            "the request's header did not arrive in time");
            co_return false;
    }
    if (auto refusal = take_head()) {
        keep_alive_ = false;
        linger_ = true;
        co_await respond(std::move(*refusal));
        co_return false;
    }
    std::optional<Route> route;
    try {
        route = core_.router(head_);
    } catch (...) {
        log::error("router, {} {}: {}", head_.method, head_.path, log::current_exception_message());
    }
    if (!route)
        co_await respond(error_response(500, ErrorCode::internal, "internal error"));
    else if (route->kind == Route::Kind::direct)
        co_await serve_direct(std::move(*route));
    else if (body_exceeds(route->body_bytes_max))
        co_await respond(too_large(route->body_bytes_max));
    else if (route->kind == Route::Kind::buffered)
        co_await serve_buffered(std::move(*route));
    else
        co_await serve_streaming(std::move(*route));
    stop_ = nullptr;
    // Closing over unread input would reset the connection, and the answer with it.
    if (!keep_alive_ && !(body_done() && buffer_.empty())) linger_ = true;
    co_return keep_alive_ && !stream_.error();
}

auto Connection::read_head() -> Task<HeadOutcome> {
    // Between requests a client may rest for longer than within one.
    bool timed = false;
    idle_ = buffer_.empty();
    if (idle_) {
        buffer_.shrink();
        auto time = core_.options.header_timeout;
        stream_.expire_reads_after(first_ ? time : time * 4);
    }
    first_ = false;
    for (;;) {
        // RFC 9112, 2.2: an empty line before a request is passed over.
        while (!parser_->got_some() && buffer_.view().starts_with("\r\n")) buffer_.consume(2);
        bool half_line = !parser_->got_some() && buffer_.view() == "\r";
        if (!buffer_.empty() && !half_line) {
            idle_ = false;
            using Outcome = RequestParser::Outcome;
            Outcome outcome = parser_->feed(buffer_);
            if (outcome == Outcome::bad) co_return HeadOutcome::bad;
            if (outcome == Outcome::headers_too_large) co_return HeadOutcome::too_large;
            if (parser_->is_header_done()) {
                stream_.never_expire_reads();
                co_return HeadOutcome::ready;
            }
            if (!timed) stream_.expire_reads_after(core_.options.header_timeout);
            timed = true;
        }
        // A client that is idle when the server stops is not waited for.
        if (core_.stopping && idle_) co_return HeadOutcome::closed;
        buffer_.reserve(kReadBytes);
        ssize_t n = co_await stream_.read(buffer_.space(), buffer_.space_size());
        if (n == -ETIMEDOUT && !idle_) co_return HeadOutcome::timed_out;
        if (n <= 0) co_return HeadOutcome::closed;
        buffer_.commit(static_cast<std::size_t>(n));
    }
}

std::optional<Response> Connection::take_head() {
    auto bad = [](std::string_view why) {
        return error_response(400, ErrorCode::invalid_argument, why);
    };
    head_.method = std::move(parser_->method);
    head_.target = std::move(parser_->target);
    head_.headers = std::move(parser_->headers);
    head_.remote_address = peer_;
    head_.encrypted = stream_.transport().encrypted();
    http11_ = parser_->version == 11;
    is_head_ = head_.method == "HEAD";
    keep_alive_ = parser_->keep_alive() && !core_.stopping;
    expects_continue_ = false;
    if (http11_ && !head_.headers.has("Host")) return bad("the request lacks a Host header");
    // Of two, each reader may believe another one.
    for (const char* single : {"Host", "Authorization"})
        if (head_.headers.count(single) > 1)
            return bad(fmt::format("the request has more than one {} header", single));
    // What this server does not decode could hide a second request from it.
    if (head_.headers.has("Transfer-Encoding") && !(parser_->chunked() && http11_))
        return bad("the request's Transfer-Encoding is not supported; use chunked");
    if (auto why = parse_target(head_)) return bad(*why);
    if (std::string_view expect = head_.headers.get("Expect"); !expect.empty() && http11_) {
        if (!has_token(expect, "100-continue"))
            return error_response(417, ErrorCode::invalid_argument,
                                  "only 'Expect: 100-continue' is supported");
        expects_continue_ = !body_done();
    }
    parser_->eager(true);
    return std::nullopt;
}

Task<> Connection::refuse(unsigned status, ErrorCode code, std::string_view message) {
    keep_alive_ = false;
    linger_ = true;
    // The deadline has done its work; what follows has its own.
    stream_.clear_timeout();
    Response response = error_response(status, code, message);
    co_await send_text(response, std::get<std::string>(response.body));
}

Task<int> Connection::read_body() {
    for (;;) {
        auto outcome = parser_->feed(buffer_);
        if (outcome == RequestParser::Outcome::bad) co_return -EBADMSG;
        if (!parser_->pieces().empty()) {
            expects_continue_ = false;
            co_return 1;
        }
        if (outcome == RequestParser::Outcome::done) co_return 0;
        if (std::exchange(expects_continue_, false) && buffer_.empty()) {
            if (int error = co_await stream_.write("HTTP/1.1 100 Continue\r\n\r\n"))
                co_return error;
        }
        buffer_.reserve(kReadBytes);
        if (buffer_.empty() &&
            parser_->content_length_remaining().value_or(kBodyReadBytes) > buffer_.space_size())
            buffer_.reserve(kBodyReadBytes);
        stream_.expire_reads_after(body_timeout_);
        ssize_t n = co_await stream_.read(buffer_.space(), buffer_.space_size());
        stream_.never_expire_reads();
        if (n <= 0) co_return n == 0 ? -ECONNRESET : static_cast<int>(n);
        buffer_.commit(static_cast<std::size_t>(n));
    }
}

std::optional<Response> Connection::body_failure(int error) {
    keep_alive_ = false;
    linger_ = true;
    if (error == -EBADMSG)
        return error_response(400, ErrorCode::invalid_argument,
                              "the request's body is malformed: " + parser_->error());
    if (error == -ETIMEDOUT && stream_.clear_timeout())
        return error_response(408, ErrorCode::deadline_exceeded,
                              "the request's body did not arrive in time");
    return std::nullopt;
}

bool Connection::body_exceeds(std::int64_t bytes_max) const {
    auto length = parser_->content_length();
    return length && *length > static_cast<std::uint64_t>(std::max<std::int64_t>(bytes_max, 0));
}

Response Connection::too_large(std::int64_t bytes_max) {
    keep_alive_ = false;
    return error_response(
        413, ErrorCode::invalid_argument,
        fmt::format("the request's body is larger than the {} bytes allowed here", bytes_max));
}

Response Connection::overloaded() {
    Response response =
        error_response(503, ErrorCode::unavailable, "the server is busy; try again in a second");
    response.headers.set("Retry-After", "1");
    return response;
}

void Connection::watch(std::function<void()> gone) {
    gone_ = std::move(gone);
    if (client_gone_ || stream_.error()) {
        client_gone_ = true;
        if (gone_) gone_();
        return;
    }
    // TLS may hold decrypted bytes that the socket does not tell of.
    if (stream_.transport().encrypted())
        input_while_watching();
    else
        stream_.watch([this] { input_while_watching(); });
}

void Connection::input_while_watching() {
    while (buffer_.size() < kAheadBytesMax) {
        buffer_.reserve(kReadBytes);
        ssize_t n = stream_.transport().read(buffer_.space(), buffer_.space_size());
        if (n == -EAGAIN) {
            stream_.watch([this] { input_while_watching(); });
            return;
        }
        if (n <= 0) {
            client_gone_ = true;
            event_.notify();
            if (gone_) gone_();
            return;
        }
        buffer_.commit(static_cast<std::size_t>(n));
    }
}

void Connection::unwatch() {
    gone_ = nullptr;
    stream_.unwatch();
}

Task<> Connection::linger() {
    stream_.transport().shutdown_write();
    stream_.expire_reads_after(kLingerTime);
    buffer_.consume(buffer_.size());
    for (std::size_t dropped = 0; dropped < kLingerBytesMax;) {
        buffer_.reserve(kReadBytes);
        ssize_t n = co_await stream_.read(buffer_.space(), buffer_.space_size());
        if (n <= 0) break;
        dropped += static_cast<std::size_t>(n);
    }
}

}  // namespace maru::net
