#pragma once

#include <string_view>

#include "sql/database.hpp"
#include "tracking/types.hpp"

namespace maru::tracking {

/// The columns that read_logged_model reads, of tracking_models m joined with tracking_experiments
/// e.
inline constexpr std::string_view kLoggedModelColumns =
    "m.number, m.id, e.id, m.name, m.model_type, m.source_run_id, m.artifact_uri, m.status, "
    "m.created_at, "
    "m.updated_at, m.deleted";
LoggedModel read_logged_model(const sql::Row& row);

}  // namespace maru::tracking
