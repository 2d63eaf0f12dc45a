#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "sql/counts.hpp"
#include "traces/rows.hpp"
#include "traces/service.hpp"
#include "tracking/search/conditions.hpp"

namespace maru::traces {

namespace {

constexpr std::size_t kLinksMax = 100;
constexpr std::size_t kIdBytesMax = 200;
// Other writers wait meanwhile: so many at a time.
constexpr std::int64_t kDeletedAtOnce = 200;

void check_deletion(const TraceDeletion& deletion) {
    if (!deletion.until_ms && deletion.ids.empty())
        fail(ErrorCode::invalid_argument,
             "Either `max_timestamp_millis` or `trace_ids` must be specified.");
    if (deletion.until_ms && !deletion.ids.empty())
        fail(ErrorCode::invalid_argument,
             "Only one of `max_timestamp_millis` and `trace_ids` can be specified.");
    if (!deletion.ids.empty() && deletion.traces_max)
        fail(ErrorCode::invalid_argument, "`max_traces` can't be specified if `trace_ids` is.");
    if (deletion.traces_max && *deletion.traces_max < 1)
        fail(ErrorCode::invalid_argument, "`max_traces` must be a positive integer, received {}.",
             *deletion.traces_max);
}

std::vector<std::string> load_locations(sql::Connection& connection,
                                        const std::vector<std::int64_t>& numbers) {
    tracking::search::Statement statement;
    statement += "SELECT value FROM trace_tags WHERE key = ";
    statement << kLocationTag;
    statement += " AND trace IN ";
    statement.list(numbers);
    return connection.all(statement.text(), statement.values(),
                          [](const sql::Row& row) { return row.string(0); });
}

/// Removes what clients have uploaded for traces that are gone: traces.json, attachments.
void delete_files(tracking::Service& tracking, std::string_view project_id,
                  const std::vector<std::string>& locations) {
    for (const auto& location : locations) {
        try {
            std::string folder = tracking.artifact_folder(project_id, location);
            if (!tracking.list_artifacts(project_id, folder).empty())
                tracking.delete_artifacts(project_id, folder);
        } catch (const Error& error) {
            // Files elsewhere (s3://) are not ours to remove.
            if (error.code() != ErrorCode::failed_precondition &&
                error.code() != ErrorCode::invalid_argument)
                throw;
        }
    }
}

}  // namespace

std::int64_t Service::delete_traces(std::string_view project_id, const TraceDeletion& deletion) {
    check_deletion(deletion);
    api::require_access(api::ResourceKind::experiment,
                        parse_int(deletion.experiment_id).value_or(-1),
                        api::ResourcePermission::MANAGE);
    auto numbers = experiment_numbers(project_id, {deletion.experiment_id});
    if (numbers.empty()) return 0;
    std::int64_t deleted = 0;
    std::vector<std::string> locations;
    std::int64_t left = deletion.traces_max.value_or(INT64_MAX);
    while (left > 0) {
        std::int64_t now = database_.write([&](sql::Connection& connection) {
            tracking::search::Statement statement;
            statement += "SELECT number FROM traces WHERE experiment = ";
            statement << numbers.front();
            if (deletion.until_ms) {
                statement += " AND started_at <= ";
                statement << *deletion.until_ms;
            }
            if (!deletion.ids.empty()) {
                statement += " AND project_id = ";
                statement << project_id;
                statement += " AND id IN ";
                statement.list(deletion.ids);
            }
            statement += " ORDER BY started_at, id LIMIT ";
            statement << std::min(left, kDeletedAtOnce);
            auto chosen = connection.all(statement.text(), statement.values(),
                                         [](const sql::Row& row) { return row.integer(0); });
            for (const auto& location : load_locations(connection, chosen))
                locations.push_back(location);
            delete_rows(connection, chosen);
            return static_cast<std::int64_t>(chosen.size());
        });
        deleted += now;
        left -= now;
        if (now < kDeletedAtOnce) break;
    }
    delete_files(tracking_, project_id, locations);
    return deleted;
}

std::int64_t Service::remove_orphans() {
    struct Place {
        std::int64_t number;
        std::string project_id, id;
    };
    auto places = database_.read([](sql::Connection& connection) {
        return connection.all("SELECT number, project_id, id FROM trace_experiments", {},
                              [](const sql::Row& row) {
                                  return Place{row.integer(0), row.string(1), row.string(2)};
                              });
    });
    std::int64_t removed = 0;
    for (const auto& place : places) {
        if (tracking_.has_experiment(place.project_id, place.id)) continue;
        removed +=
            delete_traces(place.project_id, {.experiment_id = place.id, .until_ms = INT64_MAX});
        database_.write([&](sql::Connection& connection) {
            connection.execute(
                "DELETE FROM trace_experiments WHERE number = $1 AND NOT EXISTS (SELECT 1 FROM "
                "traces WHERE experiment = $1)",
                {place.number});
        });
    }
    return removed;
}

std::vector<std::string> Service::project_contents(sql::Connection& connection,
                                                   const std::string& project_id) {
    return sql::describe_counts(connection, project_id,
                                {{"trace", "SELECT count(*) FROM traces WHERE project_id = $1"}});
}

void Service::remove_project(const api::ProjectRef& project) {
    remove_orphans();
    // Links to traces that never came.
    database_.write([&](sql::Connection& connection) {
        connection.execute("DELETE FROM trace_runs WHERE project_id = $1", {project.id});
    });
}

void Service::delete_trace(std::string_view project_id, std::string_view id) {
    std::vector<std::string> locations;
    database_.write([&](sql::Connection& connection) {
        TraceRow row = require_row(connection, project_id, id);
        require_access(row, api::ResourcePermission::MANAGE);
        std::vector<std::int64_t> chosen{row.number};
        locations = load_locations(connection, chosen);
        delete_rows(connection, chosen);
    });
    delete_files(tracking_, project_id, locations);
}

void Service::link_to_run(std::string_view project_id, const std::vector<std::string>& ids,
                          std::string_view run_id) {
    if (ids.empty()) return;
    if (ids.size() > kLinksMax)
        fail(ErrorCode::invalid_argument,
             "Cannot link more than {} traces to a run in a single request. Provided {} traces.",
             kLinksMax, ids.size());
    for (const auto& id : ids)
        if (id.empty() || id.size() > kIdBytesMax)
            fail(ErrorCode::invalid_argument, "Invalid trace ID '{}'", id.substr(0, kIdBytesMax));
    std::string run = tracking_.get_run(project_id, run_id).id;
    database_.write([&](sql::Connection& connection) {
        // They may come later; those that are there must not be kept from the caller.
        for (const auto& id : ids) find_row(connection, project_id, id);
        for (const auto& id : ids)
            connection.execute(
                "INSERT INTO trace_runs (project_id, run_id, trace_id) VALUES ($1, $2, $3) ON "
                "CONFLICT (project_id, run_id, trace_id) DO NOTHING",
                {project_id, run, id});
    });
}

void Service::link_prompts(std::string_view project_id, std::string_view id,
                           const std::vector<std::pair<std::string, std::string>>& prompts) {
    database_.write([&](sql::Connection& connection) {
        auto row = require_row(connection, project_id, id);
        for (const auto& [name, version] : prompts)
            connection.execute(
                "INSERT INTO trace_prompts (experiment, prompt, trace) VALUES ($1, $2, $3) ON "
                "CONFLICT (experiment, prompt, trace) DO NOTHING",
                {row.experiment, name + "/" + version, row.number});
    });
}

}  // namespace maru::traces
