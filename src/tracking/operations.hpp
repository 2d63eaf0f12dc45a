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

struct NameRun {
    std::string project, id;
};
BOOST_DESCRIBE_STRUCT(NameRun, (), (project, id))
inline constexpr api::Operation<NameRun, Run> get_run{.id = "runs.get",
                                                      .method = api::Method::get,
                                                      .path = "/projects/{project}/runs/{id}",
                                                      .summary = "Show one run",
                                                      .permission = api::Permission::tracking_read};

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

struct NameArtifact {
    std::string project, id, path;
};
BOOST_DESCRIBE_STRUCT(NameArtifact, (), (project, id, path))
inline constexpr api::Operation<NameArtifact, ArtifactList> list_artifacts{
    .id = "runs.artifacts",
    .method = api::Method::get,
    .path = "/projects/{project}/runs/{id}/artifacts",
    .summary = "List one folder of a run's artifacts",
    .permission = api::Permission::tracking_read};
inline constexpr api::Operation<NameArtifact, api::Raw> read_artifact{
    .id = "runs.artifact_content",
    .method = api::Method::get,
    .path = "/projects/{project}/runs/{id}/artifacts/content",
    .summary = "Read one artifact's bytes; ranges are supported",
    .permission = api::Permission::tracking_read,
    .media_type = "application/octet-stream"};

}  // namespace maru::tracking
