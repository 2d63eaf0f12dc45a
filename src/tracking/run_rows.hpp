#pragma once

#include <string_view>

#include "sql/database.hpp"
#include "tracking/types.hpp"

namespace maru::tracking {

/// The columns that read_run reads, of tracking_runs r joined with tracking_experiments e.
inline constexpr std::string_view kRunColumns =
    "r.number, r.id, r.name, e.id, e.name, r.status, r.user_name, r.started_at, r.ended_at, "
    "r.deleted, "
    "r.artifact_uri, r.job_id";
Run read_run(const sql::Row& row);

}  // namespace maru::tracking
