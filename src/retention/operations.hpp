#pragma once

#include "api/operation.hpp"
#include "retention/types.hpp"

namespace maru::retention {

struct Collect {
    bool dry_run = false;
    /// In place of the rules, for this once.
    std::optional<std::int64_t> keep_deleted_s;
    std::int64_t grace_s = 3600;
};
BOOST_DESCRIBE_STRUCT(Collect, (), (dry_run, keep_deleted_s, grace_s))
inline constexpr api::Operation<Collect, Collection> collect{
    .id = "retention.collect",
    .method = api::Method::post,
    .path = "/collection",
    .summary =
        "Remove for good what was deleted longer ago than it is kept, and free the space of "
        "files that nothing refers to; dry_run only counts",
    .permission = api::Permission::administer};

inline constexpr api::Operation<api::Nothing, CollectionStatus> collection_status{
    .id = "retention.status",
    .method = api::Method::get,
    .path = "/collection",
    .summary = "Show what the last collection freed",
    .permission = api::Permission::administer};

struct SetRetention {
    std::int64_t keep_deleted_s = 0;
};
BOOST_DESCRIBE_STRUCT(SetRetention, (), (keep_deleted_s))
MARU_REQUIRED(SetRetention, "keep_deleted_s")
inline constexpr api::Operation<SetRetention, Retention> set_retention{
    .id = "retention.set",
    .method = api::Method::put,
    .path = "/retention",
    .summary = "Set how long what was deleted is kept, where a project says nothing else",
    .permission = api::Permission::administer};

struct NameProject {
    std::string project;
};
BOOST_DESCRIBE_STRUCT(NameProject, (), (project))
inline constexpr api::Operation<NameProject, Retention> get_project_retention{
    .id = "retention.get_of_project",
    .method = api::Method::get,
    .path = "/projects/{project}/retention",
    .summary = "Show how long a project keeps what was deleted",
    .permission = api::Permission::project_read};

struct SetProjectRetention {
    std::string project;
    std::int64_t keep_deleted_s = 0;
};
BOOST_DESCRIBE_STRUCT(SetProjectRetention, (), (project, keep_deleted_s))
MARU_REQUIRED(SetProjectRetention, "keep_deleted_s")
inline constexpr api::Operation<SetProjectRetention, Retention> set_project_retention{
    .id = "retention.set_of_project",
    .method = api::Method::put,
    .path = "/projects/{project}/retention",
    .summary = "Set how long a project keeps what was deleted",
    .permission = api::Permission::project_administer};
inline constexpr api::Operation<NameProject, Retention> reset_project_retention{
    .id = "retention.reset_of_project",
    .method = api::Method::delete_,
    .path = "/projects/{project}/retention",
    .summary = "Let a project keep what was deleted as long as the server says",
    .permission = api::Permission::project_administer};

}  // namespace maru::retention
