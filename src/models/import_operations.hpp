#pragma once

#include "api/operation.hpp"
#include "models/types.hpp"

namespace maru::models {

/// A version as another registry has it. Times are milliseconds since 1970.
struct ImportVersion {
    std::int64_t version = 0;
    VersionState state = VersionState::READY;
    std::string source;  // as it was registered there
    std::string files;   // where its files are now: runs:/..., models:/m-..., mlflow-artifacts:/...
    std::optional<std::string> run_id;
    std::string run_link, model_id, description, user, stage = "None";
    std::int64_t created_at_ms = 0, updated_at_ms = 0;
    std::map<std::string, std::string> tags;
};
BOOST_DESCRIBE_STRUCT(ImportVersion, (),
                      (version, state, source, files, run_id, run_link, model_id, description, user,
                       stage, created_at_ms, updated_at_ms, tags))
MARU_REQUIRED(ImportVersion, "version", "source")

struct ImportModel {
    std::string project, name, description;
    std::map<std::string, std::string> tags;
    std::map<std::string, std::int64_t> aliases;
    std::int64_t created_at_ms = 0, updated_at_ms = 0;
    std::vector<ImportVersion> versions;
};
BOOST_DESCRIBE_STRUCT(ImportModel, (),
                      (project, name, description, tags, aliases, created_at_ms, updated_at_ms,
                       versions))
MARU_REQUIRED(ImportModel, "name")

struct ImportedModel {
    bool created = false;
    std::int64_t versions_created = 0;
};
BOOST_DESCRIBE_STRUCT(ImportedModel, (), (created, versions_created))
inline constexpr api::Operation<ImportModel, ImportedModel> import_model{
    .id = "import.model",
    .method = api::Method::post,
    .path = "/projects/{project}/import/models",
    .summary =
        "Bring over a registered model with its versions under their own numbers, at most 1000 a "
        "request; may be repeated, and adds what is missing",
    .permission = api::Permission::project_administer};

}  // namespace maru::models
