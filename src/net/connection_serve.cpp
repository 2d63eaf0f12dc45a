// How the three kinds of routes are served; see Route.
#include "base/log.hpp"
#include "net/connection.hpp"

namespace maru::net {

namespace {

Response internal_error() {
    return error_response(500, ErrorCode::internal, "internal error");
}

}  // namespace

/// One request on its way through a worker thread.
struct Connection::Work {
    Request request;
    std::function<Response(Request&)> handle;
    Response response;
    std::shared_ptr<Waker> waker;
    std::atomic<bool> done{false};

    void run() {
        try {
            response = handle(request);
        } catch (const Error& error) {
            // Cancelled is what a reader of the body throws when the client is gone.
            if (error.code() != ErrorCode::cancelled)
                log::error("{} {}: {}", request.method, request.path, error.message());
            response = internal_error();
        } catch (...) {
            log::error("{} {}: {}", request.method, request.path, log::current_exception_message());
            response = internal_error();
        }
        handle = nullptr;
        done.store(true, std::memory_order_release);
        waker->wake();
    }
};

/// Hands the body to a worker, a piece for each read(): the kernel's buffers are the only
/// read-ahead, so a slow reader slows the client.
class Connection::PulledBody final : public BodyReader {
  public:
    PulledBody(std::shared_ptr<Waker> waker, std::optional<std::int64_t> length)
        : waker_(std::move(waker)), length_(length) {}

    std::string read() override {
        std::unique_lock lock(mutex_);
        if (ended_) return {};
        if (!error_) {
            wanted_ = true;
            waker_->wake();
            changed_.wait(lock, [&] { return !wanted_; });
        }
        if (error_) throw *error_;
        if (piece_.empty()) ended_ = true;
        return std::move(piece_);
    }
    std::optional<std::int64_t> content_length() const override { return length_; }

    bool wanted() {
        std::lock_guard lock(mutex_);
        return wanted_;
    }
    void deliver(std::string piece) {
        std::lock_guard lock(mutex_);
        piece_ = std::move(piece);
        wanted_ = false;
        changed_.notify_one();
    }
    void fail(Error error) {
        std::lock_guard lock(mutex_);
        error_ = std::move(error);
        wanted_ = false;
        changed_.notify_one();
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::shared_ptr<Waker> waker_;
    const std::optional<std::int64_t> length_;
    std::string piece_;
    std::optional<Error> error_;
    bool wanted_ = false, ended_ = false;
};

/// Where a direct handler's answer waits for the connection, or finds that it is gone.
struct Connection::DirectAnswer {
    std::mutex mutex;
    std::optional<Response> response;
    bool answered = false, gone = false;
    std::shared_ptr<Waker> waker;

    void deliver(Response answer) {
        {
            std::lock_guard lock(mutex);
            if (answered) return;
            answered = true;
            if (!gone) response = std::move(answer);
        }
        waker->wake();
        abandon(answer);
    }
};

class Connection::OneShotResponder {
  public:
    explicit OneShotResponder(std::shared_ptr<DirectAnswer> answer) : answer_(std::move(answer)) {}
    OneShotResponder(OneShotResponder&&) noexcept = default;
    OneShotResponder& operator=(OneShotResponder&&) = delete;
    ~OneShotResponder() {
        if (answer_) answer_->deliver(internal_error());
    }
    void operator()(Response response) {
        if (answer_) std::exchange(answer_, nullptr)->deliver(std::move(response));
    }

  private:
    std::shared_ptr<DirectAnswer> answer_;
};

Task<> Connection::serve_buffered(Route route) {
    std::string body;
    while (!body_done()) {
        int n = co_await read_body();
        if (n < 0) {
            if (auto answer = body_failure(n)) co_await respond(std::move(*answer));
            co_return;
        }
        for (std::string_view piece : parser_->pieces()) body.append(piece);
        if (body.size() > static_cast<std::size_t>(route.body_bytes_max)) {
            co_await respond(too_large(route.body_bytes_max));
            co_return;
        }
    }
    auto work = std::make_shared<Work>();
    static_cast<RequestHead&>(work->request) = std::move(head_);
    work->request.body = std::move(body);
    work->handle = std::move(route.handle);
    work->waker = waker_;
    if (!core_.workers.try_submit([work] { work->run(); })) {
        co_await respond(overloaded());
        co_return;
    }
    while (!work->done.load(std::memory_order_acquire)) co_await event_.wait();
    head_ = std::move(static_cast<RequestHead&>(work->request));
    buffered_body_ = std::move(work->request.body);
    co_await respond(std::move(work->response));
    buffered_body_.reset();
}

Task<> Connection::serve_streaming(Route route) {
    auto length = parser_->content_length();
    std::optional<std::int64_t> known;
    if (length)
        known = static_cast<std::int64_t>(*length);
    else if (!parser_->chunked())
        known = 0;
    auto body = std::make_shared<PulledBody>(waker_, known);
    auto work = std::make_shared<Work>();
    static_cast<RequestHead&>(work->request) = std::move(head_);
    work->request.body_reader = body.get();
    work->handle = std::move(route.handle);
    work->waker = waker_;
    if (!core_.uploaders.try_submit([work, body] { work->run(); })) {
        co_await respond(overloaded());
        co_return;
    }
    try {
        co_await serve_pulls(*work, *body, route.body_bytes_max);
    } catch (...) {
        // The worker must not wait for a body that nobody reads any more.
        body->fail(Error(ErrorCode::cancelled, "reading the body failed"));
        throw;
    }
    head_ = std::move(static_cast<RequestHead&>(work->request));
    if (std::holds_alternative<ProxyBody>(work->response.body)) {
        log::error("{} {}: a streaming route cannot answer with a proxy", head_.method, head_.path);
        abandon(work->response);
        work->response = internal_error();
    }
    co_await respond(std::move(work->response));
}

Task<> Connection::serve_pulls(Work& work, PulledBody& body, std::int64_t bytes_max) {
    std::int64_t total = 0;
    for (;;) {
        if (work.done.load(std::memory_order_acquire)) co_return;
        if (!body.wanted()) {
            co_await event_.wait();
            continue;
        }
        int n = body_done() ? 0 : co_await read_body();
        std::string piece;
        if (n > 0)
            for (std::string_view part : parser_->pieces()) piece.append(part);
        total += static_cast<std::int64_t>(piece.size());
        if (n < 0) {
            auto answer = body_failure(n);
            body.fail(n == -EBADMSG
                          ? Error(ErrorCode::invalid_argument, "the body is malformed")
                          : Error(ErrorCode::cancelled, "the client did not send the whole body"));
        } else if (total > bytes_max) {
            keep_alive_ = false;
            body.fail(
                Error(ErrorCode::invalid_argument,
                      fmt::format("the body is larger than the {} bytes allowed here", bytes_max)));
        } else {
            body.deliver(std::move(piece));
        }
    }
}

Task<> Connection::serve_direct(Route route) {
    auto answer = std::make_shared<DirectAnswer>();
    answer->waker = waker_;
    try {
        route.handle_direct(head_, OneShotResponder(answer));
    } catch (...) {
        log::error("{} {}: {}", head_.method, head_.path, log::current_exception_message());
        answer->deliver(internal_error());
    }
    bool watched = false;
    std::optional<Response> response;
    for (;;) {
        {
            std::lock_guard lock(answer->mutex);
            response = std::exchange(answer->response, std::nullopt);
            if (!response && (client_gone_ || stream_.error())) answer->gone = true;
        }
        if (response || client_gone_ || stream_.error()) break;
        // While the body is unread the client's end could only be seen by reading it.
        if (!watched && body_done()) {
            watched = true;
            watch(nullptr);
            continue;
        }
        co_await event_.wait();
    }
    if (watched) unwatch();
    if (!response) {
        keep_alive_ = false;
        co_return;
    }
    co_await respond(std::move(*response));
}

}  // namespace maru::net
