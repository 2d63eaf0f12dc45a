// How bodies that are made while they are sent are sent.
#include <sys/uio.h>

#include <cerrno>

#include "base/log.hpp"
#include "net/byte_range.hpp"
#include "net/connection.hpp"

namespace maru::net {
namespace {

unsigned status_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::not_found:
            return 404;
        case ErrorCode::unavailable:
            return 503;
        case ErrorCode::deadline_exceeded:
            return 504;
        default:
            return 500;
    }
}

}  // namespace

/// A piece in the making. Shared, since the worker may still be at it when the connection is gone.
struct Connection::Making {
    std::function<std::string()> next;
    std::string piece;
    std::optional<Error> error;
    std::atomic<bool> done{false};
};

Task<bool> Connection::make_piece(std::shared_ptr<Making> making) {
    making->done.store(false, std::memory_order_relaxed);
    core_.workers.submit([making, waker = waker_, request = head_.method + " " + head_.path] {
        try {
            making->piece = making->next();
        } catch (const Error& error) {
            log::error("{}: the answer's body cannot be made: {}", request, error.message());
            making->error = error;
        } catch (...) {
            log::error("{}: the answer's body cannot be made: {}", request,
                       log::current_exception_message());
            making->error = Error(ErrorCode::internal, "internal error");
        }
        making->done.store(true, std::memory_order_release);
        waker->wake();
    });
    while (!making->done.load(std::memory_order_acquire)) co_await event_.wait();
    co_return !making->error;
}

Task<> Connection::send_generated(const Response& response, GeneratedBody body) {
    bool chunked = http11_;
    if (!chunked) keep_alive_ = false;
    out_.clear();
    append_response_head(out_, response.status, "", response.headers,
                         {chunked ? Framing::Kind::chunked : Framing::Kind::until_close, 0},
                         keep_alive_, http11_);
    if (is_head_ || !may_have_body(response.status)) {
        if (co_await stream_.write(out_)) keep_alive_ = false;
        co_return;
    }
    auto making = std::make_shared<Making>();
    making->next = std::move(body.next);
    for (;;) {
        if (!co_await make_piece(making)) {
            stream_.abort(ECANCELED);
            break;
        }
        bool last = making->piece.empty();
        std::string prefix = chunked && !last ? chunk_prefix(making->piece.size()) : "";
        std::string_view suffix = !chunked ? "" : last ? "0\r\n\r\n" : "\r\n";
        iovec pieces[] = {{out_.data(), out_.size()},
                          {prefix.data(), prefix.size()},
                          {making->piece.data(), making->piece.size()},
                          {const_cast<char*>(suffix.data()), suffix.size()}};
        if (co_await stream_.write(pieces)) break;
        if (last) co_return;
        out_.clear();
    }
    keep_alive_ = false;
}

Task<> Connection::send_ranged(Response& response, RangedBody body) {
    ByteRange range;
    if (auto refusal = take_range(head_, body.size_bytes, response, range)) {
        co_await send_text(*refusal, std::get<std::string>(refusal->body));
        co_return;
    }
    auto making = std::make_shared<Making>();
    bool bodied = !is_head_ && range.size > 0 && may_have_body(response.status);
    if (bodied) {
        // The first piece is made before the head is sent: until then there is a way to say what
        // is wrong.
        making->next = [open = std::move(body.open), range,
                        next = std::function<std::string()>()]() mutable {
            if (!next) next = open(range.first, range.size).next;
            return next();
        };
        if (!co_await make_piece(making)) {
            Response refusal = error_response(status_of(making->error->code()),
                                              making->error->code(), making->error->message());
            co_await send_text(refusal, std::get<std::string>(refusal.body));
            co_return;
        }
    }
    out_.clear();
    append_response_head(out_, response.status, "", response.headers,
                         {Framing::Kind::length, range.size}, keep_alive_, http11_);
    if (!bodied) {
        if (co_await stream_.write(out_)) keep_alive_ = false;
        co_return;
    }
    std::int64_t left = range.size;
    for (;;) {
        auto size = static_cast<std::int64_t>(making->piece.size());
        if (size == 0 || size > left) {
            // The promised length can't be kept; only the cut connection tells the client.
            log::error("{} {}: the answer's body has another size than was said", head_.method,
                       head_.path);
            stream_.abort(EIO);
            break;
        }
        iovec pieces[] = {{out_.data(), out_.size()}, {making->piece.data(), making->piece.size()}};
        if (co_await stream_.write(pieces)) break;
        out_.clear();
        left -= size;
        if (left == 0) co_return;
        if (!co_await make_piece(making)) {
            stream_.abort(ECANCELED);
            break;
        }
    }
    keep_alive_ = false;
}

}  // namespace maru::net
