#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "net/channel.hpp"
#include "net/loop.hpp"
#include "net/message_parser.hpp"
#include "net/message_writer.hpp"
#include "net/server.hpp"
#include "net/upstream_pool.hpp"
#include "net/worker_pool.hpp"

namespace maru::net {

class Connection;

/// One I/O thread and what belongs to it.
struct IoThread {
    asio::io_context context{1};
    Deadlines deadlines{context};
    UpstreamPool upstreams{context};
    std::unordered_set<Connection*> connections;
    std::thread thread;
};

/// What all connections of a server share.
struct ServerCore {
    ServerOptions options;
    Router router;
    std::shared_ptr<TlsContext> tls;
    WorkerPool workers;
    /// Of handlers that wait for the bytes of a client; slow ones must not hold up all others.
    WorkerPool uploaders;

    std::mutex mutex;
    std::condition_variable changed;
    int connections = 0;  // under mutex
    std::atomic<bool> stopping{false};

    ServerCore(const ServerOptions& server_options, Router server_router)
        : options(server_options),
          router(std::move(server_router)),
          workers(options.worker_threads, static_cast<std::size_t>(std::max(options.queue_max, 0))),
          uploaders(options.upload_threads,
                    static_cast<std::size_t>(std::max(options.queue_max, 0))) {}
};

/// One client: reads requests in order, has each answered, until either side ends.
///
/// Lifetime: until run() returns. Threads: its I/O thread, but for what Waker brings.
class Connection {
  public:
    Connection(ServerCore& core, IoThread& io, Transport transport, std::string peer);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    Task<> run();
    /// Answers that there are too many connections, and closes.
    Task<> run_refused();
    /// The server stops: ends at once if idle or following, else after the request in flight.
    void begin_stop();
    void abort();

    // What answering needs, here and in Proxying:
    ServerCore& core() { return core_; }
    IoThread& io() { return io_; }
    Stream& stream() { return stream_; }
    ReadBuffer& buffer() { return buffer_; }
    RequestParser& parser() { return *parser_; }
    const RequestHead& head() const { return head_; }
    bool http11() const { return http11_; }
    bool is_head_request() const { return is_head_; }
    bool keep_alive() const { return keep_alive_; }
    void close_after_answer() { keep_alive_ = false; }
    bool client_gone() const { return client_gone_; }
    bool body_done() const { return parser_->is_done(); }
    /// Reads and parses more of the body: parser().pieces(). Over 0 for some, 0 at the end, else
    /// -errno; -EBADMSG for a malformed one.
    Task<int> read_body();
    /// The answer that fits a failed read_body(), if one can still be given.
    std::optional<Response> body_failure(int error);
    /// Calls `gone` if the client ends the connection, until unwatch(). Requests that it sends
    /// ahead are kept.
    void watch(std::function<void()> gone);
    void unwatch();
    /// What begin_stop does to an answer without an end of its own.
    void on_stop(std::function<void()> stop) { stop_ = std::move(stop); }

    Task<> respond(Response response);
    /// Answers with an error while the body may still be coming, and closes.
    Task<> respond_and_close(Response response);
    /// For the rest of this request.
    void limit_body_timeout(std::chrono::milliseconds time) { body_timeout_ = time; }
    /// Lets go of a response that is not sent.
    static void abandon(Response& response);

  private:
    enum class HeadOutcome { ready, closed, bad, too_large, timed_out };
    struct Work;
    class PulledBody;
    struct DirectAnswer;
    class OneShotResponder;

    Task<bool> serve_one();
    Task<HeadOutcome> read_head();
    std::optional<Response> take_head();
    Task<> refuse(unsigned status, ErrorCode code, std::string_view message);
    Task<> serve_buffered(Route route);
    Task<> serve_streaming(Route route);
    Task<> serve_direct(Route route);
    Task<> serve_pulls(Work& work, PulledBody& body, std::int64_t bytes_max);
    Task<> linger();
    bool body_exceeds(std::int64_t bytes_max) const;
    Response too_large(std::int64_t bytes_max);
    Response overloaded();
    void input_while_watching();

    // connection_answer.cpp
    Task<> send_text(const Response& response, std::string_view body);
    Task<> send_file(Response& response, const FileBody& file);
    Task<> send_file_bytes(int fd, std::int64_t offset, std::int64_t size);
    Task<> send_channel(const Response& response, ChannelQueue& channel);
    Task<bool> send_pieces(ChannelQueue& channel, std::vector<std::string>& pieces, bool chunked);

    // connection_generated.cpp
    struct Making;
    Task<> send_generated(const Response& response, GeneratedBody body);
    Task<> send_ranged(Response& response, RangedBody body);
    /// False where it failed.
    Task<bool> make_piece(std::shared_ptr<Making> making);

    ServerCore& core_;
    IoThread& io_;
    Stream stream_;
    const std::string peer_;
    ReadBuffer buffer_;
    std::optional<RequestParser> parser_;
    RequestHead head_;
    std::optional<std::string> buffered_body_;  // for a proxy after a buffered route
    std::string out_;
    Event event_;
    std::shared_ptr<Waker> waker_;
    ChannelQueue* channel_ = nullptr;
    std::function<void()> gone_, stop_;
    std::chrono::milliseconds body_timeout_{0};
    bool idle_ = true, first_ = true;
    bool http11_ = true, is_head_ = false, keep_alive_ = true, expects_continue_ = false;
    bool client_gone_ = false;
    bool linger_ = false;
};

}  // namespace maru::net
