#pragma once

#include "api/access.hpp"
#include "api/operation.hpp"

namespace maru::identity {

/// A permission on one experiment or registered model, or on all of a project; given to a user, or
/// to a role that users have.
struct ResourcePermissionEntry {
    std::optional<std::string> user, role;  // one of them
    api::ResourceKind kind = api::ResourceKind::experiment;
    std::string resource;  // an experiment's id, a model's name, or "*": all of the kind
    std::string name;      // what people call it
    api::ResourcePermission permission = api::ResourcePermission::READ;
};
BOOST_DESCRIBE_STRUCT(ResourcePermissionEntry, (), (user, role, kind, resource, name, permission))

struct ListPermissions {
    std::string project;
    std::optional<api::ResourceKind> kind;
    std::string resource;
};
BOOST_DESCRIBE_STRUCT(ListPermissions, (), (project, kind, resource))
inline constexpr api::Operation<ListPermissions, api::Page<ResourcePermissionEntry>>
    list_permissions{.id = "permissions.list",
                     .method = api::Method::get,
                     .path = "/projects/{project}/permissions",
                     .summary =
                         "List the permissions on single experiments and models, all or "
                         "those that count for one",
                     .permission = api::Permission::project_administer};

struct SetPermission {
    std::string project, user;
    api::ResourceKind kind = api::ResourceKind::experiment;
    std::string resource;
    api::ResourcePermission permission = api::ResourcePermission::READ;
};
BOOST_DESCRIBE_STRUCT(SetPermission, (), (project, user, kind, resource, permission))
MARU_REQUIRED(SetPermission, "user", "kind", "resource", "permission")
inline constexpr api::Operation<SetPermission, ResourcePermissionEntry> set_permission{
    .id = "permissions.set",
    .method = api::Method::put,
    .path = "/projects/{project}/permissions",
    .summary =
        "Give a user a permission on an experiment (by id or name) or a model, or on all "
        "of them (\"*\"); DENY takes away what his role allows",
    .permission = api::Permission::project_administer};

struct NamePermission {
    std::string project, user;
    api::ResourceKind kind = api::ResourceKind::experiment;
    std::string resource;
};
BOOST_DESCRIBE_STRUCT(NamePermission, (), (project, user, kind, resource))
MARU_REQUIRED(NamePermission, "user", "kind", "resource")
inline constexpr api::Operation<NamePermission, api::Nothing> remove_permission{
    .id = "permissions.remove",
    .method = api::Method::delete_,
    .path = "/projects/{project}/permissions",
    .summary = "Take back what a user was given on an experiment or a model",
    .permission = api::Permission::project_administer};

}  // namespace maru::identity
