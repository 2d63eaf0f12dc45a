#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cli/api_client.hpp"
#include "compute/operations.hpp"

namespace maru::cli {

/// Follows one replica's output to the job's end, over disconnects and restarts of the server.
///
/// What it hands on are exactly the bytes of the log, each once. Lifetime: one per following.
/// Threads: one. Errors: not_found and such at once; unavailable when the server stayed away too
/// long. Example: log_follower_test.cpp.
class LogFollower {
  public:
    struct End {
        compute::WorkloadState state{};
        std::optional<std::int32_t> exit_code;
    };
    /// `request.offset` is where to begin.
    LogFollower(ApiClient& client, compute::ReadJobLog request);

    /// Calls `sink` with bytes as they come. `on_trouble` is called with what is wrong when the
    /// connection is lost, and with nothing when it is back.
    End follow(const std::function<void(std::string_view)>& sink,
               const std::function<void(std::string_view)>& on_trouble);

    std::int64_t offset() const { return request_.offset; }

  private:
    std::optional<End> follow_once(const std::function<void(std::string_view)>& sink,
                                   const std::function<void()>& on_contact);
    void take_log(const net::EventParser::Event& event,
                  const std::function<void(std::string_view)>& sink);
    std::string read_range(std::int64_t from, std::int64_t to);

    ApiClient& client_;
    compute::ReadJobLog request_;
};

}  // namespace maru::cli
