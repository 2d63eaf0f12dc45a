#pragma once

#include <string_view>

#include "sql/database.hpp"
#include "tracking/types.hpp"

namespace maru::tracking {

/// Other servers keep longer texts than ours takes from clients; what they kept is brought over.
inline constexpr std::size_t kImportedTextMax = 100'000;

/// The number of the row with that id in tracking_runs or tracking_models; nothing if there is
/// none. Throws already_exists if it is another project's: ids are unique on a server.
std::optional<std::int64_t> find_imported(sql::Connection& connection, std::string_view table,
                                          std::string_view project_id, std::string_view id);

/// Notes datasets that a run read; the first use's tags stay.
void insert_datasets(sql::Connection& connection, std::int64_t run, std::int64_t experiment,
                     const std::vector<DatasetInput>& datasets);

}  // namespace maru::tracking
