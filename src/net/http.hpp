#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace maru::net {

/// HTTP header fields in order; names compare without case.
class Headers {
  public:
    Headers() = default;
    Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}
    /// The first field's value, or empty.
    std::string_view get(std::string_view name) const;
    bool has(std::string_view name) const;
    std::int64_t count(std::string_view name) const;
    void set(std::string_view name, std::string_view value);
    void add(std::string_view name, std::string_view value);
    void remove(std::string_view name);
    auto begin() const { return fields_.begin(); }
    auto end() const { return fields_.end(); }

  private:
    std::vector<std::pair<std::string, std::string>> fields_;
};

/// What is known of a request before its body.
struct RequestHead {
    std::string method;  // "GET"
    std::string target;  // as sent: "/p/a%20b?x=1"
    std::string path;    // percent-decoded up to '?'; an encoded '/' (%2F) stays "%2F"
    std::vector<std::pair<std::string, std::string>> query;  // decoded
    Headers headers;
    std::string remote_address;  // "127.0.0.1", or "unix"
    bool encrypted = false;

    std::optional<std::string_view> query_value(std::string_view name) const;
    /// The value of a cookie, or empty.
    std::string_view cookie(std::string_view name) const;
};

/// Reads a request's body piece by piece from a worker thread; blocks.
class BodyReader {
  public:
    virtual ~BodyReader() = default;
    /// The next piece, empty at the end. Throws cancelled if the client is gone, invalid_argument
    /// past the limit.
    virtual std::string read() = 0;
    virtual std::optional<std::int64_t> content_length() const = 0;
};

struct Request : RequestHead {
    std::string body;                   // buffered routes
    BodyReader* body_reader = nullptr;  // streaming routes
};

/// A stream of bytes from any thread to one connection: log followers, event streams.
///
/// `push` never blocks: it returns false once the client is gone or more than `bytes_max` wait
/// unsent (the stream is then cut, and the client resumes from where it was). Threads: any.
class Channel {
  public:
    virtual ~Channel() = default;
    virtual bool push(std::string bytes) = 0;
    virtual void close() = 0;
    virtual bool is_open() const = 0;
    /// What has been pushed and is not yet sent: who has much to send paces himself by it.
    virtual std::size_t waiting_bytes() const = 0;
    /// Called once, on some thread, when the client is gone or the stream was cut. Set before the
    /// first push.
    virtual void on_gone(std::function<void()> callback) = 0;
    static std::shared_ptr<Channel> create(std::size_t bytes_max = 4u << 20);
};

struct FileBody {
    std::filesystem::path path;  // Range requests are answered from it
    /// Only the first so many bytes of the file count (a log that still grows); negative: all.
    std::int64_t size_bytes = -1;
};

/// A body that is made while it is sent, so that none of it waits in memory: `next` is called on a
/// worker thread for each piece, once the piece before has been sent, and returns an empty one at
/// the end. Where it throws, the answer is cut, so that nobody takes the part for the whole.
struct GeneratedBody {
    std::function<std::string()> next;
};

/// A body of a known size that is somewhere else and made piece by piece as above, from any place
/// in it: Range requests are answered from it. Where the first piece can't be made, the answer is
/// that error.
struct RangedBody {
    std::int64_t size_bytes = 0;
    /// Called on a worker thread; makes `size_bytes` bytes (more than none) from `offset` on.
    std::function<GeneratedBody(std::int64_t offset, std::int64_t size_bytes)> open;
};

/// Hands the request to another server as it is, WebSocket upgrades included where allowed.
struct ProxyBody {
    std::string unix_socket;  // path, or empty:
    std::string host;         // loopback host and port otherwise
    std::uint16_t port = 0;
    std::string target;   // path and query to send there
    Headers set_headers;  // replaced in the request that is passed on; an empty value removes
    bool may_upgrade = true;
    /// The fields of the answer that are passed on, with commas between them; empty: all. For
    /// servers that are not trusted with our own origin's cookies and pages.
    std::string_view answer_fields;
    Headers answer_headers;  // added to the answer
    /// Called once at the end with the answer's status (502 or 504 if none came, 499 if the client
    /// left first) and the time it took.
    std::function<void(unsigned status, std::int64_t latency_us)> done;
};

struct Response {
    unsigned status = 200;
    Headers headers;
    std::variant<std::string, FileBody, std::shared_ptr<Channel>, GeneratedBody, RangedBody,
                 ProxyBody>
        body;

    static Response json(std::string text, unsigned status = 200) {
        Response response{.status = status, .headers = {}, .body = std::move(text)};
        response.headers.set("Content-Type", "application/json");
        return response;
    }
    static Response text(std::string text, unsigned status = 200,
                         std::string_view type = "text/plain; charset=utf-8") {
        Response response{.status = status, .headers = {}, .body = std::move(text)};
        response.headers.set("Content-Type", type);
        return response;
    }
    /// text/event-stream over a channel, never cached.
    static Response event_stream(std::shared_ptr<Channel> channel);
};

/// Formats one server-sent event (WHATWG HTML, 9.2).
std::string format_event(std::string_view id, std::string_view event, std::string_view data);

/// Answers one request, once; from any thread.
using Responder = std::move_only_function<void(Response)>;

/// How a request is to be read and answered, decided from its head.
struct Route {
    enum class Kind {
        buffered,   // body read whole (up to body_bytes_max), `handle` on a worker thread
        streaming,  // `handle` on a worker thread reads the body through Request::body_reader
        direct,  // `handle_direct` at once on an I/O thread: must not block; the body is not read
                 // (proxying)
    };
    Kind kind = Kind::buffered;
    std::int64_t body_bytes_max = 16 << 20;
    std::function<Response(Request&)> handle;
    std::move_only_function<void(RequestHead, Responder)> handle_direct;
};

/// Chooses the route of a request; on an I/O thread, must not block or throw.
using Router = std::function<Route(const RequestHead&)>;

}  // namespace maru::net
