#pragma once

#include "api/operation.hpp"
#include "tracking/types.hpp"

namespace maru::tracking {

struct ListExperiments {
    std::string project, page_token;
    std::int64_t page_size = 0;
};
BOOST_DESCRIBE_STRUCT(ListExperiments, (), (project, page_token, page_size))
inline constexpr api::Operation<ListExperiments, api::Page<Experiment>> list_experiments{
    .id = "experiments.list",
    .method = api::Method::get,
    .path = "/projects/{project}/experiments",
    .summary = "List experiments, the newest first",
    .permission = api::Permission::tracking_read};

struct ListRuns {
    std::string project, experiment, filter, order_by, page_token;
    std::int64_t page_size = 0;
};
BOOST_DESCRIBE_STRUCT(ListRuns, (), (project, experiment, filter, order_by, page_token, page_size))
inline constexpr api::Operation<ListRuns, api::Page<Run>> list_runs{
    .id = "runs.list",
    .method = api::Method::get,
    .path = "/projects/{project}/runs",
    .summary =
        "List runs, the newest first; experiment is an id or a name, filter is in MLflow's "
        "grammar (\"metrics.accuracy > 0.9 and params.depth = '3'\"), order_by a field of it",
    .permission = api::Permission::tracking_read};

struct SearchRuns {
    std::string project, experiment, filter;
    std::vector<std::string> order_by, columns;
    std::string page_token;
    std::int64_t page_size = 0, offset = 0;
    bool children = false;
};
BOOST_DESCRIBE_STRUCT(SearchRuns, (),
                      (project, experiment, filter, order_by, columns, page_token, page_size,
                       offset, children))
inline constexpr api::Operation<SearchRuns, RunRows> search_runs{
    .id = "runs.search",
    .method = api::Method::post,
    .path = "/projects/{project}/experiments/{experiment}/runs/search",
    .summary =
        "Search an experiment's runs, with only those columns of what they logged that are named "
        "(\"metrics.loss\", \"params.lr\", \"tags.team\"), up to 10000 a page, and count them; "
        "order_by takes several fields, newest first without one; parameters and tags that are "
        "numbers are ordered as such",
    .permission = api::Permission::tracking_read,
    .audited = false};

struct GroupRuns {
    std::string project, experiment, filter;
    std::vector<std::string> by, metrics;
    std::string order_by;
    std::int64_t groups = 100;
};
BOOST_DESCRIBE_STRUCT(GroupRuns, (), (project, experiment, filter, by, metrics, order_by, groups))
MARU_REQUIRED(GroupRuns, "by")
inline constexpr api::Operation<GroupRuns, RunGroups> group_runs{
    .id = "runs.group",
    .method = api::Method::post,
    .path = "/projects/{project}/experiments/{experiment}/runs/group",
    .summary =
        "Group an experiment's runs by parameters, tags or attributes, with the count, mean, least "
        "and greatest of metrics, and the runs that have those; the largest groups first, or, with "
        "order_by \"metrics.loss ASC\", those with the best run",
    .permission = api::Permission::tracking_read,
    .audited = false};

struct ListRunColumns {
    std::string project, experiment, part;
    std::int64_t limit = 1000;
};
BOOST_DESCRIBE_STRUCT(ListRunColumns, (), (project, experiment, part, limit))
inline constexpr api::Operation<ListRunColumns, RunColumns> list_run_columns{
    .id = "runs.columns",
    .method = api::Method::get,
    .path = "/projects/{project}/experiments/{experiment}/columns",
    .summary =
        "List the metrics, parameters and tags that an experiment's runs have logged, at most "
        "`limit` of each whose name has the part in it",
    .permission = api::Permission::tracking_read};

struct ListColumnValues {
    std::string project, experiment, column, part;
    std::int64_t limit = 100;
};
BOOST_DESCRIBE_STRUCT(ListColumnValues, (), (project, experiment, column, part, limit))
MARU_REQUIRED(ListColumnValues, "column")
inline constexpr api::Operation<ListColumnValues, api::Page<ColumnValue>> list_column_values{
    .id = "runs.values",
    .method = api::Method::get,
    .path = "/projects/{project}/experiments/{experiment}/values",
    .summary =
        "List the values of one parameter, tag or attribute (\"params.lr\") in an experiment, the "
        "most frequent first",
    .permission = api::Permission::tracking_read};

struct NameExperiment {
    std::string project, experiment;
};
BOOST_DESCRIBE_STRUCT(NameExperiment, (), (project, experiment))
inline constexpr api::Operation<NameExperiment, api::Page<RunView>> list_views{
    .id = "views.list",
    .method = api::Method::get,
    .path = "/projects/{project}/experiments/{experiment}/views",
    .summary = "List the saved views of an experiment by name",
    .permission = api::Permission::tracking_read};
struct PutView {
    std::string project, experiment, name, state;
};
BOOST_DESCRIBE_STRUCT(PutView, (), (project, experiment, name, state))
MARU_REQUIRED(PutView, "state")
inline constexpr api::Operation<PutView, RunView> put_view{
    .id = "views.put",
    .method = api::Method::put,
    .path = "/projects/{project}/experiments/{experiment}/views/{name}",
    .summary =
        "Save a view of an experiment for the project, or change it; state is what follows "
        "the ? in the address of its page",
    .permission = api::Permission::tracking_write};
struct NameView {
    std::string project, experiment, name;
};
BOOST_DESCRIBE_STRUCT(NameView, (), (project, experiment, name))
inline constexpr api::Operation<NameView, api::Nothing> delete_view{
    .id = "views.delete",
    .method = api::Method::delete_,
    .path = "/projects/{project}/experiments/{experiment}/views/{name}",
    .summary = "Remove a saved view",
    .permission = api::Permission::tracking_write};

struct NameRun {
    std::string project, id;
};
BOOST_DESCRIBE_STRUCT(NameRun, (), (project, id))
inline constexpr api::Operation<NameRun, Run> get_run{.id = "runs.get",
                                                      .method = api::Method::get,
                                                      .path = "/projects/{project}/runs/{id}",
                                                      .summary = "Show one run",
                                                      .permission = api::Permission::tracking_read};

inline constexpr api::Operation<NameRun, api::Nothing> delete_run{
    .id = "runs.delete",
    .method = api::Method::delete_,
    .path = "/projects/{project}/runs/{id}",
    .summary = "Delete a run; it can be restored until it is removed for good",
    .permission = api::Permission::tracking_write};
inline constexpr api::Operation<NameRun, Run> restore_run{
    .id = "runs.restore",
    .method = api::Method::post,
    .path = "/projects/{project}/runs/{id}/restore",
    .summary = "Restore a deleted run",
    .permission = api::Permission::tracking_write};
inline constexpr api::Operation<NameRun, api::Nothing> remove_run{
    .id = "runs.remove",
    .method = api::Method::post,
    .path = "/projects/{project}/runs/{id}/remove",
    .summary = "Remove a run for good, with its metrics and artifacts",
    .permission = api::Permission::project_administer};

struct ReadMetric {
    std::string project, id, key;
    std::int64_t points = 1000;
};
BOOST_DESCRIBE_STRUCT(ReadMetric, (), (project, id, key, points))
inline constexpr api::Operation<ReadMetric, MetricHistory> read_metric{
    .id = "runs.metric",
    .method = api::Method::get,
    .path = "/projects/{project}/runs/{id}/metrics/{key}",
    .summary =
        "Read a metric's history by step, thinned to so many points that keep its extremes; a "
        "'/' in the key is %2F",
    .permission = api::Permission::tracking_read};

struct ReadMetrics {
    std::string project;
    std::vector<std::string> runs, keys;
    std::int64_t points = 500;
};
BOOST_DESCRIBE_STRUCT(ReadMetrics, (), (project, runs, keys, points))
MARU_REQUIRED(ReadMetrics, "runs", "keys")
struct MetricSeriesList {
    std::vector<MetricSeries> items;
};
BOOST_DESCRIBE_STRUCT(MetricSeriesList, (), (items))
inline constexpr api::Operation<ReadMetrics, MetricSeriesList> read_metrics{
    .id = "runs.metrics",
    .method = api::Method::post,
    .path = "/projects/{project}/metrics/read",
    .summary =
        "Read the histories of several metrics of several runs by step, each thinned to so many "
        "points that keep its extremes; what a run did not log is left out",
    .permission = api::Permission::tracking_read,
    .audited = false};

inline constexpr api::Operation<NameRun, api::Page<LoggedModel>> list_logged_models{
    .id = "runs.models",
    .method = api::Method::get,
    .path = "/projects/{project}/runs/{id}/models",
    .summary = "List the models that a run logged, registered or not",
    .permission = api::Permission::tracking_read};
struct RunInputs {
    std::vector<DatasetInput> datasets;
};
BOOST_DESCRIBE_STRUCT(RunInputs, (), (datasets))
inline constexpr api::Operation<NameRun, RunInputs> read_inputs{
    .id = "runs.inputs",
    .method = api::Method::get,
    .path = "/projects/{project}/runs/{id}/inputs",
    .summary = "Show the datasets that a run read",
    .permission = api::Permission::tracking_read};

struct ListArtifacts {
    std::string project, id, path, page_token;
    std::int64_t page_size = 0;
};
BOOST_DESCRIBE_STRUCT(ListArtifacts, (), (project, id, path, page_token, page_size))
inline constexpr api::Operation<ListArtifacts, api::Page<ArtifactEntry>> list_artifacts{
    .id = "runs.artifacts",
    .method = api::Method::get,
    .path = "/projects/{project}/runs/{id}/artifacts",
    .summary = "List one folder of a run's artifacts, by name; 1000 a page unless page_size is set",
    .permission = api::Permission::tracking_read};
struct NameArtifact {
    std::string project, id, path;
    bool scripts = false;
};
BOOST_DESCRIBE_STRUCT(NameArtifact, (), (project, id, path, scripts))
inline constexpr api::Operation<NameArtifact, api::Raw> read_artifact{
    .id = "runs.artifact_content",
    .method = api::Method::get,
    .path = "/projects/{project}/runs/{id}/artifacts/content",
    .summary =
        "Read one artifact's bytes; ranges are supported. With scripts a page may run its own, in "
        "an "
        "origin of its own and without network",
    .permission = api::Permission::tracking_read,
    .media_type = "application/octet-stream"};

}  // namespace maru::tracking
