#pragma once

#include "api/operation.hpp"
#include "tracking/types.hpp"

/// Bringing over what another tracking server holds, with its ids and times. Every operation may be
/// repeated: what is there already stays as it is. Times are milliseconds since 1970, since other
/// servers keep any.
namespace maru::tracking {

struct ImportedExperiment {
    std::string id;  // in the project
    bool created = false;
};
BOOST_DESCRIBE_STRUCT(ImportedExperiment, (), (id, created))

struct ImportExperiment {
    std::string project, name;
    std::map<std::string, std::string> tags;
    bool deleted = false;
    std::int64_t created_at_ms = 0, updated_at_ms = 0;
};
BOOST_DESCRIBE_STRUCT(ImportExperiment, (),
                      (project, name, tags, deleted, created_at_ms, updated_at_ms))
MARU_REQUIRED(ImportExperiment, "name")
inline constexpr api::Operation<ImportExperiment, ImportedExperiment> import_experiment{
    .id = "import.experiment",
    .method = api::Method::post,
    .path = "/projects/{project}/import/experiments",
    .summary =
        "Bring over an experiment: one of that name gets the tags, otherwise it is made, deleted "
        "if it was",
    .permission = api::Permission::project_administer};

/// The points of one metric as columns of equal length.
struct ImportSeries {
    std::string key;
    std::vector<std::int64_t> steps, times_ms;
    std::vector<double> values;
};
BOOST_DESCRIBE_STRUCT(ImportSeries, (), (key, steps, times_ms, values))
MARU_REQUIRED(ImportSeries, "key", "steps", "times_ms", "values")

struct ImportModelLink {
    std::string model_id;
    std::int64_t step = 0;
};
BOOST_DESCRIBE_STRUCT(ImportModelLink, (), (model_id, step))
MARU_REQUIRED(ImportModelLink, "model_id")

struct ImportRun {
    std::string id, experiment_id, name, user;
    RunStatus status = RunStatus::FINISHED;
    std::int64_t started_at_ms = 0;
    std::optional<std::int64_t> ended_at_ms;
    bool deleted = false;
    std::map<std::string, std::string> parameters, tags;
    std::vector<DatasetInput> datasets;
    std::vector<ImportModelLink> model_inputs, model_outputs;
    std::vector<ImportSeries> metrics;
};
BOOST_DESCRIBE_STRUCT(ImportRun, (),
                      (id, experiment_id, name, user, status, started_at_ms, ended_at_ms, deleted,
                       parameters, tags, datasets, model_inputs, model_outputs, metrics))
MARU_REQUIRED(ImportRun, "id", "experiment_id", "status")

struct ImportRuns {
    std::string project;
    std::vector<ImportRun> items;
};
BOOST_DESCRIBE_STRUCT(ImportRuns, (), (project, items))
MARU_REQUIRED(ImportRuns, "items")

/// What came to be of a run or model, and the folder for its files below the project's artifacts.
struct ImportedItem {
    std::string id, artifact_folder;
    bool created = false;
};
BOOST_DESCRIBE_STRUCT(ImportedItem, (), (id, artifact_folder, created))
struct ImportedItems {
    std::vector<ImportedItem> items;
};
BOOST_DESCRIBE_STRUCT(ImportedItems, (), (items))
inline constexpr api::Operation<ImportRuns, ImportedItems> import_runs{
    .id = "import.runs",
    .method = api::Method::post,
    .path = "/projects/{project}/import/runs",
    .summary =
        "Bring over runs under their own ids, with what they logged; at most 100 runs and 20000 "
        "values a request. A run that is there is updated: tags and points are added, state and "
        "times taken over",
    .permission = api::Permission::project_administer,
    .audited = false};

struct ImportMetrics {
    std::string project, run;
    std::vector<ImportSeries> metrics;
};
BOOST_DESCRIBE_STRUCT(ImportMetrics, (), (project, run, metrics))
MARU_REQUIRED(ImportMetrics, "run", "metrics")
inline constexpr api::Operation<ImportMetrics, api::Nothing> import_metrics{
    .id = "import.metrics",
    .method = api::Method::post,
    .path = "/projects/{project}/import/metrics",
    .summary = "Bring over points of a run's metrics, at most 20000 a request",
    .permission = api::Permission::project_administer,
    .audited = false};

struct ImportModelMetric {
    std::string key, run_id, dataset_name, dataset_digest;
    std::int64_t step = 0, at_ms = 0;
    double value = 0;
};
BOOST_DESCRIBE_STRUCT(ImportModelMetric, (),
                      (key, run_id, dataset_name, dataset_digest, step, at_ms, value))
MARU_REQUIRED(ImportModelMetric, "key", "run_id", "value")

struct ImportLoggedModel {
    std::string id, experiment_id, name, model_type, status;
    std::optional<std::string> source_run_id;
    std::int64_t created_at_ms = 0, updated_at_ms = 0;
    bool deleted = false;
    std::map<std::string, std::string> parameters, tags;
    std::vector<ImportModelMetric> metrics;
};
BOOST_DESCRIBE_STRUCT(ImportLoggedModel, (),
                      (id, experiment_id, name, model_type, status, source_run_id, created_at_ms,
                       updated_at_ms, deleted, parameters, tags, metrics))
MARU_REQUIRED(ImportLoggedModel, "id", "experiment_id", "status")

struct ImportLoggedModels {
    std::string project;
    std::vector<ImportLoggedModel> items;
};
BOOST_DESCRIBE_STRUCT(ImportLoggedModels, (), (project, items))
MARU_REQUIRED(ImportLoggedModels, "items")
inline constexpr api::Operation<ImportLoggedModels, ImportedItems> import_logged_models{
    .id = "import.logged_models",
    .method = api::Method::post,
    .path = "/projects/{project}/import/logged-models",
    .summary =
        "Bring over models that runs logged under their own ids (m-...), at most 100 a request; "
        "the runs of their metrics must be there",
    .permission = api::Permission::project_administer,
    .audited = false};

struct ImportMarks {
    std::string project;
    std::map<std::string, std::string> items;
};
BOOST_DESCRIBE_STRUCT(ImportMarks, (), (project, items))
MARU_REQUIRED(ImportMarks, "items")
inline constexpr api::Operation<ImportMarks, api::Nothing> mark_imported{
    .id = "import.mark",
    .method = api::Method::post,
    .path = "/projects/{project}/import/marks",
    .summary =
        "Note that runs and logged models are brought over whole: for each id a text that stands "
        "for what its source looked like",
    .permission = api::Permission::project_administer,
    .audited = false};

struct FindMarks {
    std::string project;
    std::vector<std::string> ids;
};
BOOST_DESCRIBE_STRUCT(FindMarks, (), (project, ids))
MARU_REQUIRED(FindMarks, "ids")
struct ImportMarkList {
    std::map<std::string, std::string> items;
};
BOOST_DESCRIBE_STRUCT(ImportMarkList, (), (items))
inline constexpr api::Operation<FindMarks, ImportMarkList> find_import_marks{
    .id = "import.find_marks",
    .method = api::Method::post,
    .path = "/projects/{project}/import/marks/find",
    .summary = "Tell which of up to 1000 runs and logged models are brought over whole",
    .permission = api::Permission::project_administer,
    .audited = false};

}  // namespace maru::tracking
