#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/reflection.hpp"
#include "base/time.hpp"
#include "identity/types.hpp"

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
    Time created_at{}, updated_at{};
    std::string user, stage;
    std::string model_id;  // of its logged model, m-...; empty where it was made of plain files

    std::int64_t number = 0;  // key of its row
    std::string run_link;
    std::string artifact_uri;  // where its files are, source resolved
};
BOOST_DESCRIBE_STRUCT(ModelVersion, (),
                      (model, version, state, source, run_id, description, aliases, tags, flavors,
                       size_bytes, created_at, updated_at, user, stage, model_id))

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

/// A Markdown text about a model or a version: what it is for, how it was made, what it can't do.
struct Card {
    std::string text;
    std::int64_t revision = 0;  // rises with each change; 0: never written
};
BOOST_DESCRIBE_STRUCT(Card, (), (text, revision))

enum class ChangeKind {
    created,
    deleted,
    renamed,
    description,
    card,
    tag,    // key: the tag's
    alias,  // key: the alias; from and to are versions
    stage,
    approval_rule,
    approval_requested,  // key: the request's id
    approved,
    rejected,
    withdrawn,
    expired,
};
BOOST_DESCRIBE_ENUM(ChangeKind, created, deleted, renamed, description, card, tag, alias, stage,
                    approval_rule, approval_requested, approved, rejected, withdrawn, expired)

/// One change of a registered model or a version, written in the transaction of the change.
struct Change {
    std::int64_t number = 0;  // rises over the whole platform
    std::string model;
    std::optional<std::int64_t> version;  // null: of the model itself
    Time at{};
    std::string user;
    ChangeKind kind = ChangeKind::created;
    std::string key;
    std::optional<std::string> from, to;
    std::string comment;
    bool shortened = false;  // `from` or `to` is longer than what a list shows
};
BOOST_DESCRIBE_STRUCT(Change, (),
                      (number, model, version, at, user, kind, key, from, to, comment, shortened))

/// Which moves need the consent of others than who asks for them.
struct ApprovalRule {
    std::optional<std::string> model;             // null: all models without a rule of their own
    std::vector<std::string> aliases;             // patterns: "champion", "prod*"
    std::vector<std::string> stages;              // "Staging", "Production", "Archived"
    std::int64_t approvals = 1;                   // by so many people
    identity::Role role = identity::Role::owner;  // each with at least this role in the project
    std::int64_t expires_after_s = 7 * 24 * 3600;
    std::string user;  // who set it
    Time updated_at{};
};
BOOST_DESCRIBE_STRUCT(ApprovalRule, (),
                      (model, aliases, stages, approvals, role, expires_after_s, user, updated_at))

enum class RequestKind { alias, alias_removal, stage };
BOOST_DESCRIBE_ENUM(RequestKind, alias, alias_removal, stage)
enum class RequestState { open, approved, rejected, withdrawn, expired };
BOOST_DESCRIBE_ENUM(RequestState, open, approved, rejected, withdrawn, expired)

struct Review {
    std::string user;
    bool approved = false;
    std::string comment;
    Time at{};
};
BOOST_DESCRIBE_STRUCT(Review, (), (user, approved, comment, at))

/// A move of an alias, or of a version to a stage, that waits for approvals. It happens in the
/// transaction of the last one.
struct ApprovalRequest {
    std::string id, model;
    std::int64_t version = 0;  // of alias_removal: the one that it points at
    RequestKind kind = RequestKind::alias;
    std::string target;               // the alias or the stage
    std::optional<std::string> from;  // where the alias pointed, or the stage, at the asking
    bool archive_existing = false;    // of a stage: its other versions are archived
    RequestState state = RequestState::open;
    std::string user, comment;
    std::int64_t approvals_needed = 1;
    identity::Role role = identity::Role::owner;
    std::vector<Review> reviews;
    Time created_at{}, expires_at{};
    std::optional<Time> ended_at;
    bool may_approve = false;   // the caller
    bool may_withdraw = false;  // the caller

    std::int64_t model_number = 0;
    std::string user_id;
};
BOOST_DESCRIBE_STRUCT(ApprovalRequest, (),
                      (id, model, version, kind, target, from, archive_existing, state, user,
                       comment, approvals_needed, role, reviews, created_at, expires_at, ended_at,
                       may_approve, may_withdraw))

enum class NodeKind { dataset, environment, code, job, run, logged_model, model_version, endpoint };
BOOST_DESCRIBE_ENUM(NodeKind, dataset, environment, code, job, run, logged_model, model_version,
                    endpoint)

struct LineageNode {
    std::string id;  // unique in the graph
    NodeKind kind = NodeKind::run;
    std::string ref;  // what the thing is known by where it lives: an id, a name, NAME/VERSION
    std::string name, detail, state;
    bool missing = false;  // it was removed
};
BOOST_DESCRIBE_STRUCT(LineageNode, (), (id, kind, ref, name, detail, state, missing))

/// `to` was made of `from`, or with it.
struct LineageEdge {
    std::string from, to;
};
BOOST_DESCRIBE_STRUCT(LineageEdge, (), (from, to))

struct Lineage {
    std::string start;
    std::vector<LineageNode> nodes;
    std::vector<LineageEdge> edges;
    bool shortened = false;  // there is more than is shown
};
BOOST_DESCRIBE_STRUCT(Lineage, (), (start, nodes, edges, shortened))

/// A file of a version.
struct VersionFile {
    std::string path;
    std::int64_t size_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(VersionFile, (), (path, size_bytes))

/// What a version's files say about it. Absent where there is no MLmodel file, or no such part.
struct VersionContents {
    std::map<std::string, Json> flavors;  // each with its attributes, as MLmodel has them
    std::optional<Json> signature;
    std::optional<Json> input_example;  // a request body for scoring where there is one
    std::optional<std::string> input_example_path;
    std::optional<std::string> requirements;
    std::optional<std::string> mlflow_version, model_uuid;
    std::vector<VersionFile> files;
    bool files_shortened = false;  // there are more files
    std::string problem;           // why the files can't be read, for people
};
BOOST_DESCRIBE_STRUCT(VersionContents, (),
                      (flavors, signature, input_example, input_example_path, requirements,
                       mlflow_version, model_uuid, files, files_shortened, problem))

}  // namespace maru::models
