#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "net/http.hpp"

namespace maru::net {

struct ServerOptions {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;             // 0: any free one
    std::filesystem::path unix_socket;  // in addition, if not empty
    bool listen_tcp = true;
    std::filesystem::path tls_certificate;  // PEM; with tls_key: HTTPS
    std::filesystem::path tls_key;
    int io_threads = 1;
    int worker_threads = 16;
    int upload_threads = 128;  // of streaming routes, which wait for their clients
    int queue_max = 1024;      // requests that wait for a worker; more are answered 503
    std::size_t header_bytes_max = 64 << 10;
    std::size_t connections_max = 4096;
    std::chrono::seconds header_timeout{30};  // also for an idle keep-alive connection: times 4
    std::chrono::seconds body_timeout{60};    // without a byte
    std::chrono::milliseconds event_heartbeat{15'000};  // a comment on an event stream at rest
};

/// An HTTP/1.1 server: keep-alive, pipelining, chunked bodies, Expect: 100-continue, ranges, TLS,
/// Unix sockets, reverse proxying with WebSocket upgrades.
///
/// Lifetime: serves from start() to stop(). Threads: start and stop from one; handlers as Route
/// says. Errors: start throws already_exists for a port in use, permission_denied for one that may
/// not be used. What a handler throws becomes a 500 without details; turning Errors into answers is
/// the router's.
class Server {
  public:
    virtual ~Server() = default;
    static std::unique_ptr<Server> start(const ServerOptions& options, Router router);
    virtual std::uint16_t port() const = 0;
    /// Stops accepting, lets requests in flight end for `grace`, then closes all.
    virtual void stop(std::chrono::milliseconds grace) = 0;
};

}  // namespace maru::net
