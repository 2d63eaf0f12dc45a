#include "base/error.hpp"
#include "base/id.hpp"
#include "base/text.hpp"
#include "tracking/run_names.hpp"
#include "tracking/run_rows.hpp"
#include "tracking/service.hpp"
#include "tracking/validation.hpp"

namespace maru::tracking {
namespace {

constexpr std::string_view kRunName = "mlflow.runName";
constexpr std::string_view kParentRun = "mlflow.parentRunId";

/// MLflow keeps a run's name twice, as an attribute and as a tag: makes both one, thinks one up if
/// need be.
void settle_name(NewRun& run) {
    auto tag = run.tags.find(std::string(kRunName));
    if (tag != run.tags.end() && !run.name.empty() && tag->second != run.name)
        fail(ErrorCode::invalid_argument,
             "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different "
             "values "
             "(run_name='{}', mlflow.runName='{}').",
             run.name, tag->second);
    if (run.name.empty()) run.name = tag != run.tags.end() ? tag->second : random_name();
    run.tags[std::string(kRunName)] = run.name;
}

void check_new_run(const NewRun& run) {
    check_length(run.name, kTagLengthMax, "run_name");
    for (const auto& [key, value] : run.parameters) check_parameter(key, value);
    for (const auto& [key, value] : run.tags) check_tag(key, value);
}

struct ExperimentRow {
    std::int64_t number = 0;
    std::string artifact_location;
};

ExperimentRow load_location(sql::Connection& connection, std::int64_t number) {
    auto row =
        connection.first("SELECT artifact_location FROM tracking_experiments WHERE number = $1",
                         {number}, [](const sql::Row& r) { return r.string(0); });
    return {number, row.value()};
}

std::string artifact_uri(std::string_view location, std::string_view run_id) {
    while (location.ends_with('/')) location.remove_suffix(1);
    return fmt::format("{}/{}/artifacts", location, run_id);
}

std::vector<std::pair<std::string, std::string>> pairs(
    const std::map<std::string, std::string>& map) {
    return {map.begin(), map.end()};
}

}  // namespace

Run read_run(const sql::Row& row) {
    Run run;
    run.number = row.integer(0);
    run.id = row.string(1);
    run.name = row.string(2);
    run.experiment_id = std::to_string(row.integer(3));
    run.experiment_name = row.string(4);
    run.status = enum_from<RunStatus>(row.text(5)).value_or(RunStatus::RUNNING);
    run.user = row.string(6);
    run.started_at = row.time(7);
    run.ended_at = row.optional_time(8);
    run.deleted = row.boolean(9);
    run.artifact_uri = row.string(10);
    run.job_id = row.optional_string(11);
    return run;
}

Service::RunRow Service::find_run(sql::Connection& connection, std::string_view project_id,
                                  std::string_view id) {
    auto row = connection.first(
        "SELECT number, experiment, deleted FROM tracking_runs WHERE id = $1 AND project_id = $2",
        {id, project_id},
        [](const sql::Row& r) { return RunRow{r.integer(0), r.integer(1), r.boolean(2)}; });
    if (!row) fail(ErrorCode::not_found, "Run with id={} not found", id);
    require_experiment(connection, row->experiment);
    return *row;
}

Service::RunRow Service::find_active_run(sql::Connection& connection, std::string_view project_id,
                                         std::string_view id) {
    RunRow run = find_run(connection, project_id, id);
    if (run.deleted)
        fail(ErrorCode::invalid_argument,
             "The run {} must be in the 'active' state. Current state is deleted.", id);
    return run;
}

Run Service::load_run(sql::Connection& connection, std::string_view project_id,
                      std::string_view id) {
    auto run = connection.first(
        fmt::format(
            "SELECT {} FROM tracking_runs r JOIN tracking_experiments e ON e.number = r.experiment "
            "WHERE r.id = $1 AND r.project_id = $2",
            kRunColumns),
        {id, project_id}, read_run);
    if (!run) fail(ErrorCode::not_found, "Run with id={} not found", id);
    api::require_access(api::ResourceKind::experiment, parse_int(run->experiment_id).value_or(-1));
    return *run;
}

Run Service::get_run(std::string_view project_id, std::string_view id) {
    return database_.read([&](sql::Connection& connection) {
        std::vector<Run> runs{load_run(connection, project_id, id)};
        load_run_data(connection, runs);
        return std::move(runs.front());
    });
}

std::string Service::create_run(sql::Connection& connection, std::string_view project_id,
                                const NewRun& request) {
    NewRun run = request;
    settle_name(run);
    check_new_run(run);
    std::int64_t experiment =
        run.experiment_id.empty()
            ? find_or_create_experiment(connection, project_id,
                                        run.experiment.empty() ? "Default" : run.experiment)
            : load_active_experiment(connection, project_id, run.experiment_id).number;
    std::string id = new_id();
    std::string uri = artifact_uri(load_location(connection, experiment).artifact_location, id);
    std::int64_t number = 0;
    connection.query(
        "INSERT INTO tracking_runs (number, id, project_id, experiment, name, user_name, status, "
        "started_at, "
        "artifact_uri, job_id, awaits_client) VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM "
        "tracking_runs), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING number",
        {id, project_id, experiment, run.name, run.user, enum_name(run.status),
         run.started_at.value_or(clock_.now()), uri, run.job_id,
         run.status == RunStatus::SCHEDULED},
        [&](const sql::Row& row) { number = row.integer(0); });
    Batch batch{.metrics = {}, .parameters = pairs(run.parameters), .tags = {}};
    insert_parameters(connection, id, number, batch);
    set_tags(connection, number, pairs(run.tags));
    return id;
}

Run Service::create_run(std::string_view project_id, const NewRun& run) {
    ensure_default_experiment(project_id);
    return database_.write([&](sql::Connection& connection) {
        std::string id = create_run(connection, project_id, run);
        std::vector<Run> runs{load_run(connection, project_id, id)};
        load_run_data(connection, runs);
        return std::move(runs.front());
    });
}

Run Service::create_run_of_workload(std::string_view project_id, std::string_view workload_id,
                                    NewRun run) {
    run.job_id = std::string(workload_id);
    ensure_default_experiment(project_id);
    return database_.write([&](sql::Connection& connection) {
        std::optional<std::string> waiting;
        if (!run.tags.contains(std::string(kParentRun)))
            waiting = connection.first(
                "SELECT id FROM tracking_runs WHERE job_id = $1 AND project_id = $2 AND deleted = "
                "0 AND "
                "awaits_client = 1",
                {workload_id, project_id}, [](const sql::Row& row) { return row.string(0); });
        std::string id;
        if (waiting) {
            id = *waiting;
            RunRow row = find_run(connection, project_id, id);
            if (!run.name.empty() || run.tags.contains(std::string(kRunName))) {
                settle_name(run);
                connection.execute("UPDATE tracking_runs SET name = $1 WHERE number = $2",
                                   {run.name, row.number});
            }
            check_new_run(run);
            Experiment experiment =
                load_active_experiment(connection, project_id, run.experiment_id);
            connection.execute(
                "UPDATE tracking_runs SET experiment = $1, artifact_uri = $2, started_at = $3, "
                "status = "
                "'RUNNING', awaits_client = 0 WHERE number = $4",
                {experiment.number, artifact_uri(experiment.artifact_location, id),
                 run.started_at.value_or(clock_.now()), row.number});
            for (std::string_view table :
                 {"tracking_latest", "tracking_parameters", "tracking_tags"})
                connection.execute(
                    fmt::format("UPDATE {} SET experiment = $1 WHERE run = $2", table),
                    {experiment.number, row.number});
            set_tags(connection, row.number, pairs(run.tags));
        } else {
            id = create_run(connection, project_id, run);
        }
        std::vector<Run> runs{load_run(connection, project_id, id)};
        load_run_data(connection, runs);
        return std::move(runs.front());
    });
}

Run Service::update_run(std::string_view project_id, std::string_view id,
                        std::optional<RunStatus> status, std::optional<Time> ended_at,
                        const std::string& name) {
    check_length(name, kTagLengthMax, "run_name");
    return database_.write([&](sql::Connection& connection) {
        RunRow row = find_active_run(connection, project_id, id);
        // A client has taken the run over: a later create makes another.
        if (status)
            connection.execute(
                "UPDATE tracking_runs SET status = $1, awaits_client = 0 WHERE number = $2",
                {enum_name(*status), row.number});
        if (ended_at)
            connection.execute("UPDATE tracking_runs SET ended_at = $1 WHERE number = $2",
                               {*ended_at, row.number});
        if (status && !is_final(*status) && !ended_at)
            connection.execute("UPDATE tracking_runs SET ended_at = NULL WHERE number = $1",
                               {row.number});
        if (!name.empty()) {
            connection.execute("UPDATE tracking_runs SET name = $1 WHERE number = $2",
                               {name, row.number});
            set_tags(connection, row.number, {{std::string(kRunName), name}});
        }
        return load_run(connection, project_id, id);
    });
}

void Service::set_run_deleted(std::string_view project_id, std::string_view id, bool deleted) {
    database_.write([&](sql::Connection& connection) {
        RunRow row = find_run(connection, project_id, id);
        require_experiment(connection, row.experiment, api::ResourcePermission::MANAGE);
        if (row.deleted == deleted) return;
        connection.execute(
            "UPDATE tracking_runs SET deleted = $1, deleted_at = $2 WHERE number = $3",
            {deleted, deleted ? std::optional(clock_.now()) : std::nullopt, row.number});
    });
}

void Service::delete_tag(std::string_view project_id, std::string_view run_id,
                         std::string_view key) {
    database_.write([&](sql::Connection& connection) {
        RunRow row = find_active_run(connection, project_id, run_id);
        auto removed = connection.execute("DELETE FROM tracking_tags WHERE run = $1 AND key = $2",
                                          {row.number, key});
        if (removed == 0)
            fail(ErrorCode::not_found, "No tag with name: {} in run with id {}", key, run_id);
    });
}

void Service::await_client(sql::Connection& connection, std::string_view run_id) {
    connection.execute("UPDATE tracking_runs SET awaits_client = 1 WHERE id = $1", {run_id});
}

void Service::workload_started(sql::Connection& connection, std::string_view workload_id,
                               std::string_view machine, Time at) {
    if (!machine.empty())
        connection.execute(
            "INSERT INTO tracking_tags (run, experiment, key, value) SELECT number, experiment, "
            "'maru.machine', $2 FROM tracking_runs WHERE job_id = $1 ON CONFLICT (run, key) DO "
            "UPDATE SET value = excluded.value",
            {workload_id, machine});
    connection.execute(
        "UPDATE tracking_runs SET status = 'RUNNING', started_at = $1 WHERE job_id = $2 AND status "
        "= "
        "'SCHEDULED'",
        {at, workload_id});
}

void Service::workload_ended(sql::Connection& connection, std::string_view workload_id,
                             RunStatus status, Time at) {
    connection.execute(
        "UPDATE tracking_runs SET status = $1, ended_at = $2, awaits_client = 0 WHERE job_id = $3 "
        "AND "
        "status IN ('RUNNING', 'SCHEDULED')",
        {enum_name(status), at, workload_id});
    if (status == RunStatus::FAILED)
        connection.execute(
            "UPDATE tracking_runs SET status = 'FAILED' WHERE job_id = $1 AND status = 'FINISHED'",
            {workload_id});
}

}  // namespace maru::tracking
