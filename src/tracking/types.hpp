#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/reflection.hpp"
#include "base/time.hpp"

/// Experiments and their runs: what was tried, with which parameters, and what came out.
namespace maru::tracking {

struct Experiment {
    std::string id;  // a small number, counted per project; "0" is Default
    std::string name;
    std::string artifact_location;
    Time created_at{}, updated_at{};
    std::int64_t run_count = 0;
    std::map<std::string, std::string> tags;

    std::int64_t number = 0;  // key of its row
    bool deleted = false;
};
BOOST_DESCRIBE_STRUCT(Experiment, (),
                      (id, name, artifact_location, created_at, updated_at, run_count, tags))

enum class RunStatus { RUNNING, SCHEDULED, FINISHED, FAILED, KILLED };
BOOST_DESCRIBE_ENUM(RunStatus, RUNNING, SCHEDULED, FINISHED, FAILED, KILLED)

constexpr bool is_final(RunStatus status) {
    return status != RunStatus::RUNNING && status != RunStatus::SCHEDULED;
}

/// The latest value of a metric: of the highest step, then time, then value.
struct LatestMetric {
    double value = 0;
    std::int64_t step = 0;
    Time at{};
};
BOOST_DESCRIBE_STRUCT(LatestMetric, (), (value, step, at))

struct DatasetInput {
    std::string name, digest, source_type, source, schema, profile;
    std::map<std::string, std::string> tags;
};
BOOST_DESCRIBE_STRUCT(DatasetInput, (), (name, digest, source_type, source, schema, profile, tags))

/// A logged model that a run read (step 0) or made.
struct ModelLink {
    std::string model_id;
    std::int64_t step = 0;
};

struct Run {
    std::string id, name, experiment_id, experiment_name;
    RunStatus status = RunStatus::RUNNING;
    std::string user;
    Time started_at{};
    std::optional<Time> ended_at;
    std::optional<std::string> job_id;  // the workload that it belongs to
    std::map<std::string, LatestMetric> metrics;
    std::map<std::string, std::string> parameters;
    std::map<std::string, std::string> tags;

    std::int64_t number = 0;  // key of its row
    bool deleted = false;
    std::int64_t child_count = 0;  // runs nested in it, where a search asked
    std::string artifact_uri;
    std::vector<DatasetInput> datasets;
    std::vector<ModelLink> model_inputs, model_outputs;
};
BOOST_DESCRIBE_STRUCT(Run, (),
                      (id, name, experiment_id, experiment_name, status, user, started_at, ended_at,
                       job_id, metrics, parameters, tags))

/// A run as a row of a table: the columns that were asked for, the latest values of metrics.
struct RunRow {
    std::string id, name;
    RunStatus status = RunStatus::RUNNING;
    std::string user;
    Time started_at{};
    std::optional<Time> ended_at;
    std::optional<std::string> job_id;
    std::int64_t child_count = 0;
    std::map<std::string, double> metrics;
    std::map<std::string, std::string> parameters, tags;
};
BOOST_DESCRIBE_STRUCT(RunRow, (),
                      (id, name, status, user, started_at, ended_at, job_id, child_count, metrics,
                       parameters, tags))

struct RunRows {
    std::vector<RunRow> items;
    std::optional<std::string> next_page_token;
    std::int64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(RunRows, (), (items, next_page_token, total))

/// The keys of what the runs of an experiment logged.
struct RunColumns {
    std::vector<std::string> metrics, parameters, tags;
    bool complete = true;  // false: there are more than were asked for
};
BOOST_DESCRIBE_STRUCT(RunColumns, (), (metrics, parameters, tags, complete))

struct ColumnValue {
    std::string value;
    std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(ColumnValue, (), (value, count))

/// What a metric's latest values are in a group of runs; NaN counts nowhere.
struct MetricSummary {
    std::int64_t count = 0;
    double mean = 0, least = 0, greatest = 0;
    std::string least_run, greatest_run;  // ids
};
BOOST_DESCRIBE_STRUCT(MetricSummary, (), (count, mean, least, greatest, least_run, greatest_run))

/// Runs that have the same in the columns that they are grouped by.
struct RunGroup {
    std::vector<std::optional<std::string>> values;  // none: the runs have nothing there
    std::int64_t count = 0;
    std::map<std::string, MetricSummary> metrics;
};
BOOST_DESCRIBE_STRUCT(RunGroup, (), (values, count, metrics))

struct RunGroups {
    std::vector<RunGroup> items;
    std::int64_t total = 0;  // groups
    std::int64_t run_count = 0;
};
BOOST_DESCRIBE_STRUCT(RunGroups, (), (items, total, run_count))

/// A named look at an experiment, shared in the project: the state is the page's own, as text.
struct RunView {
    std::string name, user, state;
    Time created_at{}, updated_at{};
};
BOOST_DESCRIBE_STRUCT(RunView, (), (name, user, state, created_at, updated_at))

struct MetricPoint {
    std::int64_t step = 0;
    Time at{};
    double value = 0;
    bool operator==(const MetricPoint&) const = default;
};
BOOST_DESCRIBE_STRUCT(MetricPoint, (), (step, at, value))

struct MetricHistory {
    std::string key;
    std::vector<MetricPoint> points;
    std::int64_t total = 0;  // points that were logged
};
BOOST_DESCRIBE_STRUCT(MetricHistory, (), (key, points, total))

/// A thinned history as columns, which is compact; `run` is an id.
struct MetricSeries {
    std::string run, key;
    std::vector<std::int64_t> steps, times_ms;
    std::vector<double> values;
    std::int64_t total = 0;  // points that were logged
};
BOOST_DESCRIBE_STRUCT(MetricSeries, (), (run, key, steps, times_ms, values, total))

struct ArtifactEntry {
    std::string path;  // from the root of the run's artifacts
    bool is_directory = false;
    std::int64_t size_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(ArtifactEntry, (), (path, is_directory, size_bytes))

/// One stored file of a folder of artifacts; its bytes are the blob of that digest.
struct ArtifactFile {
    std::string path;  // from the folder
    std::string sha256;
    std::int64_t size_bytes = 0;
};

/// A model as a run (or nobody) logged it, before any registration: MLflow's "logged model", m-....
struct LoggedModel {
    std::string id, experiment_id, name, model_type, artifact_uri;
    std::optional<std::string> source_run_id;
    std::string status;  // LOGGED_MODEL_PENDING, LOGGED_MODEL_READY, LOGGED_MODEL_UPLOAD_FAILED
    Time created_at{}, updated_at{};
    std::map<std::string, std::string> parameters, tags;

    struct Metric {
        std::string key, run_id, dataset_name, dataset_digest;
        MetricPoint point;
    };
    std::vector<Metric> metrics;
    std::int64_t number = 0;
    bool deleted = false;
};
BOOST_DESCRIBE_STRUCT(LoggedModel::Metric, (), (key, run_id, dataset_name, dataset_digest, point))
BOOST_DESCRIBE_STRUCT(LoggedModel, (),
                      (id, experiment_id, name, model_type, artifact_uri, source_run_id, status,
                       created_at, updated_at, parameters, tags, metrics))

}  // namespace maru::tracking
