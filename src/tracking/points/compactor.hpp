#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/time.hpp"
#include "sql/database.hpp"

namespace maru::tracking {

/// Knows which runs have points that wait in batches, and compacts them: once a run has many, or
/// has had no new ones for a minute.
///
/// Lifetime: the service's. Threads: `appended` from any; the others from one at a time. A server
/// that is killed in the middle has the batches or the chunks, never both. Example: store_test.cpp.
class PointCompactor {
  public:
    PointCompactor(sql::Database& database, const Clock& clock)
        : database_(database), clock_(clock) {}

    /// So many points of a run were committed.
    void appended(std::int64_t run, std::size_t count);
    /// Compacts the runs that are due. What fails is logged, and tried again a minute later.
    void compact_due();
    /// Compacts all.
    void compact_all();

  private:
    struct Waiting {
        std::int64_t count = 0;
        Time last{};
    };
    void compact(bool everything);
    void compact_run(std::int64_t run);
    std::vector<std::int64_t> take_due(bool everything);
    void find_waiting();

    sql::Database& database_;
    const Clock& clock_;
    bool has_looked_ = false;  // what an earlier server left
    std::mutex mutex_;
    std::unordered_map<std::int64_t, Waiting> waiting_;  // guarded by mutex_; by run
};

}  // namespace maru::tracking
