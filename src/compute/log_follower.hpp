#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "net/http.hpp"

namespace maru::compute {

/// Sends log files to clients as they grow.
///
/// Each piece is an event "log" with {"text","offset"} whose id is the byte offset behind it, so
/// that a client resumes where it was; the last is "end". Text is cut between UTF-8 characters.
///
/// Lifetime: one thread from construction to destruction. Threads: any. Errors: a file that isn't
/// there yet counts as empty.
class LogFollower {
  public:
    LogFollower();
    ~LogFollower();
    /// Follows from `offset` until `ended()` returns the data of the "end" event; it is asked
    /// whenever the file has been read to its end, and after `wake`.
    void follow(const std::filesystem::path& file, std::int64_t offset,
                std::shared_ptr<net::Channel> channel,
                std::function<std::optional<std::string>()> ended);
    /// Whether something has ended may have changed.
    void wake();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace maru::compute
