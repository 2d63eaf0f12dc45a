#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/reflection.hpp"

/// The parts of MLflow's messages that are read.
namespace maru::transfer::wire {

struct Pair {
    std::string key;
    std::optional<std::string> value;
};
BOOST_DESCRIBE_STRUCT(Pair, (), (key, value))

struct Experiment {
    std::string experiment_id, name, lifecycle_stage;
    std::int64_t creation_time = 0, last_update_time = 0;
    std::vector<Pair> tags;
};
BOOST_DESCRIBE_STRUCT(Experiment, (),
                      (experiment_id, name, lifecycle_stage, creation_time, last_update_time, tags))
struct Experiments {
    std::vector<Experiment> experiments;
    std::string next_page_token;
};
BOOST_DESCRIBE_STRUCT(Experiments, (), (experiments, next_page_token))

struct Metric {
    std::string key;
    std::optional<std::string> run_id;
    double value = 0;
    std::int64_t timestamp = 0, step = 0;
    std::optional<std::string> dataset_name, dataset_digest;
};
BOOST_DESCRIBE_STRUCT(Metric, (),
                      (key, run_id, value, timestamp, step, dataset_name, dataset_digest))
struct Metrics {
    std::vector<Metric> metrics;
    std::string next_page_token;
};
BOOST_DESCRIBE_STRUCT(Metrics, (), (metrics, next_page_token))

struct RunInfo {
    std::string run_id, run_uuid, run_name, user_id, status, lifecycle_stage, artifact_uri;
    std::int64_t start_time = 0;
    std::optional<std::int64_t> end_time;
};
BOOST_DESCRIBE_STRUCT(RunInfo, (),
                      (run_id, run_uuid, run_name, user_id, status, lifecycle_stage, artifact_uri,
                       start_time, end_time))
struct RunData {
    std::vector<Metric> metrics;
    std::vector<Pair> params, tags;
};
BOOST_DESCRIBE_STRUCT(RunData, (), (metrics, params, tags))
struct Dataset {
    std::string name, digest, source_type, source, schema, profile;
};
BOOST_DESCRIBE_STRUCT(Dataset, (), (name, digest, source_type, source, schema, profile))
struct DatasetInput {
    std::vector<Pair> tags;
    Dataset dataset;
};
BOOST_DESCRIBE_STRUCT(DatasetInput, (), (tags, dataset))
struct ModelLink {
    std::string model_id;
    std::int64_t step = 0;
};
BOOST_DESCRIBE_STRUCT(ModelLink, (), (model_id, step))
struct RunInputs {
    std::vector<DatasetInput> dataset_inputs;
    std::vector<ModelLink> model_inputs;
};
BOOST_DESCRIBE_STRUCT(RunInputs, (), (dataset_inputs, model_inputs))
struct RunOutputs {
    std::vector<ModelLink> model_outputs;
};
BOOST_DESCRIBE_STRUCT(RunOutputs, (), (model_outputs))
struct Run {
    RunInfo info;
    RunData data;
    RunInputs inputs;
    RunOutputs outputs;
};
BOOST_DESCRIBE_STRUCT(Run, (), (info, data, inputs, outputs))
struct OneRun {
    Run run;
};
BOOST_DESCRIBE_STRUCT(OneRun, (), (run))
struct Runs {
    std::vector<Run> runs;
    std::string next_page_token;
};
BOOST_DESCRIBE_STRUCT(Runs, (), (runs, next_page_token))

struct LoggedModelInfo {
    std::string model_id, name, artifact_uri, status, model_type, source_run_id;
    std::int64_t creation_timestamp_ms = 0, last_updated_timestamp_ms = 0;
    std::vector<Pair> tags;
};
BOOST_DESCRIBE_STRUCT(LoggedModelInfo, (),
                      (model_id, name, artifact_uri, status, model_type, source_run_id,
                       creation_timestamp_ms, last_updated_timestamp_ms, tags))
struct LoggedModelData {
    std::vector<Pair> params;
    std::vector<Metric> metrics;
};
BOOST_DESCRIBE_STRUCT(LoggedModelData, (), (params, metrics))
struct LoggedModel {
    LoggedModelInfo info;
    LoggedModelData data;
};
BOOST_DESCRIBE_STRUCT(LoggedModel, (), (info, data))
struct LoggedModels {
    std::vector<LoggedModel> models;
    std::string next_page_token;
};
BOOST_DESCRIBE_STRUCT(LoggedModels, (), (models, next_page_token))

struct Alias {
    std::string alias;
    std::int64_t version = 0;
};
BOOST_DESCRIBE_STRUCT(Alias, (), (alias, version))
struct RegisteredModel {
    std::string name, description;
    std::int64_t creation_timestamp = 0, last_updated_timestamp = 0;
    std::vector<Pair> tags;
    std::vector<Alias> aliases;
};
BOOST_DESCRIBE_STRUCT(RegisteredModel, (),
                      (name, description, creation_timestamp, last_updated_timestamp, tags,
                       aliases))
struct RegisteredModels {
    std::vector<RegisteredModel> registered_models;
    std::string next_page_token;
};
BOOST_DESCRIBE_STRUCT(RegisteredModels, (), (registered_models, next_page_token))
struct ModelVersion {
    std::string name, status, source, run_id, run_link, model_id, description, user_id,
        current_stage;
    std::int64_t version = 0, creation_timestamp = 0, last_updated_timestamp = 0;
    std::vector<Pair> tags;
};
BOOST_DESCRIBE_STRUCT(ModelVersion, (),
                      (name, status, source, run_id, run_link, model_id, description, user_id,
                       current_stage, version, creation_timestamp, last_updated_timestamp, tags))
struct ModelVersions {
    std::vector<ModelVersion> model_versions;
    std::string next_page_token;
};
BOOST_DESCRIBE_STRUCT(ModelVersions, (), (model_versions, next_page_token))
struct DownloadUri {
    std::string artifact_uri;
};
BOOST_DESCRIBE_STRUCT(DownloadUri, (), (artifact_uri))

struct File {
    std::string path;
    bool is_dir = false;
    std::int64_t file_size = 0;
};
BOOST_DESCRIBE_STRUCT(File, (), (path, is_dir, file_size))
struct Files {
    std::vector<File> files;
};
BOOST_DESCRIBE_STRUCT(Files, (), (files))

struct Problem {
    std::string error_code, message;
};
BOOST_DESCRIBE_STRUCT(Problem, (), (error_code, message))

}  // namespace maru::transfer::wire
