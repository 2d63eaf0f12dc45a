#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "identity/grants.hpp"
#include "identity/permission_operations.hpp"
#include "identity/service.hpp"

namespace maru::identity {

/// How experiments and models are found by what people write, and called by their keys. They
/// belong to other rooms; the server says how.
struct ResourceNames {
    /// The key of an experiment (by id, else by name) or a model (by name), if it is there.
    std::function<std::optional<std::int64_t>(const std::string& project_id, api::ResourceKind,
                                              const std::string& text)>
        find;
    std::function<std::optional<std::string>(const std::string& project_id, api::ResourceKind,
                                             std::int64_t key)>
        name;
};

/// What one permission is on, in a project.
struct Resource {
    std::string project_id;
    api::ResourceKind kind = api::ResourceKind::experiment;
    std::int64_t key = kAllResources;
    std::string text;  // as the caller wrote it, for messages
};

/// Permissions on single experiments and models: what users and roles of a project are given beside
/// their role there. What follows from them is grants.hpp's; docs/decisions/0011 says why.
///
/// Lifetime: the server's. Threads: any. Each change is durable and counts from the next request
/// on. Errors: not_found and already_exists in MLflow's words. Shown in use by
/// permissions_test.cpp.
class Permissions {
  public:
    Permissions(Service& identity, ResourceNames names);

    // The operations of permission_operations.hpp.
    api::Page<ResourcePermissionEntry> list(const api::Context& context,
                                            const ListPermissions& request) const;
    ResourcePermissionEntry set(const api::Context& context, const SetPermission& request);
    void remove(const api::Context& context, const NamePermission& request);

    // What is given to one user, by his name.
    /// "*" is all of the kind; throws not_found for what is not there.
    Resource resource(std::string_view project_id, api::ResourceKind kind,
                      const std::string& text) const;
    /// Throws already_exists where he was given one, unless `replace`.
    void give(const std::string& user, const Resource& resource, api::ResourcePermission permission,
              bool replace);
    /// Throws not_found where he was given none.
    void take(const std::string& user, const Resource& resource);
    std::optional<api::ResourcePermission> given(const std::string& user,
                                                 const Resource& resource) const;
    /// What he may do with it in the end; nothing: neither his role nor a permission says.
    std::optional<api::ResourcePermission> effective(const std::string& user,
                                                     const Resource& resource) const;
    /// Throws permission_denied unless the caller is the project's owner, or was given MANAGE on
    /// it.
    void check_may_give(const api::Context& context, const Resource& resource) const;

    // Roles (resource_roles.cpp). Users' own ones are listed too, and cannot be changed as such.
    using Role = std::shared_ptr<const ResourceRoleRow>;
    Role role(std::int64_t id) const;
    Role role_of_permission(std::int64_t permission) const;
    std::vector<Role> roles() const;
    std::vector<Role> roles_of(const std::string& user) const;
    Role create_role(std::string_view project_id, const std::string& name,
                     const std::optional<std::string>& description);
    Role update_role(std::int64_t id, const std::optional<std::string>& name,
                     const std::optional<std::string>& description);
    void delete_role(std::int64_t id);
    GrantRow add_permission(std::int64_t role, const Resource& resource,
                            api::ResourcePermission permission);
    GrantRow update_permission(std::int64_t id, api::ResourcePermission permission);
    void remove_permission(std::int64_t id);
    /// Returns the assignment's number.
    std::int64_t assign(std::int64_t role, const std::string& user);
    void unassign(std::int64_t role, const std::string& user);

    /// What a permission is on as MLflow writes it: an experiment's id, a model's name, "*". Empty
    /// if it is gone.
    std::string pattern(const ResourceRoleRow& role, const GrantRow& grant) const;
    /// The user with this id; empty if there is none.
    std::string user_name(std::string_view id) const;
    /// Throws not_found.
    std::string user_id(std::string_view name) const;
    bool is_user(std::string_view name) const;
    bool is_admin(std::string_view user) const;
    /// True for the project's owners and the platform's administrators.
    bool is_owner(const api::Context& context, std::string_view project_id) const;
    /// True for who has a role in the project; guests have none.
    bool is_member(const api::Context& context, std::string_view project_id) const;
    const Service& identity() const { return identity_; }

  private:
    Role own_role(std::string_view project_id, std::string_view user_id) const;
    std::string display_name(const ResourceRoleRow& role, const GrantRow& grant) const;
    /// A number that none of roles, permissions and assignments had before.
    static std::int64_t next_id(sql::Connection& connection);
    static void insert_role(sql::Connection& connection, const ResourceRoleRow& row);
    static void insert_grant(sql::Connection& connection, std::int64_t role, GrantRow& grant);
    static void insert_user(sql::Connection& connection, ResourceRoleRow& row,
                            const std::string& user_id);
    Role changeable(std::int64_t id) const;

    Service& identity_;
    Service::State& state_;
    const ResourceNames names_;
};

/// Declares the operations of permission_operations.hpp.
void add_operations(api::Api& api, Permissions& permissions);

}  // namespace maru::identity
