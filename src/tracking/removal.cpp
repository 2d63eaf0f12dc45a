#include "tracking/removal.hpp"

#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "base/text.hpp"
#include "sql/counts.hpp"
#include "tracking/service.hpp"

namespace maru::tracking {
namespace {

/// A folder of artifacts that goes, in one text to look up by.
std::string key_of(std::string_view project_id, std::string_view folder) {
    return fmt::format("{}/{}", project_id, folder);
}

/// True if the path or a folder above it is in the set.
bool is_below(const std::set<std::string, std::less<>>& folders, std::string_view project_id,
              std::string_view path) {
    std::string key = key_of(project_id, path);
    std::string_view view = key;
    for (auto slash = view.find('/', project_id.size() + 1); slash != std::string_view::npos;
         slash = view.find('/', slash + 1))
        if (folders.contains(view.substr(0, slash))) return true;
    return folders.contains(view);
}

Deleted read_deleted(const sql::Row& row) {
    return {.kind = Deleted::Kind::run,
            .project_id = row.string(0),
            .number = row.integer(1),
            .id = row.string(2),
            .artifact_uri = row.string(3),
            .at = row.time(4)};
}

}  // namespace

void remove_run_rows(sql::Connection& connection, std::int64_t run) {
    for (std::string_view table :
         {"tracking_parameters", "tracking_tags", "tracking_batches", "tracking_chunks",
          "tracking_latest", "tracking_dataset_inputs", "tracking_dataset_input_tags",
          "tracking_model_links", "tracking_model_metrics"})
        connection.execute(fmt::format("DELETE FROM {} WHERE run = $1", table), {run});
    connection.execute("DELETE FROM tracking_runs WHERE number = $1", {run});
}

void remove_logged_model_rows(sql::Connection& connection, std::int64_t model) {
    for (std::string_view table :
         {"tracking_model_parameters", "tracking_model_tags", "tracking_model_metrics"})
        connection.execute(fmt::format("DELETE FROM {} WHERE model = $1", table), {model});
    connection.execute("DELETE FROM tracking_models WHERE number = $1", {model});
}

void remove_artifact_rows(sql::Connection& connection, std::string_view project_id,
                          std::string_view folder) {
    connection.execute(
        "DELETE FROM tracking_artifacts WHERE project_id = $1 AND (path = $2 OR (path >= $3 AND "
        "path < $4))",
        {project_id, folder, fmt::format("{}/", folder), fmt::format("{}0", folder)});
}

void Service::set_artifact_check(ArtifactCheck check) {
    artifact_check_ = std::move(check);
}

std::optional<std::string> Service::own_folder(std::string_view project_id,
                                               std::string_view artifact_uri) {
    try {
        // A resolved location, never runs:/ or models:/, which would have to be looked up.
        if (artifact_uri.starts_with("runs:") || artifact_uri.starts_with("models:"))
            return std::nullopt;
        std::string folder = artifact_folder(project_id, artifact_uri);
        return folder.empty() ? std::nullopt : std::optional(folder);
    } catch (const Error&) {
        return std::nullopt;  // kept elsewhere: not ours to remove
    }
}

std::optional<std::string> Service::remove_run(sql::Connection& connection,
                                               std::string_view project_id, const Deleted& run) {
    auto folder = own_folder(project_id, run.artifact_uri);
    if (folder && artifact_check_)
        if (auto reason = artifact_check_(connection, project_id, *folder)) return reason;
    if (folder) remove_artifact_rows(connection, project_id, *folder);
    remove_run_rows(connection, run.number);
    return std::nullopt;
}

std::optional<std::string> Service::remove_logged_model(sql::Connection& connection,
                                                        std::string_view project_id,
                                                        const Deleted& model) {
    auto folder = own_folder(project_id, model.artifact_uri);
    if (folder && artifact_check_)
        if (auto reason = artifact_check_(connection, project_id, *folder)) return reason;
    if (folder) remove_artifact_rows(connection, project_id, *folder);
    remove_logged_model_rows(connection, model.number);
    return std::nullopt;
}

void Service::remove_run(std::string_view project_id, std::string_view id) {
    database_.write([&](sql::Connection& connection) {
        Run run = load_run(connection, project_id, id);
        require_experiment(connection, find_run(connection, project_id, id).experiment,
                           api::ResourcePermission::MANAGE);
        // Its job writes into it as long as it runs, and looks for it when it is tried again.
        if (run.job_id && !is_final(run.status))
            fail(ErrorCode::failed_precondition,
                 "run {} belongs to job {}, which has not ended; stop that first", id, *run.job_id);
        auto reason = remove_run(connection, project_id,
                                 {.project_id = std::string(project_id),
                                  .number = run.number,
                                  .id = run.id,
                                  .artifact_uri = run.artifact_uri});
        if (reason) fail(ErrorCode::failed_precondition, "run {} stays: {}", id, *reason);
    });
}

std::vector<Deleted> Service::find_deleted(const CutoffOf& cutoff) {
    // Deleted before there was a time of deletion: it counts from now.
    bool untimed = database_.read([](sql::Connection& connection) {
        return connection
            .first("SELECT 1 FROM tracking_runs WHERE deleted = 1 AND deleted_at IS NULL LIMIT 1",
                   {}, [](const sql::Row&) { return true; })
            .has_value();
    });
    if (untimed)
        database_.write([&](sql::Connection& connection) {
            connection.execute(
                "UPDATE tracking_runs SET deleted_at = $1 WHERE deleted = 1 AND deleted_at IS NULL",
                {clock_.now()});
        });
    std::vector<Deleted> found;
    auto add = [&](Deleted::Kind kind) {
        return [&, kind](const sql::Row& row) {
            Deleted deleted = read_deleted(row);
            deleted.kind = kind;
            if (deleted.at <= cutoff(deleted.project_id)) found.push_back(std::move(deleted));
        };
    };
    database_.read([&](sql::Connection& connection) {
        connection.query(
            "SELECT project_id, number, id, artifact_uri, deleted_at FROM tracking_runs WHERE "
            "deleted = 1 AND deleted_at IS NOT NULL AND (job_id IS NULL OR status NOT IN "
            "('RUNNING', 'SCHEDULED'))",
            {}, add(Deleted::Kind::run));
        connection.query(
            "SELECT project_id, number, id, artifact_uri, updated_at FROM tracking_models WHERE "
            "deleted = 1",
            {}, add(Deleted::Kind::logged_model));
        connection.query(
            "SELECT project_id, number, id, artifact_location, updated_at FROM "
            "tracking_experiments WHERE deleted = 1 AND id <> 0",
            {}, add(Deleted::Kind::experiment));
    });
    return found;
}

bool Service::remove_deleted(const Deleted& given) {
    switch (given.kind) {
        case Deleted::Kind::run:
            return database_.write([&](sql::Connection& connection) {
                // It may have been restored meanwhile.
                auto now = connection.first(
                    "SELECT project_id, number, id, artifact_uri, deleted_at FROM tracking_runs "
                    "WHERE number = $1 AND id = $2 AND deleted = 1",
                    {given.number, given.id}, read_deleted);
                return now && !remove_run(connection, given.project_id, *now);
            });
        case Deleted::Kind::logged_model:
            return database_.write([&](sql::Connection& connection) {
                auto now = connection.first(
                    "SELECT project_id, number, id, artifact_uri, updated_at FROM tracking_models "
                    "WHERE number = $1 AND id = $2 AND deleted = 1",
                    {given.number, given.id}, read_deleted);
                return now && !remove_logged_model(connection, given.project_id, *now);
            });
        case Deleted::Kind::experiment:
            return remove_experiment(given);
    }
    return false;
}

bool Service::remove_experiment(const Deleted& given) {
    // Many runs: each in a transaction of its own, since all writers wait for one.
    auto parts = [&](std::string_view query, Deleted::Kind kind) {
        return database_.read([&](sql::Connection& connection) {
            return connection.all(query, {given.number}, [&](const sql::Row& row) {
                Deleted part = read_deleted(row);
                part.kind = kind;
                return part;
            });
        });
    };
    for (const auto& run : parts("SELECT project_id, number, id, artifact_uri, 0 FROM "
                                 "tracking_runs WHERE experiment = $1 AND deleted = 1 AND (job_id "
                                 "IS NULL OR status NOT IN ('RUNNING', 'SCHEDULED'))",
                                 Deleted::Kind::run))
        remove_deleted(run);
    for (const auto& model : parts("SELECT project_id, number, id, artifact_uri, 0 FROM "
                                   "tracking_models WHERE experiment = $1",
                                   Deleted::Kind::logged_model))
        database_.write([&](sql::Connection& connection) {
            if (!is_deleted_experiment(connection, given)) return;
            remove_logged_model(connection, model.project_id, model);
        });
    return database_.write([&](sql::Connection& connection) {
        if (!is_deleted_experiment(connection, given)) return false;
        bool in_use = false;
        for (std::string_view table : {"tracking_runs", "tracking_models"})
            connection.query(fmt::format("SELECT 1 FROM {} WHERE experiment = $1 LIMIT 1", table),
                             {given.number}, [&](const sql::Row&) { in_use = true; });
        if (in_use) return false;
        for (std::string_view table :
             {"tracking_experiment_tags", "tracking_datasets", "tracking_views"})
            connection.execute(fmt::format("DELETE FROM {} WHERE experiment = $1", table),
                               {given.number});
        connection.execute(
            "INSERT INTO tracking_experiment_ids (project_id, last_id) SELECT project_id, MAX(id) "
            "FROM tracking_experiments WHERE project_id = $1 GROUP BY project_id ON CONFLICT "
            "(project_id) DO UPDATE SET last_id = CASE WHEN excluded.last_id > "
            "tracking_experiment_ids.last_id THEN excluded.last_id ELSE "
            "tracking_experiment_ids.last_id END",
            {given.project_id});
        connection.execute("DELETE FROM tracking_experiments WHERE number = $1", {given.number});
        return true;
    });
}

bool Service::is_deleted_experiment(sql::Connection& connection, const Deleted& given) {
    return connection
        .first("SELECT 1 FROM tracking_experiments WHERE number = $1 AND deleted = 1",
               {given.number}, [](const sql::Row&) { return true; })
        .has_value();
}

std::vector<std::string> Service::project_contents(sql::Connection& connection,
                                                   const std::string& project_id) {
    // The experiment Default comes by itself.
    return sql::describe_counts(
        connection, project_id,
        {{"experiment",
          "SELECT count(*) FROM tracking_experiments WHERE project_id = $1 AND id <> 0"},
         {"run", "SELECT count(*) FROM tracking_runs WHERE project_id = $1"},
         {"logged model", "SELECT count(*) FROM tracking_models WHERE project_id = $1"},
         {"artifact", "SELECT count(*) FROM tracking_artifacts WHERE project_id = $1"}});
}

void Service::remove_project(const api::ProjectRef& project) {
    // Other writers wait meanwhile: so many at a time.
    auto remove_all = [&](std::string_view table, auto remove_rows) {
        for (bool more = true; more;)
            more = database_.write([&](sql::Connection& connection) {
                auto numbers = connection.all(
                    fmt::format("SELECT number FROM {} WHERE project_id = $1 LIMIT 100", table),
                    {project.id}, [](const sql::Row& row) { return row.integer(0); });
                for (auto number : numbers) remove_rows(connection, number);
                return !numbers.empty();
            });
    };
    remove_all("tracking_runs", remove_run_rows);
    remove_all("tracking_models", remove_logged_model_rows);
    database_.write([&](sql::Connection& connection) {
        for (std::string_view table :
             {"tracking_experiment_tags", "tracking_datasets", "tracking_views"})
            connection.execute(fmt::format("DELETE FROM {} WHERE experiment IN (SELECT number FROM "
                                           "tracking_experiments WHERE project_id = $1)",
                                           table),
                               {project.id});
        for (std::string_view table : {"tracking_experiments", "tracking_experiment_ids",
                                       "tracking_artifacts", "tracking_imports"})
            connection.execute(fmt::format("DELETE FROM {} WHERE project_id = $1", table),
                               {project.id});
    });
}

void Service::visit_blobs(const blob::VisitDigest& visit, const std::vector<Deleted>& without) {
    std::set<std::string, std::less<>> folders;
    for (const auto& deleted : without)
        if (deleted.kind != Deleted::Kind::experiment)
            if (auto folder = own_folder(deleted.project_id, deleted.artifact_uri))
                folders.insert(key_of(deleted.project_id, *folder));
    database_.read([&](sql::Connection& connection) {
        if (folders.empty()) {
            connection.query("SELECT DISTINCT sha256 FROM tracking_artifacts", {},
                             [&](const sql::Row& row) { visit(row.text(0)); });
            return;
        }
        connection.query("SELECT sha256, project_id, path FROM tracking_artifacts", {},
                         [&](const sql::Row& row) {
                             if (!is_below(folders, row.text(1), row.text(2))) visit(row.text(0));
                         });
    });
}

void Service::remove_artifacts(sql::Connection& connection, std::string_view project_id,
                               std::string_view artifact_uri) {
    auto folder = own_folder(project_id, artifact_uri);
    if (!folder) return;
    require_artifacts(connection, project_id, *folder, api::ResourcePermission::MANAGE);
    remove_artifact_rows(connection, project_id, *folder);
    auto model = connection.first(
        "SELECT number FROM tracking_models WHERE project_id = $1 AND artifact_uri = $2",
        {project_id, artifact_uri}, [](const sql::Row& row) { return row.integer(0); });
    if (model) remove_logged_model_rows(connection, *model);
}

bool Service::may_remove(const Deleted& deleted) {
    auto folder = own_folder(deleted.project_id, deleted.artifact_uri);
    if (!folder || !artifact_check_ || deleted.kind == Deleted::Kind::experiment) return true;
    return database_.read([&](sql::Connection& connection) {
        return !artifact_check_(connection, deleted.project_id, *folder);
    });
}

}  // namespace maru::tracking
