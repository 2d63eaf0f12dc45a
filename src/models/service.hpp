#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/api.hpp"
#include "blob/blob_store.hpp"
#include "identity/types.hpp"
#include "models/approval_operations.hpp"
#include "models/events.hpp"
#include "models/import_operations.hpp"
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

/// Who changes something, and in which project; for the history.
struct Author {
    std::string project_id;
    std::string user_id, user;  // id and name
    bool is_workload = false;   // a job, with the rights of its user
};
/// The caller of an operation.
Author author_of(const api::Context& context);

struct NewRequest {
    std::string model;
    RequestKind kind = RequestKind::alias;
    std::string target;  // the alias or the stage
    std::int64_t version = 0;
    bool archive_existing = false;
    std::string comment;
};

/// Which versions: by one of these.
struct VersionsOf {
    std::string run_id = "", model_id = "", artifact_uri = "";
};

/// A user's role in a project, by their ids; nothing for who is no member.
using RoleSource = std::function<std::optional<identity::Role>(const std::string& project_id,
                                                               const std::string& user_id)>;

/// The model registry of all projects. A version's files are the artifacts that its source names;
/// nothing is copied. Each change writes its line of history in its own transaction. A move that an
/// approval rule protects is not made: a request is, and failed_precondition names it.
///
/// Lifetime: the server's; call `maintain` about every 30 s. Threads: any. Every function is about
/// one project and sees nothing of others. Errors: not_found, invalid_argument, already_exists in
/// MLflow's words.
class Service {
  public:
    /// Without `role_of` nobody may approve.
    Service(sql::Database& database, blob::BlobStore& blobs, tracking::Service& tracking,
            const Clock& clock, RoleSource role_of = {}, RegistryObserver observer = {});
    /// Ends requests that have expired.
    void maintain();

    // Models.
    Model create_model(const Author& author, const std::string& name,
                       const std::string& description,
                       const std::map<std::string, std::string>& tags);
    /// Makes the model unless it is there.
    void ensure_model(const Author& author, const std::string& name);
    Model get_model(std::string_view project_id, std::string_view name);
    /// The name of a model by its number, which stays when it is renamed; nothing if it is gone.
    std::optional<std::string> model_name(std::string_view project_id, std::int64_t number);
    Model rename_model(const Author& author, std::string_view name, const std::string& new_name);
    Model describe_model(const Author& author, std::string_view name,
                         const std::string& description);
    void delete_model(const Author& author, std::string_view name);
    void set_model_tag(const Author& author, std::string_view name, const std::string& key,
                       const std::string& value);
    void delete_model_tag(const Author& author, std::string_view name, std::string_view key);
    api::Page<Model> search_models(std::string_view project_id, const tracking::Search& search);

    /// Sets and removes tags of a model or a version, all or none.
    void set_tags(const Author& author, std::string_view model, std::optional<std::int64_t> version,
                  const std::map<std::string, std::string>& set,
                  const std::vector<std::string>& remove);

    // Versions.
    ModelVersion create_version(const Author& author, const NewVersion& version);
    /// Throws not_found.
    ModelVersion get_version(std::string_view project_id, std::string_view model,
                             std::int64_t version);
    /// By a version's number ("3"), an alias ("champion") or "latest".
    ModelVersion resolve_version(std::string_view project_id, std::string_view model,
                                 std::string_view version_or_alias);
    ModelVersion get_version_by_alias(std::string_view project_id, std::string_view model,
                                      std::string_view alias);
    ModelVersion describe_version(const Author& author, std::string_view model,
                                  std::int64_t version, const std::string& description);
    ModelVersion set_version_stage(const Author& author, std::string_view model,
                                   std::int64_t version, const std::string& stage,
                                   bool archive_others);
    void delete_version(const Author& author, std::string_view model, std::int64_t version);
    void set_version_tag(const Author& author, std::string_view model, std::int64_t version,
                         const std::string& key, const std::string& value);
    void delete_version_tag(const Author& author, std::string_view model, std::int64_t version,
                            std::string_view key);
    api::Page<ModelVersion> search_versions(std::string_view project_id,
                                            const tracking::Search& search);
    std::vector<ModelVersion> versions_of(std::string_view project_id, const VersionsOf& of,
                                          std::int64_t limit);
    /// The newest version of each stage (of MLflow's stages), or of those asked for.
    std::vector<ModelVersion> latest_versions(std::string_view project_id, std::string_view model,
                                              const std::vector<std::string>& stages);

    // Aliases.
    void set_alias(const Author& author, std::string_view model, const std::string& alias,
                   std::int64_t version);
    void delete_alias(const Author& author, std::string_view model, std::string_view alias);

    // History and cards.
    /// The newest first; long values are shortened. Also of a model that was deleted.
    api::Page<Change> history(std::string_view project_id, const ListChanges& request);
    /// One change with its values whole; throws not_found.
    Change get_change(std::string_view project_id, std::string_view model, std::int64_t number);
    Card card(std::string_view project_id, std::string_view model,
              std::optional<std::int64_t> version);
    /// With `revision`, throws aborted unless the card still has it.
    Card set_card(const Author& author, const std::string& model,
                  std::optional<std::int64_t> version, const std::string& text,
                  std::optional<std::int64_t> revision);

    // Approvals.
    std::vector<ApprovalRule> approval_rules(std::string_view project_id);
    ApprovalRule set_approval_rule(const Author& author, const ApprovalRule& rule);
    void remove_approval_rule(const Author& author, const std::optional<std::string>& model);
    /// The request for a protected move: a new one, or the open one for the same. Throws
    /// failed_precondition for a move that needs none.
    ApprovalRequest request_move(const Author& author, const NewRequest& request);
    api::Page<ApprovalRequest> list_requests(const Author& author, const ListRequests& request);
    ApprovalRequest get_request(const Author& author, std::string_view id);
    /// Approves or rejects; the last approval that is needed makes the move.
    ApprovalRequest review(const Author& author, std::string_view id, bool approve,
                           const std::string& comment);
    ApprovalRequest withdraw(const Author& author, std::string_view id, const std::string& comment);

    // Files.
    /// What a version's files say about it; what can't be read is left out, with the reason.
    VersionContents contents(std::string_view project_id, const ModelVersion& version);
    /// True if a version's files are in this folder of artifacts or below it.
    bool uses_artifacts(sql::Connection& connection, std::string_view project_id,
                        std::string_view folder);
    /// Removes a version, or a model with all versions, and the files that nothing else is made of.
    void remove_with_files(const Author& author, std::string_view model,
                           std::optional<std::int64_t> version);
    // The deletion of projects (identity::ProjectRoom).
    static std::vector<std::string> project_contents(sql::Connection& connection,
                                                     const std::string& project_id);
    void remove_project(const api::ProjectRef& project);
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

    // Bringing over what another registry holds (import.cpp).
    /// Adds what is missing, with the numbers and times that it had. Throws already_exists for a
    /// model or version of that name or number that came from elsewhere.
    ImportedModel import_model(const Author& author, const ImportModel& request);

  private:
    /// Where an imported version's files are, as a URI.
    std::string imported_files(std::string_view project_id, const ImportVersion& version);
    bool import_version(sql::Connection& connection, const Author& author, const Model& model,
                        const ImportVersion& version, const std::string& files);
    struct Source {
        std::string artifact_uri;
        std::optional<std::string> run_id;
        std::string model_id;
    };
    Source resolve_source(std::string_view project_id, const NewVersion& version);
    void check_files(std::string_view project_id, std::string_view artifact_uri);
    Model load_model(sql::Connection& connection, std::string_view project_id,
                     std::string_view name);
    void load_model_data(sql::Connection& connection, Model& model);
    ModelVersion load_version(sql::Connection& connection, std::string_view project_id,
                              std::string_view model, std::int64_t version);
    void load_version_data(sql::Connection& connection, std::int64_t model, ModelVersion& version);
    void touch(sql::Connection& connection, std::int64_t model);
    void delete_model(sql::Connection& connection, const Author& author, std::string_view name);
    void delete_version(sql::Connection& connection, const Author& author, std::string_view model,
                        std::int64_t version);
    void note(sql::Connection& connection, const Author& author, const Model& model,
              std::optional<std::int64_t> version, ChangeKind kind, const std::string& key,
              const std::optional<std::string>& from, const std::optional<std::string>& to,
              const std::string& comment = "");
    void set_tag(sql::Connection& connection, const Author& author, const Model& model,
                 const ModelVersion* version, const std::string& key,
                 const std::optional<std::string>& value);
    /// `set_tag` by a request of its own, which is an event.
    void change_tag(sql::Connection& connection, const Author& author, const Model& model,
                    const ModelVersion* version, const std::string& key,
                    const std::optional<std::string>& value);
    void tell(sql::Connection& connection, const RegistryEvent& event) {
        if (observer_) observer_(connection, event);
    }

    struct CardPlace {
        std::string_view table;
        std::int64_t number = 0;
    };
    CardPlace card_place(sql::Connection& connection, std::string_view project_id,
                         std::string_view model, std::optional<std::int64_t> version);

    // Moves, after all checks.
    void move_alias(sql::Connection& connection, const Author& author, const Model& model,
                    const std::string& alias, std::int64_t version, const std::string& comment);
    void remove_alias(sql::Connection& connection, const Author& author, const Model& model,
                      const std::string& alias, const std::string& comment);
    void move_stage(sql::Connection& connection, const Author& author, const Model& model,
                    const ModelVersion& version, const std::string& stage, bool archive_others,
                    const std::string& comment);
    /// Writes a move, or where a rule protects it asks for it and throws.
    void write_or_ask(const Author& author, const NewRequest& request,
                      const std::function<bool(sql::Connection&)>& write);
    [[noreturn]] static void fail_waiting(const ApprovalRequest& request);
    std::optional<ApprovalRule> rule_for_alias(sql::Connection& connection,
                                               std::string_view project_id, std::int64_t model,
                                               std::string_view alias);
    std::optional<ApprovalRule> rule_for_stage(sql::Connection& connection,
                                               std::string_view project_id, std::int64_t model,
                                               std::string_view stage);
    void add_rights(const Author& author, ApprovalRequest& request);
    void carry_out(sql::Connection& connection, const std::string& project_id,
                   const ApprovalRequest& request);
    void end_request(sql::Connection& connection, const Author& author,
                     const ApprovalRequest& request, RequestState state,
                     const std::string& comment);

    sql::Database& database_;
    blob::BlobStore& blobs_;
    tracking::Service& tracking_;
    const Clock& clock_;
    const RoleSource role_of_;
    const RegistryObserver observer_;

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
