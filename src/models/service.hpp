#pragma once

#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/api.hpp"
#include "blob/blob_store.hpp"
#include "models/operations.hpp"
#include "models/types.hpp"
#include "sql/database.hpp"
#include "tracking/service.hpp"

namespace maru::models {

struct NewVersion {
    std::string model, source, description, run_link, user;
    std::optional<std::string> run_id;
    std::string model_id;  // of the logged model that it is made of, if any
    std::map<std::string, std::string> tags;
};

/// The model registry of all projects. A version's files are the artifacts that its source names;
/// nothing is copied.
///
/// Lifetime: the server's. Threads: any. Every function is about one project and sees nothing of
/// others. Errors: not_found, invalid_argument, already_exists in MLflow's words.
class Service {
  public:
    Service(sql::Database& database, blob::BlobStore& blobs, tracking::Service& tracking,
            const Clock& clock);

    // Models.
    Model create_model(std::string_view project_id, const std::string& name,
                       const std::string& description,
                       const std::map<std::string, std::string>& tags);
    Model get_model(std::string_view project_id, std::string_view name);
    Model rename_model(std::string_view project_id, std::string_view name,
                       const std::string& new_name);
    Model describe_model(std::string_view project_id, std::string_view name,
                         const std::string& description);
    void delete_model(std::string_view project_id, std::string_view name);
    void set_model_tag(std::string_view project_id, std::string_view name, const std::string& key,
                       const std::string& value);
    void delete_model_tag(std::string_view project_id, std::string_view name, std::string_view key);
    api::Page<Model> search_models(std::string_view project_id, const tracking::Search& search);

    // Versions.
    ModelVersion create_version(std::string_view project_id, const NewVersion& version);
    /// Throws not_found.
    ModelVersion get_version(std::string_view project_id, std::string_view model,
                             std::int64_t version);
    /// By a version's number ("3"), an alias ("champion") or "latest".
    ModelVersion resolve_version(std::string_view project_id, std::string_view model,
                                 std::string_view version_or_alias);
    ModelVersion get_version_by_alias(std::string_view project_id, std::string_view model,
                                      std::string_view alias);
    ModelVersion describe_version(std::string_view project_id, std::string_view model,
                                  std::int64_t version, const std::string& description);
    ModelVersion set_version_stage(std::string_view project_id, std::string_view model,
                                   std::int64_t version, const std::string& stage,
                                   bool archive_others);
    void delete_version(std::string_view project_id, std::string_view model, std::int64_t version);
    void set_version_tag(std::string_view project_id, std::string_view model, std::int64_t version,
                         const std::string& key, const std::string& value);
    void delete_version_tag(std::string_view project_id, std::string_view model,
                            std::int64_t version, std::string_view key);
    api::Page<ModelVersion> search_versions(std::string_view project_id,
                                            const tracking::Search& search);
    /// The newest version of each stage (of MLflow's stages), or of those asked for.
    std::vector<ModelVersion> latest_versions(std::string_view project_id, std::string_view model,
                                              const std::vector<std::string>& stages);

    // Aliases.
    void set_alias(std::string_view project_id, std::string_view model, const std::string& alias,
                   std::int64_t version);
    void delete_alias(std::string_view project_id, std::string_view model, std::string_view alias);

    // Files.
    /// All files of a version, with paths from its root ("MLmodel", "model.onnx").
    std::vector<tracking::ArtifactFile> files(std::string_view project_id, std::string_view model,
                                              std::int64_t version);
    /// What its MLmodel file says; nothing if it has none.
    std::optional<ModelFile> model_file(std::string_view project_id, const ModelVersion& version);
    /// The content of one of a version's small files; throws not_found.
    std::string read_file(std::string_view project_id, const ModelVersion& version,
                          std::string_view path, std::size_t bytes_max = 16u << 20);
    /// Fills flavors and size_bytes, which take reading its files.
    void add_file_facts(std::string_view project_id, ModelVersion& version);

  private:
    struct Source {
        std::string artifact_uri;
        std::optional<std::string> run_id;
        std::string model_id;
    };
    Source resolve_source(std::string_view project_id, const NewVersion& version);
    Model load_model(sql::Connection& connection, std::string_view project_id,
                     std::string_view name);
    void load_model_data(sql::Connection& connection, Model& model);
    ModelVersion load_version(sql::Connection& connection, std::string_view project_id,
                              std::string_view model, std::int64_t version);
    void load_version_data(sql::Connection& connection, std::int64_t model, ModelVersion& version);
    void touch(sql::Connection& connection, std::int64_t model);

    sql::Database& database_;
    blob::BlobStore& blobs_;
    tracking::Service& tracking_;
    const Clock& clock_;

    std::mutex mutex_;
    std::unordered_map<std::string, ModelFile>
        parsed_;  // guarded by mutex_; by the digest of the MLmodel
};

/// Parses an MLmodel file; throws invalid_argument on anything but YAML of MLflow's shape.
ModelFile parse_model_file(std::string_view yaml);

extern const std::span<const sql::Migration> migrations;

/// Declares the operations of operations.hpp over a service.
void add_operations(api::Api& api, Service& service);

}  // namespace maru::models
