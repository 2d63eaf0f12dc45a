#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "environments/types.hpp"
#include "sql/database.hpp"

/// The room's SQL. All functions run inside the caller's transaction.
namespace maru::environments::store {

struct Row {
    Environment environment;
    std::string project_id;
    std::string build_id;  // names the folder
};

/// By id, or by the latest version of a name.
std::optional<Row> find(sql::Connection& connection, std::string_view project_id,
                        std::string_view name_or_id);
std::optional<Row> find_by_id(sql::Connection& connection, std::string_view id);
/// The newest first, from after `position` ("" for the first page), which becomes the page's end or
/// "".
std::vector<Environment> list(sql::Connection& connection, std::string_view project_id,
                              std::int64_t count, std::string& position);
std::vector<Row> all(sql::Connection& connection);

/// Takes the environment for a build: inserts it, or takes up one that failed. Throws
/// already_exists if it is being built or ready.
void begin_build(sql::Connection& connection, const Row& row);
void finish_build(sql::Connection& connection, const Row& row);
void set_name(sql::Connection& connection, const Row& row, std::string_view name, Time now);

void add_use(sql::Connection& connection, std::string_view environment_id,
             std::string_view workload_id);
void end_uses(sql::Connection& connection, std::string_view workload_id);
std::vector<std::string> users(sql::Connection& connection, std::string_view environment_id);
void remove(sql::Connection& connection, std::string_view id);

}  // namespace maru::environments::store
