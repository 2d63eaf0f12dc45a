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
    std::string artifact_uri;
    std::vector<DatasetInput> datasets;
    std::vector<ModelLink> model_inputs, model_outputs;
};
BOOST_DESCRIBE_STRUCT(Run, (),
                      (id, name, experiment_id, experiment_name, status, user, started_at, ended_at,
                       job_id, metrics, parameters, tags))

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

struct ArtifactEntry {
    std::string path;  // from the root of the run's artifacts
    bool is_directory = false;
    std::int64_t size_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(ArtifactEntry, (), (path, is_directory, size_bytes))

struct ArtifactList {
    std::vector<ArtifactEntry> items;
};
BOOST_DESCRIBE_STRUCT(ArtifactList, (), (items))

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

}  // namespace maru::tracking
