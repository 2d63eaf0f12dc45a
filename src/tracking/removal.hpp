#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "sql/database.hpp"

/// Removal for good, of what was deleted. All functions run inside the caller's transaction.
namespace maru::tracking {

/// Removes all rows of a run: the one place that knows every table that has some. Its artifacts are
/// remove_artifact_rows' business.
void remove_run_rows(sql::Connection& connection, std::int64_t run);
/// Likewise of a logged model.
void remove_logged_model_rows(sql::Connection& connection, std::int64_t model);
/// Removes a folder of artifacts with all below it; their bytes go when the blobs are collected.
void remove_artifact_rows(sql::Connection& connection, std::string_view project_id,
                          std::string_view folder);

}  // namespace maru::tracking
