#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/reflection.hpp"
#include "base/time.hpp"

/// The registry: names for models, their numbered versions, and aliases that point at versions.
namespace maru::models {

enum class VersionState { PENDING_REGISTRATION, FAILED_REGISTRATION, READY };
BOOST_DESCRIBE_ENUM(VersionState, PENDING_REGISTRATION, FAILED_REGISTRATION, READY)

struct ModelVersion {
    std::string model;
    std::int64_t version = 0;
    VersionState state = VersionState::READY;
    std::string source;  // as it was registered: runs:/..., models:/m-..., mlflow-artifacts:/...
    std::optional<std::string> run_id;
    std::string description;
    std::vector<std::string> aliases;
    std::map<std::string, std::string> tags;
    std::vector<std::string> flavors;  // of its MLmodel file
    std::int64_t size_bytes = 0;       // of all its files
    Time created_at{};

    std::int64_t number = 0;  // key of its row
    Time updated_at{};
    std::string user, stage, run_link, model_id;
    std::string artifact_uri;  // where its files are, source resolved
};
BOOST_DESCRIBE_STRUCT(ModelVersion, (),
                      (model, version, state, source, run_id, description, aliases, tags, flavors,
                       size_bytes, created_at))

struct Model {
    std::string name, description;
    std::optional<std::int64_t> latest_version;
    std::map<std::string, std::int64_t> aliases;
    std::map<std::string, std::string> tags;
    Time created_at{}, updated_at{};

    std::int64_t number = 0;  // key of its row
};
BOOST_DESCRIBE_STRUCT(Model, (),
                      (name, description, latest_version, aliases, tags, created_at, updated_at))

/// What a model's MLmodel file says.
struct ModelFile {
    std::map<std::string, Json> flavors;  // name and what it says, as JSON
    std::optional<Json> signature;        // {"inputs": [...], "outputs": [...], "params": ...}
    std::optional<std::string> input_example_path;  // beside MLmodel, in MLflow's split form
    std::optional<std::string> serving_input_path;  // beside MLmodel: a request body for scoring
    std::optional<std::string> model_uuid, mlflow_version;
};

}  // namespace maru::models
