#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sql/database.hpp"
#include "tracking/points/point.hpp"

namespace maru::tracking {

/// A chunk to be stored.
struct NewChunk {
    std::int64_t key = 0, first_at = 0, last_at = 0, count = 0;
    std::string data, outline;  // no outline: it is short
};

/// What moves a run's waiting batches into its chunks: which rows go, which come. It is prepared on
/// a snapshot, since it takes a while, and applied in a short transaction.
struct Compaction {
    std::int64_t run = 0;
    std::string run_id;  // numbers of removed runs are used again, ids are not
    std::int64_t last_batch = 0, batch_count = 0;  // these batches go
    std::vector<std::int64_t> replaced;            // and these chunks
    std::vector<NewChunk> chunks;
};

/// Nothing: no batch waits. Takes some hundred thousand points at once; call it again while it
/// returns something.
///
/// Series stay together in the run's pack, where metrics that were logged together share their
/// times, until it would have over 16,384 points; then the longest leave it for chunks of their
/// own, of up to 4,096 points each. Chunks that are small yet are merged with the next points, each
/// size once, so that a point is written a bounded number of times.
std::optional<Compaction> prepare_compaction(sql::Connection& connection, std::int64_t run);

/// False, and nothing changed: the run's points were removed meanwhile.
bool apply_compaction(sql::Connection& connection, const Compaction& compaction);

}  // namespace maru::tracking
