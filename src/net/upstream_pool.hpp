#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/loop.hpp"

namespace maru::net {

/// Idle connections to the servers we pass requests on to, by "unix:PATH" or "HOST:PORT".
///
/// Threads: its I/O thread. A connection that its server has closed, or that was idle for long, is
/// not given out.
class UpstreamPool {
  public:
    explicit UpstreamPool(asio::io_context& context) : timer_(context.get_executor()) {}
    /// Null if there is none.
    std::unique_ptr<Stream> take(const std::string& key);
    void put(const std::string& key, std::unique_ptr<Stream> stream);
    /// Closes all, and keeps none from here on.
    void close();

  private:
    struct Idle {
        std::unique_ptr<Stream> stream;
        SteadyClock::time_point since;
    };
    void arm();
    void purge();

    std::unordered_map<std::string, std::vector<Idle>> idle_;
    Timer timer_;
    bool armed_ = false;
    bool closed_ = false;
};

}  // namespace maru::net
