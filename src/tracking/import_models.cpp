#include <cmath>

#include "base/error.hpp"
#include "base/text.hpp"
#include "tracking/import_operations.hpp"
#include "tracking/import_rows.hpp"
#include "tracking/metric_bits.hpp"
#include "tracking/service.hpp"
#include "tracking/validation.hpp"

namespace maru::tracking {
namespace {

constexpr std::size_t kModelsMax = 100;

void check_model(std::string_view field, const ImportLoggedModel& model) {
    check_relative_path(fmt::format("{}.id", field), model.id);
    if (!model.id.starts_with("m-") || model.id.size() > 64 ||
        model.id.find('/') != std::string::npos)
        fail_field(fmt::format("{}.id", field),
                   fmt::format("\"{}\" is no id of a logged model; expected m-...", model.id));
    check_length(model.name, 500, fmt::format("{}.name", field));
    check_length(model.model_type, 500, fmt::format("{}.model_type", field));
    if (model.status != "LOGGED_MODEL_READY" && model.status != "LOGGED_MODEL_UPLOAD_FAILED" &&
        model.status != "LOGGED_MODEL_PENDING")
        fail_field(fmt::format("{}.status", field),
                   fmt::format("\"{}\" is none of LOGGED_MODEL_READY, LOGGED_MODEL_PENDING, "
                               "LOGGED_MODEL_UPLOAD_FAILED",
                               model.status));
    for (const auto* texts : {&model.parameters, &model.tags})
        for (const auto& [key, value] : *texts)
            check_tag(key, value, fmt::format("{}.key", field), kRegistryTagLengthMax);
    for (const auto& metric : model.metrics) check_key(metric.key, field);
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

}  // namespace

std::optional<std::int64_t> find_imported(sql::Connection& connection, std::string_view table,
                                          std::string_view project_id, std::string_view id) {
    bool ours = true;
    auto number =
        connection.first(fmt::format("SELECT number, project_id FROM {} WHERE id = $1", table),
                         {id}, [&](const sql::Row& row) {
                             ours = row.text(1) == project_id;
                             return row.integer(0);
                         });
    if (!ours)
        fail(ErrorCode::already_exists,
             "{} is in another project of this server, where an id can be only once", id);
    return number;
}

void insert_datasets(sql::Connection& connection, std::int64_t run, std::int64_t experiment,
                     const std::vector<DatasetInput>& datasets) {
    for (const auto& dataset : datasets) {
        connection.execute(
            "INSERT INTO tracking_datasets (number, experiment, name, digest, source_type, source, "
            "schema, profile) VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM "
            "tracking_datasets), $1, $2, $3, $4, $5, $6, $7) ON CONFLICT (experiment, name, "
            "digest) DO NOTHING",
            {experiment, dataset.name, dataset.digest, dataset.source_type, dataset.source,
             dataset.schema, dataset.profile});
        auto number = connection.first(
            "SELECT number FROM tracking_datasets WHERE experiment = $1 AND name = $2 AND digest = "
            "$3",
            {experiment, dataset.name, dataset.digest},
            [](const sql::Row& row) { return row.integer(0); });
        auto added = connection.execute(
            "INSERT INTO tracking_dataset_inputs (run, dataset) VALUES ($1, $2) ON CONFLICT DO "
            "NOTHING",
            {run, number.value()});
        if (added == 0) continue;
        for (const auto& [key, value] : dataset.tags)
            connection.execute(
                "INSERT INTO tracking_dataset_input_tags (run, dataset, key, value) VALUES ($1, "
                "$2, $3, $4)",
                {run, number.value(), key, value});
    }
}

ImportedItem Service::import_logged_model(sql::Connection& connection, std::string_view project_id,
                                          const ImportLoggedModel& model) {
    Experiment experiment = load_experiment(connection, project_id, model.experiment_id);
    auto there = find_imported(connection, "tracking_models", project_id, model.id);
    std::int64_t number = there.value_or(0);
    if (!there) {
        connection.execute("DELETE FROM tracking_imports WHERE project_id = $1 AND id = $2",
                           {project_id, model.id});
        std::string location = experiment.artifact_location;
        while (location.ends_with('/')) location.pop_back();
        connection.query(
            "INSERT INTO tracking_models (number, id, project_id, experiment, name, model_type, "
            "source_run_id, artifact_uri, status, created_at, updated_at) VALUES ((SELECT "
            "COALESCE(MAX(number), 0) + 1 FROM tracking_models), $1, $2, $3, $4, $5, $6, $7, $8, "
            "$9, $10) RETURNING number",
            {model.id, project_id, experiment.number, model.name, model.model_type,
             model.source_run_id, fmt::format("{}/models/{}/artifacts", location, model.id),
             model.status, model.created_at_ms, model.updated_at_ms},
            [&](const sql::Row& row) { number = row.integer(0); });
    }
    connection.execute(
        "UPDATE tracking_models SET status = $1, updated_at = $2, deleted = $3 WHERE number = $4",
        {model.status, model.updated_at_ms, model.deleted, number});
    put(connection, "tracking_model_parameters", number, model.parameters);
    put(connection, "tracking_model_tags", number, model.tags);
    std::vector<NewMetric> names;
    for (const auto& metric : model.metrics)
        names.push_back(
            {.key = metric.key, .model_id = {}, .dataset_name = {}, .dataset_digest = {}});
    auto keys = key_numbers(connection, names);
    for (std::size_t i = 0; i < model.metrics.size(); ++i) {
        const auto& metric = model.metrics[i];
        connection.execute(
            "INSERT INTO tracking_model_metrics (model, key, at, step, run, bits, value, "
            "dataset_name, dataset_digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT "
            "DO NOTHING",
            {number, keys[i], metric.at_ms, metric.step,
             find_run(connection, project_id, metric.run_id).number, to_bits(metric.value),
             std::isnan(metric.value) ? 0.0 : metric.value, metric.dataset_name,
             metric.dataset_digest});
    }
    auto uri = connection.first("SELECT artifact_uri FROM tracking_models WHERE number = $1",
                                {number}, [](const sql::Row& row) { return row.string(0); });
    return {model.id, uri.value(), !there};
}

ImportedItems Service::import_logged_models(std::string_view project_id,
                                            const ImportLoggedModels& request) {
    api::require_whole_project("importing");
    if (request.items.size() > kModelsMax)
        fail_field("items", fmt::format("has {} items, at most {} are taken in one request",
                                        request.items.size(), kModelsMax));
    for (std::size_t i = 0; i < request.items.size(); ++i)
        check_model(fmt::format("items[{}]", i), request.items[i]);
    ensure_default_experiment(project_id);
    ImportedItems imported;
    database_.write([&](sql::Connection& connection) {
        imported.items.clear();
        for (const auto& model : request.items)
            imported.items.push_back(import_logged_model(connection, project_id, model));
    });
    for (auto& item : imported.items)
        item.artifact_folder = kept_folder(project_id, item.artifact_folder);
    return imported;
}

}  // namespace maru::tracking
