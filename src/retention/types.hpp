#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/reflection.hpp"
#include "base/time.hpp"

/// How long what was deleted is kept, and the collection of what is not needed any more.
namespace maru::retention {

struct Retention {
    std::int64_t keep_deleted_s = 30 * 24 * 3600;
    bool inherited = false;  // a project's: the server's holds, since it has no rule of its own
};
BOOST_DESCRIBE_STRUCT(Retention, (), (keep_deleted_s, inherited))

/// What one collection removed, or in a dry run would have.
struct Removed {
    std::int64_t runs = 0, experiments = 0, logged_models = 0, projects = 0;
    std::int64_t code_snapshots = 0, code_files = 0;
};
BOOST_DESCRIBE_STRUCT(Removed, (),
                      (runs, experiments, logged_models, projects, code_snapshots, code_files))

struct Collection {
    bool dry_run = false;
    Time started_at{};
    std::int64_t duration_ms = 0;
    Removed removed;
    std::int64_t files_removed = 0, bytes_freed = 0;  // objects of the blob store
    std::int64_t files_kept = 0, bytes_kept = 0;
};
BOOST_DESCRIBE_STRUCT(Collection, (),
                      (dry_run, started_at, duration_ms, removed, files_removed, bytes_freed,
                       files_kept, bytes_kept))

struct CollectionStatus {
    std::optional<Collection> last;  // that removed anything it found; null before the first
    bool running = false;
    Retention retention;  // the server's
};
BOOST_DESCRIBE_STRUCT(CollectionStatus, (), (last, running, retention))

}  // namespace maru::retention
