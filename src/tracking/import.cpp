#include "base/error.hpp"
#include "base/text.hpp"
#include "tracking/import_operations.hpp"
#include "tracking/import_rows.hpp"
#include "tracking/service.hpp"
#include "tracking/validation.hpp"

namespace maru::tracking {
namespace {

constexpr std::size_t kRunsMax = 100, kValuesMax = 20'000, kMarksMax = 1000;

void check_count(std::string_view field, std::size_t count, std::size_t count_max) {
    if (count > count_max)
        fail_field(field, fmt::format("has {} items, at most {} are taken in one request", count,
                                      count_max));
}

/// Runs and models have ids that others gave them; they stand in paths of artifacts.
void check_id(std::string_view field, std::string_view id) {
    check_relative_path(field, id);
    if (id.size() > 64 || id.find('/') != std::string_view::npos)
        fail_field(field,
                   fmt::format("\"{}\" is no id: it must have no '/' and at most 64 bytes", id));
}

std::size_t check_series(std::string_view field, const ImportSeries& series) {
    check_key(series.key, fmt::format("{}.key", field));
    check_length(series.key, kKeyLengthMax, fmt::format("{}.key", field));
    if (series.steps.size() != series.values.size() ||
        series.times_ms.size() != series.values.size())
        fail_field(field,
                   fmt::format("metric \"{}\" has {} steps, {} times_ms and {} values; expected as "
                               "many of each",
                               series.key, series.steps.size(), series.times_ms.size(),
                               series.values.size()));
    return series.values.size();
}

void check_texts(std::string_view field, const std::map<std::string, std::string>& texts) {
    for (const auto& [key, value] : texts)
        check_tag(key, value, fmt::format("{}.key", field), kImportedTextMax);
}

std::size_t check_run(std::string_view field, const ImportRun& run) {
    check_id(fmt::format("{}.id", field), run.id);
    check_length(run.name, kTagLengthMax, fmt::format("{}.name", field));
    check_length(run.user, kTagLengthMax, fmt::format("{}.user", field));
    check_texts(fmt::format("{}.parameters", field), run.parameters);
    check_texts(fmt::format("{}.tags", field), run.tags);
    for (const auto& dataset : run.datasets)
        if (dataset.name.empty() || dataset.digest.empty())
            fail_field(fmt::format("{}.datasets", field), "a dataset needs a name and a digest");
    std::size_t values = run.parameters.size() + run.tags.size();
    for (std::size_t i = 0; i < run.metrics.size(); ++i)
        values += check_series(fmt::format("{}.metrics[{}]", field, i), run.metrics[i]);
    return values;
}

std::vector<NewMetric> points_of(const std::vector<ImportSeries>& metrics) {
    std::vector<NewMetric> points;
    for (const auto& series : metrics)
        for (std::size_t i = 0; i < series.values.size(); ++i)
            points.push_back({.key = series.key,
                              .value = series.values[i],
                              .at_ms = series.times_ms[i],
                              .step = series.steps[i],
                              .model_id = {},
                              .dataset_name = {},
                              .dataset_digest = {}});
    return points;
}

std::vector<std::pair<std::string, std::string>> pairs(
    const std::map<std::string, std::string>& map) {
    return {map.begin(), map.end()};
}

}  // namespace

ImportedExperiment Service::import_experiment(std::string_view project_id,
                                              const ImportExperiment& request) {
    api::require_whole_project("importing");
    check_experiment_name(request.name);
    for (const auto& [key, value] : request.tags)
        check_tag(key, value, "tags.key", kImportedTextMax);
    return database_.write([&](sql::Connection& connection) {
        struct Found {
            std::int64_t number, id;
        };
        auto find = [&] {
            return connection.first(
                "SELECT number, id FROM tracking_experiments WHERE project_id = $1 AND name = $2",
                {project_id, request.name},
                [](const sql::Row& row) { return Found{row.integer(0), row.integer(1)}; });
        };
        auto found = find();
        bool created = !found;
        if (created) {
            auto number = find_or_create_experiment(connection, project_id, request.name);
            connection.execute(
                "UPDATE tracking_experiments SET deleted = $1, created_at = $2, updated_at = $3 "
                "WHERE number = $4",
                {request.deleted, request.created_at_ms, request.updated_at_ms, number});
            found = find();
        }
        for (const auto& [key, value] : request.tags)
            connection.execute(
                "INSERT INTO tracking_experiment_tags (experiment, key, value) VALUES ($1, $2, $3) "
                "ON CONFLICT (experiment, key) DO UPDATE SET value = excluded.value",
                {found->number, key, value});
        return ImportedExperiment{std::to_string(found->id), created};
    });
}

ImportedItem Service::import_run(sql::Connection& connection, std::string_view project_id,
                                 const ImportRun& run, std::vector<NewMetric>& points,
                                 std::vector<std::int64_t>& keys, std::int64_t& number) {
    Experiment experiment = load_experiment(connection, project_id, run.experiment_id);
    auto there = find_imported(connection, "tracking_runs", project_id, run.id);
    if (!there) {
        // One that was removed here was whole once; the new one is not yet.
        connection.execute("DELETE FROM tracking_imports WHERE project_id = $1 AND id = $2",
                           {project_id, run.id});
        std::string location = experiment.artifact_location;
        while (location.ends_with('/')) location.pop_back();
        connection.query(
            "INSERT INTO tracking_runs (number, id, project_id, experiment, name, user_name, "
            "status, started_at, artifact_uri) VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM "
            "tracking_runs), $1, $2, $3, $4, $5, $6, $7, $8) RETURNING number",
            {run.id, project_id, experiment.number, run.name, run.user, enum_name(run.status),
             run.started_at_ms, fmt::format("{}/{}/artifacts", location, run.id)},
            [&](const sql::Row& row) { number = row.integer(0); });
    } else {
        number = *there;
    }
    Batch batch{.metrics = {}, .parameters = pairs(run.parameters), .tags = {}};
    insert_parameters(connection, run.id, number, batch);
    set_tags(connection, number, pairs(run.tags));
    connection.execute(
        "UPDATE tracking_runs SET name = $1, user_name = $2, status = $3, started_at = $4, "
        "ended_at = $5, deleted = $6, deleted_at = CASE WHEN $6 = 0 THEN NULL ELSE "
        "COALESCE(deleted_at, $7) END WHERE number = $8",
        {run.name, run.user, enum_name(run.status), run.started_at_ms, run.ended_at_ms, run.deleted,
         clock_.now(), number});
    insert_datasets(connection, number, experiment.number, run.datasets);
    for (bool output : {false, true})
        for (const auto& link : output ? run.model_outputs : run.model_inputs)
            connection.execute(
                "INSERT INTO tracking_model_links (run, is_output, model_id, step) VALUES ($1, $2, "
                "$3, $4) ON CONFLICT DO NOTHING",
                {number, output, link.model_id, link.step});
    points = points_of(run.metrics);
    keys = key_numbers(connection, points);
    insert_metrics(connection, number, points, keys);
    auto uri = connection.first("SELECT artifact_uri FROM tracking_runs WHERE number = $1",
                                {number}, [](const sql::Row& row) { return row.string(0); });
    return {run.id, uri.value(), !there};
}

ImportedItems Service::import_runs(std::string_view project_id, const ImportRuns& request) {
    api::require_whole_project("importing");
    check_count("items", request.items.size(), kRunsMax);
    std::size_t values = 0;
    for (std::size_t i = 0; i < request.items.size(); ++i)
        values += check_run(fmt::format("items[{}]", i), request.items[i]);
    check_count("items", values, kValuesMax);
    ensure_default_experiment(project_id);
    struct Logged {
        std::vector<NewMetric> points;
        std::vector<std::int64_t> keys;
        std::int64_t run = 0;
    };
    std::vector<Logged> logged(request.items.size());
    ImportedItems imported;
    database_.write([&](sql::Connection& connection) {
        imported.items.clear();
        for (std::size_t i = 0; i < request.items.size(); ++i)
            imported.items.push_back(import_run(connection, project_id, request.items[i],
                                                logged[i].points, logged[i].keys, logged[i].run));
    });
    for (const auto& run : logged) {
        remember_keys(run.points, run.keys);
        compactor_.appended(run.run, run.points.size());
    }
    for (auto& item : imported.items)
        item.artifact_folder = kept_folder(project_id, item.artifact_folder);
    return imported;
}

void Service::import_metrics(std::string_view project_id, const ImportMetrics& request) {
    api::require_whole_project("importing");
    std::size_t values = 0;
    for (std::size_t i = 0; i < request.metrics.size(); ++i)
        values += check_series(fmt::format("metrics[{}]", i), request.metrics[i]);
    check_count("metrics", values, kValuesMax);
    auto points = points_of(request.metrics);
    std::vector<std::int64_t> keys;
    std::int64_t number = 0;
    database_.write([&](sql::Connection& connection) {
        number = find_run(connection, project_id, request.run).number;
        keys = key_numbers(connection, points);
        insert_metrics(connection, number, points, keys);
    });
    remember_keys(points, keys);
    compactor_.appended(number, points.size());
}

std::string Service::kept_folder(std::string_view project_id, const std::string& uri) {
    try {
        return artifact_folder(project_id, uri);
    } catch (const Error& error) {
        // The experiment has its artifacts elsewhere: there is no folder here to put files into.
        if (error.code() == ErrorCode::failed_precondition) return "";
        throw;
    }
}

void Service::mark_imported(std::string_view project_id, const ImportMarks& request) {
    api::require_whole_project("importing");
    check_count("items", request.items.size(), kMarksMax);
    for (const auto& [id, mark] : request.items) {
        check_id("items", id);
        check_length(mark, 200, "items");
    }
    database_.write([&](sql::Connection& connection) {
        for (const auto& [id, mark] : request.items)
            connection.execute(
                "INSERT INTO tracking_imports (project_id, id, mark) VALUES ($1, $2, $3) ON "
                "CONFLICT (project_id, id) DO UPDATE SET mark = excluded.mark",
                {project_id, id, mark});
    });
}

ImportMarkList Service::find_import_marks(std::string_view project_id, const FindMarks& request) {
    api::require_whole_project("importing");
    check_count("ids", request.ids.size(), kMarksMax);
    ImportMarkList found;
    database_.read([&](sql::Connection& connection) {
        for (const auto& id : request.ids)
            connection.query(
                "SELECT mark FROM tracking_imports i WHERE project_id = $1 AND id = $2 AND (EXISTS "
                "(SELECT 1 FROM tracking_runs WHERE id = i.id) OR EXISTS (SELECT 1 FROM "
                "tracking_models WHERE id = i.id))",
                {project_id, id}, [&](const sql::Row& row) { found.items[id] = row.string(0); });
    });
    return found;
}

}  // namespace maru::tracking
