#include "net/proxying.hpp"

#include <fmt/compile.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cerrno>

#include "base/log.hpp"
#include "net/socket_address.hpp"

namespace maru::net {

namespace {

// Bodies up to this are read first and sent with the head in one write.
constexpr std::uint64_t kSmallBodyBytes = 64 << 10;
constexpr std::size_t kReadBytes = 16 << 10;
constexpr std::size_t kBodyReadBytes = 128 << 10;
constexpr std::size_t kHeaderBytesMax = 256 << 10;
constexpr std::chrono::seconds kConnectTimeout{5};
// For the first byte of an answer; after it only the client's patience counts.
constexpr std::chrono::minutes kAnswerTimeout{10};
constexpr std::chrono::seconds kLingerTime{2};

std::string upstream_key(const ProxyBody& target) {
    return target.unix_socket.empty() ? fmt::format("{}:{}", target.host, target.port)
                                      : "unix:" + target.unix_socket;
}

bool is_idempotent(std::string_view method) {
    static constexpr std::array<std::string_view, 6> kMethods{"GET",    "HEAD",    "PUT",
                                                              "DELETE", "OPTIONS", "TRACE"};
    return std::ranges::find(kMethods, method) != kMethods.end();
}

std::string reason(int error) {
    return std::generic_category().message(error);
}

}  // namespace

Proxying::Proxying(Connection& client, ProxyBody target, std::optional<std::string> body)
    : client_(client),
      target_(std::move(target)),
      key_(upstream_key(target_)),
      body_(std::move(body)),
      uploaded_(client.io().context) {}

Proxying::~Proxying() {
    client_.unwatch();
}

Task<> Proxying::run() {
    auto start = SteadyClock::now();
    try {
        co_await exchange();
    } catch (...) {
        log::error("proxy to {}: {}", key_, log::current_exception_message());
        client_.close_after_answer();
        client_.stream().abort(EIO);
    }
    if (uploading_) co_await finish_upload();
    client_.unwatch();
    client_.on_stop(nullptr);
    if (!target_.done) co_return;
    auto latency =
        std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - start);
    unsigned status = status_ ? status_ : client_.client_gone() ? 499 : 502;
    try {
        target_.done(status, latency.count());
    } catch (...) {
        log::error("proxy to {}: {}", key_, log::current_exception_message());
    }
}

Task<> Proxying::exchange() {
    if (!is_sendable()) {
        log::error("proxy to {}: the target or a header has characters that cannot be sent", key_);
        co_await answer_failure(500, ErrorCode::internal, "internal error");
        co_return;
    }
    upgrade_ =
        target_.may_upgrade && client_.parser().upgrade() && client_.head().headers.has("Upgrade");
    if (!body_ && !client_.body_done()) {
        auto length = client_.parser().content_length();
        streamed_ = !length || *length > kSmallBodyBytes;
        if (!streamed_ && !co_await read_small_body()) co_return;
    }
    std::string head = request_head();
    if (!streamed_ && body_) head += *body_;
    for (int attempt = 0;; ++attempt) {
        // A streamed body cannot be sent twice, so it never meets a connection that may be stale.
        bool reuse = attempt == 0 && !streamed_ && !upgrade_;
        upstream_ = reuse ? client_.io().upstreams.take(key_) : nullptr;
        bool reused = upstream_ != nullptr;
        if (!reused) {
            if (int error = co_await connect()) {
                co_await answer_failure(
                    502, ErrorCode::unavailable,
                    fmt::format("cannot reach the application: {}", reason(-error)));
                co_return;
            }
        }
        // The client's end is seen while its body is awaited, by reading; afterwards by watching.
        if (!streamed_)
            client_.watch([this] {
                if (upstream_) upstream_->abort(ECANCELED);
            });
        buffer_.consume(buffer_.size());
        int result = co_await send_request(head);
        if (result == 0) result = co_await read_head();
        if (result == 0) break;
        if (client_.client_gone() || client_.stream().error()) {
            client_.close_after_answer();
            co_return;
        }
        if (reused && may_retry(result)) {
            client_.unwatch();
            continue;
        }
        if (result == -ETIMEDOUT)
            co_await answer_failure(504, ErrorCode::deadline_exceeded,
                                    "the application did not answer in time");
        else
            co_await answer_failure(
                502, ErrorCode::unavailable,
                result == -EBADMSG ? "the application's answer is not valid HTTP"
                                   : "the application closed the connection without an answer");
        co_return;
    }
    if (parser_->status == 101)
        co_await tunnel();
    else
        co_await forward();
}

Task<bool> Proxying::read_small_body() {
    body_.emplace();
    while (!client_.body_done()) {
        int n = co_await client_.read_body();
        if (n < 0) {
            if (auto answer = client_.body_failure(n))
                co_await answer_failure(answer->status, ErrorCode::invalid_argument,
                                        n == -EBADMSG
                                            ? "the request's body is malformed"
                                            : "the request's body did not arrive in time");
            co_return false;
        }
        for (std::string_view piece : client_.parser().pieces()) body_->append(piece);
    }
    co_return true;
}

Task<int> Proxying::connect() {
    int error = 0;
    auto deadline = SteadyClock::now() + kConnectTimeout;
    for (;;) {
        FileDescriptor fd = target_.unix_socket.empty()
                                ? connect_numeric(target_.host, target_.port, error)
                                : connect_unix(target_.unix_socket, error);
        if (error == EAGAIN && SteadyClock::now() < deadline && !client_.stream().error()) {
            // A Unix listener whose backlog is full; there is no event to wait for.
            Event pause(client_.io().context);
            co_await pause.wait_until(SteadyClock::now() + std::chrono::milliseconds(2));
            continue;
        }
        if (error && error != EINPROGRESS) co_return -error;
        upstream_ = std::make_unique<Stream>(client_.io().context, client_.io().deadlines,
                                             Transport(std::move(fd)));
        upstream_->set_write_timeout(kAnswerTimeout);
        if (!error) co_return 0;
        upstream_->set_write_timeout(kConnectTimeout);
        upstream_->expire_reads_after(kConnectTimeout);
        int result = co_await upstream_->wait_connected();
        upstream_->never_expire_reads();
        upstream_->set_write_timeout(kAnswerTimeout);
        co_return result;
    }
}

bool Proxying::is_sendable() const {
    for (const auto& [name, value] : target_.set_headers)
        if (!is_valid_field(name, value)) return false;
    return target_.target.starts_with('/') &&
           target_.target.find_first_of(std::string_view(" \r\n\0", 4)) == std::string::npos;
}

std::string Proxying::request_head() const {
    const RequestHead& head = client_.head();
    std::string_view connection = head.headers.get("Connection");
    std::string out;
    out.reserve(1024);
    fmt::format_to(std::back_inserter(out), FMT_COMPILE("{} {} HTTP/1.1\r\n"), head.method,
                   target_.target);
    std::string forwarded_for;
    for (const auto& [name, value] : head.headers) {
        if (is_hop_by_hop(name, connection) || target_.set_headers.has(name)) continue;
        if (has_token("Expect, X-Forwarded-Proto, X-Forwarded-Host", name)) continue;
        if (has_token("X-Forwarded-For", name)) {
            forwarded_for += value + ", ";
            continue;
        }
        append_field(out, name, value);
    }
    if (!head.headers.has("Host") && !target_.set_headers.has("Host"))
        append_field(out, "Host", "localhost");
    if (!target_.set_headers.has("X-Forwarded-For"))
        append_field(out, "X-Forwarded-For", forwarded_for + head.remote_address);
    if (!target_.set_headers.has("X-Forwarded-Proto"))
        append_field(out, "X-Forwarded-Proto", head.encrypted ? "https" : "http");
    if (!target_.set_headers.has("X-Forwarded-Host") && head.headers.has("Host"))
        append_field(out, "X-Forwarded-Host", head.headers.get("Host"));
    for (const auto& [name, value] : target_.set_headers)
        if (!value.empty() && !is_hop_by_hop(name, "")) append_field(out, name, value);
    if (upgrade_) {
        append_field(out, "Connection", "Upgrade");
        append_field(out, "Upgrade", head.headers.get("Upgrade"));
    }
    if (streamed_ && !client_.parser().content_length())
        append_field(out, "Transfer-Encoding", "chunked");
    else if (streamed_)
        append_field(out, "Content-Length", std::to_string(*client_.parser().content_length()));
    else if (body_ && (!body_->empty() || client_.parser().content_length()))
        append_field(out, "Content-Length", std::to_string(body_->size()));
    else if (head.headers.has("Content-Length"))
        append_field(out, "Content-Length", "0");
    return out.append("\r\n");
}

Task<int> Proxying::send_request(const std::string& head) {
    int error = co_await upstream_->write(head);
    if (!error && streamed_) {
        uploading_ = true;
        asio::co_spawn(client_.io().context, upload(), asio::detached);
    }
    // A server may answer and close before it has read all: its answer, if any, is still there.
    refused_ = error == -EPIPE;
    co_return refused_ ? 0 : error;
}

Task<int> Proxying::read_head() {
    for (;;) {
        parser_.emplace(kHeaderBytesMax);
        parser_->skip(client_.is_head_request());
        upstream_->expire_reads_after(kAnswerTimeout);
        for (;;) {
            if (!buffer_.empty()) {
                auto outcome = parser_->feed(buffer_);
                if (outcome == ResponseParser::Outcome::bad ||
                    outcome == ResponseParser::Outcome::headers_too_large)
                    co_return -EBADMSG;
                if (parser_->is_header_done()) break;
            }
            buffer_.reserve(kReadBytes);
            ssize_t n = co_await upstream_->read(buffer_.space(), buffer_.space_size());
            if (n <= 0)
                co_return parser_->got_some() || !buffer_.empty() ? -EBADMSG
                : refused_                                        ? -EPIPE
                : n == 0                                          ? -ENODATA
                                                                  : static_cast<int>(n);
            buffer_.commit(static_cast<std::size_t>(n));
        }
        upstream_->never_expire_reads();
        bool switched = parser_->status == 101 && upgrade_;
        if (parser_->status == 101 && !upgrade_) co_return -EBADMSG;
        if (parser_->status >= 200 || switched) co_return 0;
    }
}

// A reset means that the server never read the request. After a plain end it may have acted on it,
// so only what can be repeated without harm is sent again.
bool Proxying::may_retry(int result) const {
    if (result == -ECONNRESET || result == -EPIPE) return true;
    return result == -ENODATA && is_idempotent(client_.head().method);
}

Task<> Proxying::answer_failure(unsigned status, ErrorCode code, std::string message) {
    client_.unwatch();
    status_ = status;
    if (uploading_) {
        // What the client still sends is dropped from here on, while the answer goes out.
        discard_ = true;
        if (upstream_) upstream_->abort(ECANCELED);
        co_await client_.respond_and_close(error_response(status, code, message));
    } else {
        co_await client_.respond(error_response(status, code, message));
    }
}

Task<> Proxying::upload() {
    bool chunked = !client_.parser().content_length();
    std::vector<iovec> pieces;
    try {
        for (;;) {
            int n = client_.body_done() ? 0 : co_await client_.read_body();
            if (n < 0) {
                // Half a body must not look whole to the application.
                if (!discard_ && upstream_) upstream_->abort(ECANCELED);
                break;
            }
            if (discard_) {
                if (n == 0) break;
                continue;
            }
            pieces.clear();
            std::string prefix;
            std::size_t size = 0;
            if (n > 0)
                for (std::string_view piece : client_.parser().pieces()) {
                    pieces.push_back({const_cast<char*>(piece.data()), piece.size()});
                    size += piece.size();
                }
            if (chunked) {
                prefix = chunk_prefix(size);
                pieces.insert(pieces.begin(), {prefix.data(), prefix.size()});
                pieces.push_back({const_cast<char*>("\r\n"), 2});
            }
            // The application may refuse the rest and still answer.
            if (!pieces.empty() && co_await upstream_->write(pieces)) discard_ = true;
            if (n == 0) break;
        }
    } catch (...) {
        log::error("proxy to {}: {}", key_, log::current_exception_message());
        if (upstream_) upstream_->abort(EIO);
    }
    uploading_ = false;
    uploaded_.notify();
    // From here on only watching shows that the client has left.
    if (client_.body_done() && !discard_ && upstream_)
        client_.watch([this] {
            if (upstream_) upstream_->abort(ECANCELED);
        });
}

// The answer came before the request was whole: what is left of it is read for a moment and
// dropped.
Task<> Proxying::finish_upload() {
    client_.close_after_answer();
    discard_ = true;
    if (upstream_) upstream_->abort(ECANCELED);
    if (status_) client_.stream().transport().shutdown_write();
    client_.limit_body_timeout(kLingerTime);
    client_.stream().expire_reads_after(kLingerTime);
    while (uploading_) co_await uploaded_.wait();
}

Task<> Proxying::forward() {
    status_ = parser_->status;
    Framing framing;
    bool bodiless = client_.is_head_request() || status_ == 204 || status_ == 304;
    auto length = parser_->content_length();
    if (length && status_ != 204)
        framing = {Framing::Kind::length, static_cast<std::int64_t>(*length)};
    else if (!bodiless)
        framing.kind = client_.http11() ? Framing::Kind::chunked : Framing::Kind::until_close;
    if (framing.kind == Framing::Kind::until_close || client_.core().stopping)
        client_.close_after_answer();
    // The application's connection-bound fields end here, those that it names itself included.
    Headers headers;
    std::string_view connection = parser_->headers.get("Connection");
    for (const auto& [name, value] : parser_->headers) {
        if (is_hop_by_hop(name, connection)) continue;
        if (target_.answer_fields.empty() || has_token(target_.answer_fields, name))
            headers.add(name, value);
    }
    for (const auto& [name, value] : target_.answer_headers) headers.add(name, value);
    std::string head;
    head.reserve(1024);
    append_response_head(head, status_, parser_->reason, headers, framing, client_.keep_alive(),
                         client_.http11());
    bool whole = co_await forward_body(head, framing);
    if (!whole) {
        client_.close_after_answer();
        client_.stream().abort(ECANCELED);
    }
    if (uploading_) {
        co_await finish_upload();
        co_return;
    }
    bool reusable = whole && parser_->keep_alive() && !parser_->need_eof() && buffer_.empty() &&
                    !upstream_->error() && !streamed_;
    if (reusable) client_.io().upstreams.put(key_, std::move(upstream_));
    upstream_.reset();
}

Task<bool> Proxying::forward_body(std::string& head, Framing framing) {
    bool chunked = framing.kind == Framing::Kind::chunked;
    std::vector<iovec> pieces;
    std::string prefix;
    parser_->eager(true);
    bool ended = parser_->is_done();
    for (bool first = true;; first = false) {
        if (!ended) {
            auto outcome = parser_->feed(buffer_);
            if (outcome == ResponseParser::Outcome::bad) co_return false;
            ended = outcome == ResponseParser::Outcome::done;
        }
        pieces.clear();
        if (first) pieces.push_back({head.data(), head.size()});
        std::size_t size = 0;
        for (std::string_view piece : parser_->pieces()) size += piece.size();
        if (chunked && size) {
            prefix = chunk_prefix(size);
            pieces.push_back({prefix.data(), prefix.size()});
        }
        for (std::string_view piece : parser_->pieces())
            pieces.push_back({const_cast<char*>(piece.data()), piece.size()});
        if (chunked && size) pieces.push_back({const_cast<char*>("\r\n"), 2});
        if (chunked && ended) pieces.push_back({const_cast<char*>("0\r\n\r\n"), 5});
        if (!pieces.empty() && co_await client_.stream().write(pieces)) co_return false;
        if (ended) co_return true;

        buffer_.reserve(kReadBytes);
        if (!first && buffer_.empty()) buffer_.reserve(kBodyReadBytes);
        ssize_t n = co_await upstream_->read(buffer_.space(), buffer_.space_size());
        if (n == 0 && parser_->need_eof()) {
            boost::beast::error_code ignored;
            parser_->put_eof(ignored);
            parser_->drop_pieces();
            ended = true;
            continue;
        }
        if (n <= 0) co_return false;
        buffer_.commit(static_cast<std::size_t>(n));
    }
}

Task<> Proxying::tunnel() {
    status_ = 101;
    client_.close_after_answer();
    client_.unwatch();
    Headers headers;
    for (const auto& [name, value] : parser_->headers)
        if (!is_hop_by_hop(name, "")) headers.add(name, value);
    std::string head = "HTTP/1.1 101 Switching Protocols\r\n";
    for (const auto& [name, value] : headers) append_field(head, name, value);
    append_field(head, "Connection", "Upgrade");
    append_field(head, "Upgrade", parser_->headers.get("Upgrade"));
    head += "\r\n";
    head += buffer_.view();
    std::string ahead(client_.buffer().view());
    client_.buffer().consume(client_.buffer().size());
    client_.on_stop([this] {
        client_.stream().abort(ECANCELED);
        upstream_->abort(ECANCELED);
    });
    client_.stream().never_expire_reads();
    if (client_.core().stopping) co_return;
    pumping_ = true;
    asio::co_spawn(
        client_.io().context,
        [this, first = std::move(ahead)]() mutable -> Task<> {
            co_await pump(client_.stream(), *upstream_, std::move(first));
            pumping_ = false;
            uploaded_.notify();
        },
        asio::detached);
    co_await pump(*upstream_, client_.stream(), std::move(head));
    while (pumping_) co_await uploaded_.wait();
}

Task<> Proxying::pump(Stream& from, Stream& to, std::string first) {
    try {
        int error = co_await to.write(first);
        auto data = std::make_unique_for_overwrite<char[]>(kReadBytes);
        while (!error) {
            ssize_t n = co_await from.read(data.get(), kReadBytes);
            if (n == 0) {
                // The other direction may still have something to say, but not for ever.
                to.transport().shutdown_write();
                to.expire_reads_after(client_.core().options.body_timeout);
                co_return;
            }
            error = n < 0 ? static_cast<int>(n)
                          : co_await to.write({data.get(), static_cast<std::size_t>(n)});
        }
    } catch (...) {
        log::error("tunnel to {}: {}", key_, log::current_exception_message());
    }
    from.abort(ECANCELED);
    to.abort(ECANCELED);
}

}  // namespace maru::net
