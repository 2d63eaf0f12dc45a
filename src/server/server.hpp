#pragma once

#include <memory>
#include <string>

#include "server/options.hpp"

namespace maru::server {

/// The composition root: every room, built over one database, one blob store and one engine, behind
/// one HTTP server.
///
/// Lifetime: serves from construction to `stop` or destruction; workloads run on. Errors: the
/// constructor throws what stands in the way (data directory not writable, port in use, newer
/// database).
class Server {
  public:
    explicit Server(const Options& options);
    ~Server();
    const std::string& url() const;
    /// Where the admin signs in without a password, once; only after the very first start.
    const std::string& sign_in_url() const;
    void stop();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// `maru server`: serves until SIGTERM or SIGINT. Returns the exit code.
int run_server(int argc, char** argv);

}  // namespace maru::server
