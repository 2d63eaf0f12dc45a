#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/text.hpp"
#include "tracking/logged_model_rows.hpp"
#include "tracking/metric_bits.hpp"
#include "tracking/run_names.hpp"
#include "tracking/service.hpp"
#include "tracking/validation.hpp"

namespace maru::tracking {
namespace {

void check_model_name(std::string_view name) {
    if (name.empty()) return;
    check_length(name, 500, "name");
    if (name.find_first_of("/:.%\"'") != std::string_view::npos)
        fail(ErrorCode::invalid_argument,
             "Invalid model name ('{}') provided. Model name must be a non-empty string and cannot "
             "contain the "
             "following characters: ('/', ':', '.', '%', '\"', \"'\")",
             name);
}

void put(sql::Connection& connection, std::string_view table, std::int64_t model,
         const std::map<std::string, std::string>& entries) {
    for (const auto& [key, value] : entries)
        connection.execute(
            fmt::format("INSERT INTO {} (model, key, value) VALUES ($1, $2, $3) ON CONFLICT "
                        "(model, key) DO UPDATE SET value = excluded.value",
                        table),
            {model, key, value});
}

void check_parameters(const std::map<std::string, std::string>& parameters) {
    for (const auto& [key, value] : parameters) check_parameter(key, value);
}

/// Tags of logged models hold whole JSON documents, such as the versions that were made of them.
void check_tags(const std::map<std::string, std::string>& tags) {
    for (const auto& [key, value] : tags) check_tag(key, value, "key", kRegistryTagLengthMax);
}

}  // namespace

LoggedModel read_logged_model(const sql::Row& row) {
    LoggedModel model;
    model.number = row.integer(0);
    model.id = row.string(1);
    model.experiment_id = std::to_string(row.integer(2));
    model.name = row.string(3);
    model.model_type = row.string(4);
    model.source_run_id = row.optional_string(5);
    model.artifact_uri = row.string(6);
    model.status = row.string(7);
    model.created_at = row.time(8);
    model.updated_at = row.time(9);
    model.deleted = row.boolean(10);
    return model;
}

LoggedModel Service::load_logged_model(sql::Connection& connection, std::string_view project_id,
                                       std::string_view id, bool allow_deleted) {
    auto model = connection.first(fmt::format("SELECT {} FROM tracking_models m JOIN "
                                              "tracking_experiments e ON e.number = m.experiment "
                                              "WHERE m.id = $1 AND m.project_id = $2",
                                              kLoggedModelColumns),
                                  {id, project_id}, read_logged_model);
    if (!model || (model->deleted && !allow_deleted))
        fail(ErrorCode::not_found, "Logged model with ID '{}' not found.", id);
    api::require_access(api::ResourceKind::experiment,
                        parse_int(model->experiment_id).value_or(-1));
    return *model;
}

void Service::load_logged_model_data(sql::Connection& connection,
                                     std::vector<LoggedModel>& models) {
    for (auto& model : models) {
        connection.query(
            "SELECT key, value FROM tracking_model_parameters WHERE model = $1", {model.number},
            [&](const sql::Row& row) { model.parameters[row.string(0)] = row.string(1); });
        connection.query("SELECT key, value FROM tracking_model_tags WHERE model = $1",
                         {model.number},
                         [&](const sql::Row& row) { model.tags[row.string(0)] = row.string(1); });
        // A run of an experiment that may not be seen may have logged some of its metrics.
        connection.query(
            fmt::format(
                "SELECT k.key, r.id, m.dataset_name, m.dataset_digest, m.step, m.at, m.bits FROM "
                "tracking_model_metrics m JOIN tracking_metric_keys k ON k.number = m.key JOIN "
                "tracking_runs r ON r.number = m.run JOIN tracking_experiments e ON e.number = "
                "r.experiment WHERE m.model = $1{} ORDER BY m.key, m.at, m.step",
                api::access_condition(api::ResourceKind::experiment, "e.id")),
            {model.number}, [&](const sql::Row& row) {
                model.metrics.push_back(
                    {row.string(0), row.string(1), row.string(2), row.string(3),
                     MetricPoint{row.integer(4), row.time(5), from_bits(row.integer(6))}});
            });
    }
}

LoggedModel Service::create_logged_model(std::string_view project_id,
                                         const NewLoggedModel& request) {
    check_model_name(request.name);
    check_parameters(request.parameters);
    check_tags(request.tags);
    ensure_default_experiment(project_id);
    std::string id = "m-" + new_id();
    Time now = clock_.now();
    return database_.write([&](sql::Connection& connection) {
        Experiment experiment =
            load_active_experiment(connection, project_id, request.experiment_id);
        // Need not be there, as in MLflow; but not be one that is kept from the caller.
        if (request.source_run_id) {
            try {
                find_run(connection, project_id, *request.source_run_id);
            } catch (const Error& error) {
                if (error.code() != ErrorCode::not_found) throw;
            }
        }
        std::string_view location = experiment.artifact_location;
        while (location.ends_with('/')) location.remove_suffix(1);
        std::int64_t number = 0;
        connection.query(
            "INSERT INTO tracking_models (number, id, project_id, experiment, name, model_type, "
            "source_run_id, "
            "artifact_uri, status, created_at, updated_at) VALUES ((SELECT COALESCE(MAX(number), "
            "0) + 1 FROM "
            "tracking_models), $1, $2, $3, $4, $5, $6, $7, 'LOGGED_MODEL_PENDING', $8, $8) "
            "RETURNING number",
            {id, project_id, experiment.number, request.name.empty() ? random_name() : request.name,
             request.model_type, request.source_run_id,
             fmt::format("{}/models/{}/artifacts", location, id), now},
            [&](const sql::Row& row) { number = row.integer(0); });
        put(connection, "tracking_model_parameters", number, request.parameters);
        put(connection, "tracking_model_tags", number, request.tags);
        std::vector<LoggedModel> models{load_logged_model(connection, project_id, id, false)};
        load_logged_model_data(connection, models);
        return std::move(models.front());
    });
}

LoggedModel Service::get_logged_model(std::string_view project_id, std::string_view id,
                                      bool allow_deleted) {
    return database_.read([&](sql::Connection& connection) {
        std::vector<LoggedModel> models{
            load_logged_model(connection, project_id, id, allow_deleted)};
        load_logged_model_data(connection, models);
        return std::move(models.front());
    });
}

std::vector<LoggedModel> Service::logged_models_of(std::string_view project_id,
                                                   std::string_view run_id) {
    return database_.read([&](sql::Connection& connection) {
        find_run(connection, project_id, run_id);
        auto models = connection.all(
            fmt::format(
                "SELECT {} FROM tracking_models m JOIN tracking_experiments e ON e.number = "
                "m.experiment WHERE m.source_run_id = $1 AND m.project_id = $2 AND "
                "m.deleted = 0{} ORDER BY m.created_at DESC, m.id LIMIT 1000",
                kLoggedModelColumns, api::access_condition(api::ResourceKind::experiment, "e.id")),
            {run_id, project_id}, read_logged_model);
        load_logged_model_data(connection, models);
        return models;
    });
}

LoggedModel Service::finalize_logged_model(std::string_view project_id, std::string_view id,
                                           const std::string& status) {
    if (status != "LOGGED_MODEL_READY" && status != "LOGGED_MODEL_UPLOAD_FAILED" &&
        status != "LOGGED_MODEL_PENDING")
        fail_value("status", status, "expected LOGGED_MODEL_READY or LOGGED_MODEL_UPLOAD_FAILED");
    database_.write([&](sql::Connection& connection) {
        LoggedModel model = load_logged_model(connection, project_id, id, false);
        connection.execute(
            "UPDATE tracking_models SET status = $1, updated_at = $2 WHERE number = $3",
            {status, clock_.now(), model.number});
    });
    return get_logged_model(project_id, id);
}

void Service::delete_logged_model(std::string_view project_id, std::string_view id) {
    database_.write([&](sql::Connection& connection) {
        LoggedModel model = load_logged_model(connection, project_id, id, false);
        api::require_access(api::ResourceKind::experiment,
                            parse_int(model.experiment_id).value_or(-1),
                            api::ResourcePermission::MANAGE);
        connection.execute(
            "UPDATE tracking_models SET deleted = 1, updated_at = $1 WHERE number = $2",
            {clock_.now(), model.number});
    });
}

LoggedModel Service::set_logged_model_tags(std::string_view project_id, std::string_view id,
                                           const std::map<std::string, std::string>& tags) {
    check_tags(tags);
    database_.write([&](sql::Connection& connection) {
        put(connection, "tracking_model_tags",
            load_logged_model(connection, project_id, id, false).number, tags);
    });
    return get_logged_model(project_id, id);
}

void Service::delete_logged_model_tag(std::string_view project_id, std::string_view id,
                                      std::string_view key) {
    database_.write([&](sql::Connection& connection) {
        LoggedModel model = load_logged_model(connection, project_id, id, false);
        if (connection.execute("DELETE FROM tracking_model_tags WHERE model = $1 AND key = $2",
                               {model.number, key}) == 0)
            fail(ErrorCode::not_found, "No tag with key '{}' found for model with ID '{}'.", key,
                 id);
    });
}

void Service::log_logged_model_parameters(std::string_view project_id, std::string_view id,
                                          const std::map<std::string, std::string>& parameters) {
    check_parameters(parameters);
    database_.write([&](sql::Connection& connection) {
        put(connection, "tracking_model_parameters",
            load_logged_model(connection, project_id, id, false).number, parameters);
    });
}

}  // namespace maru::tracking
