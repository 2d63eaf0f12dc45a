#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.hpp"

namespace maru::net {

struct ClientRequest {
    std::string method = "GET";
    std::string target = "/";
    Headers headers;
    std::string body;
    /// Sends this file as the body instead.
    std::optional<std::filesystem::path> body_file;
    std::chrono::milliseconds timeout{60'000};  // without a byte; streams: set it longer
};

struct ClientResponse {
    unsigned status = 0;
    Headers headers;
    std::string body;
};

/// A blocking HTTP client to one server over one kept connection, reopened when it was closed.
/// Threads: one at a time. Errors: unavailable (can't connect, or cut off), deadline_exceeded.
class Client {
  public:
    virtual ~Client() = default;
    /// `base_url`: "http://HOST:PORT", "https://HOST:PORT" or "unix:/path/to/socket".
    static std::unique_ptr<Client> open(std::string_view base_url);
    virtual ClientResponse send(const ClientRequest& request) = 0;
    /// Hands the body on as it comes; `receive` returns false to end early. Returns status and
    /// headers.
    virtual ClientResponse stream(const ClientRequest& request,
                                  const std::function<bool(std::string_view)>& receive) = 0;
};

/// Splits server-sent events out of a byte stream.
class EventParser {
  public:
    struct Event {
        std::string id, event, data;
    };
    /// Feeds bytes and calls `visit` for every whole event.
    void feed(std::string_view bytes, const std::function<void(const Event&)>& visit);

  private:
    std::string buffer_;
    Event current_;
    bool any_ = false;
};

}  // namespace maru::net
