#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "identity/permissions.hpp"
#include "identity/state.hpp"

namespace maru::identity {

namespace {

constexpr std::size_t kDescriptionBytesMax = 4000;
constexpr std::string_view kReserved = "__user_";

void check_role_name(const std::string& name) {
    if (trim(name).empty()) fail(ErrorCode::invalid_argument, "Role name cannot be empty.");
    check_text("name", name, 250);
    if (name.starts_with(kReserved))
        fail(ErrorCode::invalid_argument,
             "Role name '{}' is reserved: names that begin with '{}' are those of users' own "
             "permissions",
             name, kReserved);
}

void note(const ResourceRoleRow& role, std::string_view what) {
    Service::extend_audit_resource(fmt::format("{}/{}", role.name, what));
    Service::set_audit_project(role.project_id);
}

}  // namespace

Permissions::Role Permissions::role(std::int64_t id) const {
    auto found = state_.directory.resource_role(id);
    if (!found) fail(ErrorCode::not_found, "Role with id={} not found", id);
    return found;
}

Permissions::Role Permissions::changeable(std::int64_t id) const {
    auto found = role(id);
    if (found->owner_id)
        fail(ErrorCode::invalid_argument,
             "Role '{}' holds what one user was given; change that with users/permissions",
             found->name);
    return found;
}

Permissions::Role Permissions::role_of_permission(std::int64_t permission) const {
    for (const auto& role : state_.directory.resource_roles())
        if (std::ranges::find(role->grants, permission, &GrantRow::id) != role->grants.end())
            return role;
    fail(ErrorCode::not_found, "Role permission with id={} not found", permission);
}

std::vector<Permissions::Role> Permissions::roles() const {
    return state_.directory.resource_roles();
}

std::vector<Permissions::Role> Permissions::roles_of(const std::string& user) const {
    auto row = state_.user_named(user);
    auto all = roles();
    std::erase_if(all, [&](const Role& role) { return !role->users.contains(row->id); });
    return all;
}

Permissions::Role Permissions::create_role(std::string_view project_id, const std::string& name,
                                           const std::optional<std::string>& description) {
    check_role_name(name);
    check_text("description", description.value_or(""), kDescriptionBytesMax);
    ResourceRoleRow row{
        .project_id = std::string(project_id), .name = name, .description = description};
    note(row, "created");
    std::lock_guard lock(state_.write_mutex);
    for (const auto& other : roles())
        if (other->project_id == project_id && other->name == name)
            fail(ErrorCode::already_exists, "Role (name={}) already exists.", name);
    state_.database.write([&](sql::Connection& connection) {
        row.id = next_id(connection);
        insert_role(connection, row);
    });
    state_.directory.put(row);
    return role(row.id);
}

Permissions::Role Permissions::update_role(std::int64_t id, const std::optional<std::string>& name,
                                           const std::optional<std::string>& description) {
    if (name) check_role_name(*name);
    check_text("description", description.value_or(""), kDescriptionBytesMax);
    std::lock_guard lock(state_.write_mutex);
    ResourceRoleRow row = *changeable(id);
    note(row, "changed");
    for (const auto& other : roles())
        if (name && other->id != id && other->project_id == row.project_id && other->name == *name)
            fail(ErrorCode::already_exists, "Role with name={} already exists.", *name);
    if (name) row.name = *name;
    if (description) row.description = description;
    state_.database.write([&](sql::Connection& connection) {
        connection.execute("UPDATE resource_roles SET name = $2, description = $3 WHERE id = $1",
                           {id, row.name, row.description});
    });
    state_.directory.put(std::move(row));
    return role(id);
}

void Permissions::delete_role(std::int64_t id) {
    std::lock_guard lock(state_.write_mutex);
    note(*changeable(id), "deleted");
    state_.database.write([&](sql::Connection& connection) {
        connection.execute("DELETE FROM resource_grants WHERE role = $1", {id});
        connection.execute("DELETE FROM resource_role_users WHERE role = $1", {id});
        connection.execute("DELETE FROM resource_roles WHERE id = $1", {id});
    });
    state_.directory.remove_resource_role(id);
}

GrantRow Permissions::add_permission(std::int64_t id, const Resource& resource,
                                     api::ResourcePermission permission) {
    std::lock_guard lock(state_.write_mutex);
    ResourceRoleRow row = *changeable(id);
    note(row,
         fmt::format("{}/{}/{}", enum_name(resource.kind), resource.text, enum_name(permission)));
    for (const auto& grant : row.grants)
        if (grant.kind == resource.kind && grant.resource == resource.key)
            fail(ErrorCode::already_exists,
                 "Role permission (role_id={}, resource_type={}, resource_pattern={}) already "
                 "exists.",
                 id, enum_name(resource.kind), resource.text);
    GrantRow grant{.kind = resource.kind, .resource = resource.key, .permission = permission};
    state_.database.write(
        [&](sql::Connection& connection) { insert_grant(connection, id, grant); });
    row.grants.push_back(grant);
    state_.directory.put(std::move(row));
    return grant;
}

GrantRow Permissions::update_permission(std::int64_t id, api::ResourcePermission permission) {
    std::lock_guard lock(state_.write_mutex);
    ResourceRoleRow row = *role_of_permission(id);
    note(row, fmt::format("{}/{}", id, enum_name(permission)));
    auto grant = std::ranges::find(row.grants, id, &GrantRow::id);
    grant->permission = permission;
    GrantRow changed = *grant;
    state_.database.write([&](sql::Connection& connection) {
        connection.execute("UPDATE resource_grants SET permission = $2 WHERE id = $1",
                           {id, enum_name(permission)});
    });
    state_.directory.put(std::move(row));
    return changed;
}

void Permissions::remove_permission(std::int64_t id) {
    std::lock_guard lock(state_.write_mutex);
    ResourceRoleRow row = *role_of_permission(id);
    note(row, fmt::format("{}/none", id));
    state_.database.write([&](sql::Connection& connection) {
        connection.execute("DELETE FROM resource_grants WHERE id = $1", {id});
    });
    std::erase_if(row.grants, [&](const GrantRow& grant) { return grant.id == id; });
    state_.directory.put(std::move(row));
}

std::int64_t Permissions::assign(std::int64_t id, const std::string& user) {
    auto found = state_.user_named(user);
    std::lock_guard lock(state_.write_mutex);
    ResourceRoleRow row = *changeable(id);
    note(row, "assigned/" + user);
    if (row.users.contains(found->id))
        fail(ErrorCode::already_exists, "User role assignment (user={}, role_id={}) already exists",
             user, id);
    state_.database.write(
        [&](sql::Connection& connection) { insert_user(connection, row, found->id); });
    std::int64_t assignment = row.users.at(found->id);
    state_.directory.put(std::move(row));
    return assignment;
}

void Permissions::unassign(std::int64_t id, const std::string& user) {
    auto found = state_.user_named(user);
    std::lock_guard lock(state_.write_mutex);
    ResourceRoleRow row = *changeable(id);
    note(row, "unassigned/" + user);
    if (row.users.erase(found->id) == 0)
        fail(ErrorCode::not_found, "User role assignment (user={}, role_id={}) not found", user,
             id);
    state_.database.write([&](sql::Connection& connection) {
        connection.execute("DELETE FROM resource_role_users WHERE role = $1 AND user_id = $2",
                           {id, found->id});
    });
    state_.directory.put(std::move(row));
}

}  // namespace maru::identity
