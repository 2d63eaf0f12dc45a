#include "tracking/points/compactor.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "tracking/points/compaction.hpp"

namespace maru::tracking {
namespace {

/// Reading a run decodes what waits: few enough that nobody notices.
constexpr std::int64_t kWaitingMax = 16'384;
constexpr std::chrono::seconds kIdle{60};

}  // namespace

void PointCompactor::appended(std::int64_t run, std::size_t count) {
    if (count == 0) return;
    std::lock_guard lock(mutex_);
    auto& waiting = waiting_[run];
    waiting.count += static_cast<std::int64_t>(count);
    waiting.last = clock_.now();
}

void PointCompactor::compact_due() {
    compact(false);
}

void PointCompactor::compact_all() {
    compact(true);
}

void PointCompactor::compact(bool everything) {
    if (!has_looked_) find_waiting();
    for (auto run : take_due(everything)) {
        try {
            compact_run(run);
        } catch (...) {
            // One run's trouble must not keep the others; its points stay readable as they are.
            log::error("cannot compact the metrics of run number {}, and tries again: {}", run,
                       log::current_exception_message());
            appended(run, 1);
        }
    }
}

void PointCompactor::compact_run(std::int64_t run) {
    while (auto compaction = database_.read(
               [&](sql::Connection& connection) { return prepare_compaction(connection, run); })) {
        if (!database_.write([&](sql::Connection& connection) {
                return apply_compaction(connection, *compaction);
            }))
            return;
    }
}

/// Takes them off the list first: who logs meanwhile puts the run back on it.
std::vector<std::int64_t> PointCompactor::take_due(bool everything) {
    std::vector<std::int64_t> runs;
    auto idle_since = clock_.now() - kIdle;
    std::lock_guard lock(mutex_);
    for (const auto& [run, waiting] : waiting_)
        if (everything || waiting.count >= kWaitingMax || waiting.last <= idle_since)
            runs.push_back(run);
    for (auto run : runs) waiting_.erase(run);
    std::ranges::sort(runs);
    return runs;
}

void PointCompactor::find_waiting() {
    auto found = database_.read([](sql::Connection& connection) {
        return connection.all(
            "SELECT run, SUM(count) FROM tracking_batches GROUP BY run", {},
            [](const sql::Row& row) { return std::pair(row.integer(0), row.integer(1)); });
    });
    for (const auto& [run, count] : found) appended(run, static_cast<std::size_t>(count));
    has_looked_ = true;
}

}  // namespace maru::tracking
