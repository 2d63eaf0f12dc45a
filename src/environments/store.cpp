#include "environments/store.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/text.hpp"

namespace maru::environments::store {
namespace {

constexpr std::string_view kSelect =
    "SELECT id, project_id, requirements, python, state, error, lock, size_bytes, build_id, "
    "build_job_id, "
    "created_at FROM environments ";

Row read_row(const sql::Row& row) {
    Row result;
    result.project_id = row.string(1);
    result.build_id = row.string(8);
    Environment& environment = result.environment;
    environment.id = row.string(0);
    environment.requirements = row.string(2);
    environment.python = row.string(3);
    environment.state = enum_from<EnvironmentState>(row.text(4)).value_or(EnvironmentState::failed);
    environment.error = row.optional_string(5);
    environment.lock = row.optional_string(6);
    environment.size_bytes = row.integer(7);
    environment.build_job_id = row.string(9);
    environment.created_at = row.time(10);
    return result;
}

void add_name(sql::Connection& connection, Environment& environment) {
    auto name = connection.first(
        "SELECT name, version FROM environment_names WHERE environment_id = $1 "
        "ORDER BY created_at DESC, version DESC LIMIT 1",
        {environment.id},
        [](const sql::Row& row) { return std::pair(row.string(0), row.integer(1)); });
    if (!name) return;
    environment.name = name->first;
    environment.version = name->second;
}

std::optional<Row> select_one(sql::Connection& connection, std::string_view condition,
                              std::initializer_list<sql::Value> parameters) {
    auto row = connection.first(fmt::format("{}{}", kSelect, condition), parameters, read_row);
    if (row) add_name(connection, row->environment);
    return row;
}

}  // namespace

std::optional<Row> find_by_id(sql::Connection& connection, std::string_view id) {
    return select_one(connection, "WHERE id = $1", {id});
}

std::optional<Row> find(sql::Connection& connection, std::string_view project_id,
                        std::string_view name_or_id) {
    auto row =
        select_one(connection, "WHERE id = $1 AND project_id = $2", {name_or_id, project_id});
    if (row) return row;
    auto named = connection.first(
        "SELECT environment_id, version FROM environment_names WHERE project_id = $1 AND name = $2 "
        "ORDER BY version DESC LIMIT 1",
        {project_id, name_or_id},
        [](const sql::Row& found) { return std::pair(found.string(0), found.integer(1)); });
    if (!named) return std::nullopt;
    row = find_by_id(connection, named->first);
    // Of several names, the one that was asked for.
    row->environment.name = name_or_id;
    row->environment.version = named->second;
    return row;
}

std::vector<Environment> list(sql::Connection& connection, std::string_view project_id,
                              std::int64_t count, std::string& position) {
    std::int64_t before_time = INT64_MAX;
    std::string before_id;
    if (!position.empty()) {
        auto parts = split(position, ' ');
        auto time = parse_int(parts[0]);
        if (parts.size() != 2 || !time)
            fail_field("page_token", "is not a token that this list has given");
        before_time = *time;
        before_id = parts[1];
    }
    auto rows = connection.all(
        fmt::format(
            "{}WHERE project_id = $1 AND (created_at < $2 OR (created_at = $2 AND id < $3)) "
            "ORDER BY created_at DESC, id DESC LIMIT $4",
            kSelect),
        {project_id, before_time, before_id, count + 1}, read_row);
    position.clear();
    std::vector<Environment> page;
    for (Row& row : rows) {
        if (static_cast<std::int64_t>(page.size()) == count) {
            position = fmt::format("{} {}", to_ms(page.back().created_at), page.back().id);
            break;
        }
        row.environment.lock.reset();
        add_name(connection, row.environment);
        page.push_back(std::move(row.environment));
    }
    return page;
}

std::vector<Row> all(sql::Connection& connection) {
    auto rows = connection.all(kSelect, std::initializer_list<sql::Value>{}, read_row);
    for (Row& row : rows) add_name(connection, row.environment);
    return rows;
}

void begin_build(sql::Connection& connection, const Row& row) {
    const Environment& environment = row.environment;
    auto state = enum_name(EnvironmentState::building);
    if (auto existing = find_by_id(connection, environment.id)) {
        if (existing->environment.state != EnvironmentState::failed)
            fail(ErrorCode::already_exists, "environment {} is already {}", environment.id,
                 enum_name(existing->environment.state));
        connection.execute(
            "UPDATE environments SET state = $2, error = NULL, build_id = $3, build_job_id = $4 "
            "WHERE id = $1",
            {environment.id, state, row.build_id, environment.build_job_id});
        return;
    }
    connection.execute(
        "INSERT INTO environments (id, project_id, requirements, python, state, error, lock, "
        "size_bytes, "
        "build_id, build_job_id, created_at) VALUES ($1, $2, $3, $4, $5, NULL, NULL, 0, $6, $7, "
        "$8)",
        {environment.id, row.project_id, environment.requirements, environment.python, state,
         row.build_id, environment.build_job_id, environment.created_at});
}

void finish_build(sql::Connection& connection, const Row& row) {
    const Environment& environment = row.environment;
    connection.execute(
        "UPDATE environments SET state = $3, error = $4, lock = $5, size_bytes = $6 "
        "WHERE id = $1 AND build_id = $2",
        {environment.id, row.build_id, enum_name(environment.state), environment.error,
         environment.lock, environment.size_bytes});
}

void set_name(sql::Connection& connection, const Row& row, std::string_view name, Time now) {
    auto latest = connection.first(
        "SELECT environment_id, version FROM environment_names WHERE project_id = $1 AND name = $2 "
        "ORDER BY version DESC LIMIT 1",
        {row.project_id, name},
        [](const sql::Row& found) { return std::pair(found.string(0), found.integer(1)); });
    if (latest && latest->first == row.environment.id) return;
    connection.execute(
        "INSERT INTO environment_names (project_id, name, version, environment_id, created_at) "
        "VALUES ($1, $2, $3, $4, $5)",
        {row.project_id, name, latest ? latest->second + 1 : 1, row.environment.id, now});
}

void add_use(sql::Connection& connection, std::string_view environment_id,
             std::string_view workload_id) {
    connection.execute("INSERT INTO environment_uses (environment_id, workload_id) VALUES ($1, $2)",
                       {environment_id, workload_id});
}

void end_uses(sql::Connection& connection, std::string_view workload_id) {
    connection.execute("DELETE FROM environment_uses WHERE workload_id = $1", {workload_id});
}

std::vector<std::string> users(sql::Connection& connection, std::string_view environment_id) {
    return connection.all(
        "SELECT workload_id FROM environment_uses WHERE environment_id = $1 ORDER BY workload_id",
        {environment_id}, [](const sql::Row& row) { return row.string(0); });
}

void remove(sql::Connection& connection, std::string_view id) {
    connection.execute("DELETE FROM environment_names WHERE environment_id = $1", {id});
    connection.execute("DELETE FROM environments WHERE id = $1", {id});
}

}  // namespace maru::environments::store
