#include "identity/permissions.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "identity/state.hpp"

namespace maru::identity {

namespace {

const GrantRow* grant_on(const ResourceRoleRow& role, const Resource& resource) {
    auto found = std::ranges::find_if(role.grants, [&](const GrantRow& grant) {
        return grant.kind == resource.kind && grant.resource == resource.key;
    });
    return found == role.grants.end() ? nullptr : &*found;
}

void note(const std::string& subject, const Resource& resource, std::string_view permission) {
    Service::extend_audit_resource(
        fmt::format("{}/{}/{}/{}", subject, enum_name(resource.kind), resource.text, permission));
    Service::set_audit_project(resource.project_id);
}

}  // namespace

Permissions::Permissions(Service& identity, ResourceNames names)
    : identity_(identity), state_(*identity.state_), names_(std::move(names)) {}

Resource Permissions::resource(std::string_view project_id, api::ResourceKind kind,
                               const std::string& text) const {
    Resource resource{.project_id = std::string(project_id), .kind = kind, .text = text};
    if (text == "*") return resource;
    if (text.empty()) fail_field("resource", "must not be empty; \"*\" is all of the kind");
    auto key = names_.find(resource.project_id, kind, text);
    if (!key)
        fail(ErrorCode::not_found, "the {} \"{}\" does not exist",
             kind == api::ResourceKind::experiment ? "experiment" : "registered model", text);
    resource.key = *key;
    return resource;
}

std::int64_t Permissions::next_id(sql::Connection& connection) {
    auto id =
        connection.first("SELECT value FROM identity_settings WHERE name = $1",
                         {"next_resource_id"}, [](const sql::Row& row) { return row.integer(0); });
    connection.execute("UPDATE identity_settings SET value = value + 1 WHERE name = $1",
                       {"next_resource_id"});
    return id.value();
}

void Permissions::insert_role(sql::Connection& connection, const ResourceRoleRow& row) {
    connection.execute(
        "INSERT INTO resource_roles (id, project_id, name, description, owner_id) VALUES ($1, $2, "
        "$3, $4, $5)",
        {row.id, row.project_id, row.name, row.description, row.owner_id});
}

void Permissions::insert_grant(sql::Connection& connection, std::int64_t role, GrantRow& grant) {
    grant.id = next_id(connection);
    connection.execute(
        "INSERT INTO resource_grants (id, role, kind, resource, permission) VALUES ($1, $2, $3, "
        "$4, $5)",
        {grant.id, role, enum_name(grant.kind), grant.resource, enum_name(grant.permission)});
}

void Permissions::insert_user(sql::Connection& connection, ResourceRoleRow& row,
                              const std::string& user_id) {
    std::int64_t id = next_id(connection);
    connection.execute("INSERT INTO resource_role_users (id, role, user_id) VALUES ($1, $2, $3)",
                       {id, row.id, user_id});
    row.users[user_id] = id;
}

Permissions::Role Permissions::own_role(std::string_view project_id,
                                        std::string_view user_id) const {
    for (const auto& role : state_.directory.resource_roles())
        if (role->project_id == project_id && role->owner_id == user_id) return role;
    return nullptr;
}

void Permissions::give(const std::string& user, const Resource& resource,
                       api::ResourcePermission permission, bool replace) {
    auto row = state_.user_named(user);
    note(user, resource, enum_name(permission));
    std::lock_guard lock(state_.write_mutex);
    if (!state_.directory.project(resource.project_id))
        fail(ErrorCode::not_found, "the project does not exist any more");
    auto own = own_role(resource.project_id, row->id);
    const GrantRow* there = own ? grant_on(*own, resource) : nullptr;
    if (there != nullptr && !replace)
        fail(ErrorCode::already_exists,
             "Permission for user={} on resource_type={}, resource_id={} already exists.", user,
             enum_name(resource.kind), resource.text);
    ResourceRoleRow changed;
    state_.database.write([&](sql::Connection& connection) {
        changed = own ? *own : ResourceRoleRow{};
        if (!own) {
            changed = {.id = next_id(connection),
                       .project_id = resource.project_id,
                       .name = fmt::format("__user_{}__", row->id),
                       .description = std::nullopt,
                       .owner_id = row->id};
            insert_role(connection, changed);
            insert_user(connection, changed, row->id);
        }
        if (there != nullptr) {
            connection.execute("UPDATE resource_grants SET permission = $2 WHERE id = $1",
                               {there->id, enum_name(permission)});
            std::ranges::find(changed.grants, there->id, &GrantRow::id)->permission = permission;
            return;
        }
        GrantRow grant{.kind = resource.kind, .resource = resource.key, .permission = permission};
        insert_grant(connection, changed.id, grant);
        changed.grants.push_back(grant);
    });
    state_.directory.put(std::move(changed));
}

void Permissions::take(const std::string& user, const Resource& resource) {
    auto row = state_.user_named(user);
    note(user, resource, "none");
    std::lock_guard lock(state_.write_mutex);
    auto own = own_role(resource.project_id, row->id);
    const GrantRow* there = own ? grant_on(*own, resource) : nullptr;
    if (there == nullptr)
        fail(ErrorCode::not_found,
             "Permission for user={} on resource_type={}, resource_id={} not found.", user,
             enum_name(resource.kind), resource.text);
    state_.database.write([&](sql::Connection& connection) {
        connection.execute("DELETE FROM resource_grants WHERE id = $1", {there->id});
    });
    ResourceRoleRow changed = *own;
    std::erase_if(changed.grants, [&](const GrantRow& grant) { return grant.id == there->id; });
    state_.directory.put(std::move(changed));
}

std::optional<api::ResourcePermission> Permissions::given(const std::string& user,
                                                          const Resource& resource) const {
    auto own = own_role(resource.project_id, state_.user_named(user)->id);
    const GrantRow* there = own ? grant_on(*own, resource) : nullptr;
    return there == nullptr ? std::nullopt : std::optional(there->permission);
}

std::optional<api::ResourcePermission> Permissions::effective(const std::string& user,
                                                              const Resource& resource) const {
    auto row = state_.user_named(user);
    auto role = identity_.role_in(resource.project_id, row->id);
    auto grants = state_.directory.grants(resource.project_id, row->id);
    auto access = access_of(grants ? *grants : Grants{}, role, api::Permission::tracking_read);
    if (!access) return api::ResourcePermission::MANAGE;
    auto permission = access->rules(resource.kind).on(resource.key);
    bool said = false;
    if (grants) {
        const auto& kind =
            resource.kind == api::ResourceKind::experiment ? grants->experiments : grants->models;
        said = kind.all || kind.single.contains(resource.key);
    }
    if (permission == api::ResourcePermission::DENY && !said) return std::nullopt;
    return permission;
}

bool Permissions::is_owner(const api::Context& context, std::string_view project_id) const {
    // With the caller's credential: a job is no owner, whoever submitted it.
    return context.admin || role_of(state_.directory, state_.caller_of(context), project_id) ==
                                identity::Role::owner;
}

bool Permissions::is_member(const api::Context& context, std::string_view project_id) const {
    return role_of(state_.directory, state_.caller_of(context), project_id).has_value();
}

void Permissions::check_may_give(const api::Context& context, const Resource& resource) const {
    if (is_owner(context, resource.project_id)) return;
    auto grants = state_.directory.grants(resource.project_id, context.user_id);
    if (grants && !context.workload_id && resource.key != kAllResources) {
        const auto& kind =
            resource.kind == api::ResourceKind::experiment ? grants->experiments : grants->models;
        auto single = kind.single.find(resource.key);
        bool denied =
            kind.all == api::ResourcePermission::DENY ||
            (single != kind.single.end() && single->second == api::ResourcePermission::DENY);
        if (!denied &&
            (kind.all == api::ResourcePermission::MANAGE ||
             (single != kind.single.end() && single->second == api::ResourcePermission::MANAGE)))
            return;
    }
    fail(ErrorCode::permission_denied, "Permission denied");
}

std::string Permissions::display_name(const ResourceRoleRow& role, const GrantRow& grant) const {
    if (grant.resource == kAllResources) return "*";
    return names_.name(role.project_id, grant.kind, grant.resource).value_or("");
}

std::string Permissions::pattern(const ResourceRoleRow& role, const GrantRow& grant) const {
    std::string name = display_name(role, grant);
    bool is_id = grant.kind == api::ResourceKind::experiment && name != "" && name != "*";
    return grant.resource != kAllResources && is_id ? std::to_string(grant.resource) : name;
}

std::string Permissions::user_name(std::string_view id) const {
    auto user = state_.directory.user(id);
    return user ? user->name : "";
}

std::string Permissions::user_id(std::string_view name) const {
    return state_.user_named(name)->id;
}

bool Permissions::is_user(std::string_view name) const {
    return state_.directory.user_by_name(name) != nullptr;
}

bool Permissions::is_admin(std::string_view user) const {
    return state_.user_named(user)->admin;
}

api::Page<ResourcePermissionEntry> Permissions::list(const api::Context& context,
                                                     const ListPermissions& request) const {
    const std::string& project_id = context.in_project().id;
    std::optional<Resource> only;
    if (!request.resource.empty()) {
        if (!request.kind) fail_field("kind", "is required with resource");
        only = resource(project_id, *request.kind, request.resource);
    }
    api::Page<ResourcePermissionEntry> page;
    for (const auto& role : state_.directory.resource_roles()) {
        if (role->project_id != project_id) continue;
        for (const auto& grant : role->grants) {
            if (request.kind && grant.kind != *request.kind) continue;
            if (only && grant.resource != only->key && grant.resource != kAllResources) continue;
            std::string shown = display_name(*role, grant);
            if (shown.empty()) continue;  // its experiment or model was removed
            ResourcePermissionEntry entry{.user = std::nullopt,
                                          .role = std::nullopt,
                                          .kind = grant.kind,
                                          .resource = pattern(*role, grant),
                                          .name = shown,
                                          .permission = grant.permission};
            if (role->owner_id)
                entry.user = user_name(*role->owner_id);
            else
                entry.role = role->name;
            page.items.push_back(std::move(entry));
        }
    }
    std::ranges::sort(page.items, {}, [](const ResourcePermissionEntry& entry) {
        return std::tuple(entry.kind, entry.name, entry.role.value_or(""), entry.user.value_or(""));
    });
    return page;
}

ResourcePermissionEntry Permissions::set(const api::Context& context,
                                         const SetPermission& request) {
    auto subject = resource(context.in_project().id, request.kind, request.resource);
    give(request.user, subject, request.permission, true);
    GrantRow grant{.kind = subject.kind, .resource = subject.key, .permission = request.permission};
    ResourceRoleRow role{.project_id = subject.project_id};
    return {.user = request.user,
            .role = std::nullopt,
            .kind = subject.kind,
            .resource = pattern(role, grant),
            .name = display_name(role, grant),
            .permission = request.permission};
}

void Permissions::remove(const api::Context& context, const NamePermission& request) {
    take(request.user, resource(context.in_project().id, request.kind, request.resource));
}

void add_operations(api::Api& api, Permissions& permissions) {
    api.handle(list_permissions,
               [&permissions](const api::Context& context, const ListPermissions& request) {
                   return permissions.list(context, request);
               });
    api.handle(set_permission,
               [&permissions](const api::Context& context, const SetPermission& request) {
                   return permissions.set(context, request);
               });
    api.handle(remove_permission,
               [&permissions](const api::Context& context, const NamePermission& request) {
                   permissions.remove(context, request);
               });
}

}  // namespace maru::identity
