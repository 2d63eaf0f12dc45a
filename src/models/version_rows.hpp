#pragma once

#include <string_view>

#include "models/types.hpp"
#include "sql/database.hpp"

namespace maru::models {

/// The columns that read_version reads, of model_versions v joined with models m.
inline constexpr std::string_view kVersionColumns =
    "v.number, m.name, v.version, v.state, v.source, v.artifact_uri, v.run_id, v.run_link, "
    "v.model_id, "
    "v.description, v.user_name, v.stage, v.created_at, v.updated_at, m.number";
ModelVersion read_version(const sql::Row& row);

}  // namespace maru::models
