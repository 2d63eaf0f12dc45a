#pragma once

#include <optional>
#include <string>

#include "net/connection.hpp"

namespace maru::net {

/// Passes one request on to another server and its answer back, neither held whole.
///
/// Lifetime: within Connection::respond. Threads: the connection's I/O thread. Errors: become a 502
/// or 504 while nothing was answered, else the client's connection is cut.
class Proxying {
  public:
    /// `body` is the request's, where it has been read already.
    Proxying(Connection& client, ProxyBody target, std::optional<std::string> body);
    ~Proxying();
    Task<> run();

  private:
    Task<> exchange();
    Task<bool> read_small_body();
    Task<int> connect();
    std::string request_head() const;
    bool is_sendable() const;
    Task<int> send_request(const std::string& head);
    Task<int> read_head();
    bool may_retry(int result) const;
    Task<> answer_failure(unsigned status, ErrorCode code, std::string message);
    Task<> upload();
    Task<> finish_upload();
    Task<> forward();
    Task<bool> forward_body(std::string& head, Framing framing);
    Task<> tunnel();
    Task<> pump(Stream& from, Stream& to, std::string first);

    Connection& client_;
    ProxyBody target_;
    const std::string key_;
    std::optional<std::string> body_;
    bool streamed_ = false;  // the body goes on while it comes
    bool upgrade_ = false;
    std::unique_ptr<Stream> upstream_;
    ReadBuffer buffer_;
    std::optional<ResponseParser> parser_;
    unsigned status_ = 0;
    Event uploaded_;
    bool uploading_ = false, discard_ = false;
    bool pumping_ = false;
    bool refused_ = false;  // the request could not be written
};

}  // namespace maru::net
