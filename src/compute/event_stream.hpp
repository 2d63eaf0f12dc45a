#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "compute/types.hpp"
#include "net/http.hpp"
#include "sql/database.hpp"

namespace maru::compute {

/// Sends a project's events to its subscribers in the order of their numbers, each once. Threads:
/// any.
class EventStream {
  public:
    explicit EventStream(sql::Database& database) : database_(database) {}
    /// Begins behind `after`; negative: with what comes next.
    void subscribe(std::string project_id, std::int64_t after,
                   std::shared_ptr<net::Channel> channel);
    /// Something was committed. Reads it from the table, so that the order of commits, not of
    /// callers, counts.
    void publish();
    void close();

  private:
    struct Subscriber {
        std::string project_id;
        std::shared_ptr<net::Channel> channel;
    };
    static std::string format(const Event& event);

    sql::Database& database_;
    std::mutex mutex_;
    std::int64_t published_ = -1;
    std::vector<Subscriber> subscribers_;
};

}  // namespace maru::compute
