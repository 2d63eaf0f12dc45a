#include <algorithm>

#include "base/error.hpp"
#include "server/mlflow/routes.hpp"

namespace maru::server {
namespace {

using api::Context;
using api::PathParameters;
using api::Permission;
using identity::GrantRow;
using identity::Permissions;
using tracking::mlflow::empty_answer;
using tracking::mlflow::JsonWriter;
using tracking::mlflow::Message;
using Role = Permissions::Role;

[[noreturn]] void deny() {
    fail(ErrorCode::permission_denied, "Permission denied");
}

void write_permission(JsonWriter& writer, const Permissions& permissions, const Role& role,
                      const GrantRow& grant) {
    writer.begin_object()
        .field("id", grant.id)
        .field("role_id", role->id)
        .field("resource_type", enum_name(grant.kind))
        .field("resource_pattern", permissions.pattern(*role, grant))
        .field("permission", enum_name(grant.permission))
        .end_object();
}

void write_permissions(JsonWriter& writer, std::string_view field, const Permissions& permissions,
                       const Role& role) {
    writer.key(field).begin_list();
    for (const auto& grant : role->grants) write_permission(writer, permissions, role, grant);
    writer.end_list();
}

void write_role(JsonWriter& writer, const Permissions& permissions, const Role& role) {
    auto project = permissions.identity().project_by_id(role->project_id);
    writer.begin_object()
        .field("id", role->id)
        .field("name", role->name)
        .field("workspace", project ? project->name : "");
    writer.key("description");
    if (role->description)
        writer.value(*role->description);
    else
        writer.raw("null");
    write_permissions(writer, "permissions", permissions, role);
    writer.end_object();
}

net::Response answer_role(const Permissions& permissions, const Role& role) {
    JsonWriter writer;
    writer.begin_object().key("role");
    write_role(writer, permissions, role);
    writer.end_object();
    return tracking::mlflow::answer(writer);
}

net::Response answer_roles(const Permissions& permissions, const std::vector<Role>& roles) {
    JsonWriter writer;
    writer.begin_object().key("roles").begin_list();
    for (const auto& role : roles) write_role(writer, permissions, role);
    writer.end_list().end_object();
    return tracking::mlflow::answer(writer);
}

net::Response answer_permission(const Permissions& permissions, const Role& role,
                                const GrantRow& grant) {
    JsonWriter writer;
    writer.begin_object().key("role_permission");
    write_permission(writer, permissions, role, grant);
    writer.end_object();
    return tracking::mlflow::answer(writer);
}

/// One that the caller may change. Whether another is there is not said, as in MLflow.
Role managed(const Permissions& permissions, const Context& context, std::int64_t id) {
    for (const auto& role : permissions.roles())
        if (role->id == id && permissions.is_owner(context, role->project_id)) return role;
    if (context.admin) return permissions.role(id);  // says that it is not there
    deny();
}

/// Members see the roles of their project; a person's own permissions are for him and owners.
bool may_see(const Permissions& permissions, const Context& context,
             const identity::ResourceRoleRow& role) {
    if (permissions.is_owner(context, role.project_id)) return true;
    return role.owner_id ? *role.owner_id == context.user_id
                         : permissions.is_member(context, role.project_id);
}

Role visible(const Permissions& permissions, const Context& context, std::int64_t id) {
    for (const auto& role : permissions.roles())
        if (role->id == id && may_see(permissions, context, *role)) return role;
    if (context.admin) return permissions.role(id);
    deny();
}

Role managed_permission(const Permissions& permissions, const Context& context, std::int64_t id) {
    for (const auto& role : permissions.roles())
        if (std::ranges::find(role->grants, id, &GrantRow::id) != role->grants.end() &&
            permissions.is_owner(context, role->project_id))
            return role;
    if (context.admin) return permissions.role_of_permission(id);
    deny();
}

net::Response list(const Permissions& permissions, const Context& context, const Message& message) {
    std::vector<std::string> projects;
    for (const auto& name : message.texts("workspace")) {
        for (const auto& project : permissions.identity().all_projects())
            if (project.name == name) projects.push_back(project.id);
    }
    bool all = message.texts("workspace").empty();
    if (all && !context.admin) deny();
    for (const auto& project : projects)
        if (!permissions.is_member(context, project)) deny();
    auto roles = permissions.roles();
    std::erase_if(roles, [&](const Role& role) {
        return !may_see(permissions, context, *role) ||
               (!all && std::ranges::find(projects, role->project_id) == projects.end());
    });
    return answer_roles(permissions, roles);
}

net::Response list_of_user(const Permissions& permissions, const Context& context,
                           const Message& message) {
    std::string user = message.required_text("username");
    bool self = user == context.user;
    if (!self && !context.admin && !permissions.is_user(user)) deny();
    auto roles = permissions.roles_of(user);
    std::erase_if(roles, [&](const Role& role) {
        return !self && !permissions.is_owner(context, role->project_id);
    });
    if (!self && !context.admin && roles.empty()) deny();
    return answer_roles(permissions, roles);
}

net::Response create(Permissions& permissions, const Context& context, const Message& message) {
    std::string name = message.required_text("name");
    std::string workspace = message.required_text("workspace");
    for (const auto& project : permissions.identity().all_projects())
        if (project.name == workspace && permissions.is_owner(context, project.id))
            return answer_role(
                permissions,
                permissions.create_role(project.id, name, message.optional_text("description")));
    if (context.admin) permissions.identity().project(workspace);  // says that it is not there
    deny();
}

net::Response update(Permissions& permissions, const Context& context, const Message& message) {
    auto role = managed(permissions, context, message.required_integer("role_id"));
    auto name = message.optional_text("name"), description = message.optional_text("description");
    if (!name && !description)
        fail(ErrorCode::invalid_argument,
             "At least one of 'name' or 'description' must be provided to update a role.");
    return answer_role(permissions, permissions.update_role(role->id, name, description));
}

net::Response users_of(const Role& role) {
    JsonWriter writer;
    writer.begin_object().key("assignments").begin_list();
    for (const auto& [user_id, number] : role->users)
        writer.begin_object()
            .field("id", number)
            .field("user_id", user_id)
            .field("role_id", role->id)
            .end_object();
    writer.end_list().end_object();
    return tracking::mlflow::answer(writer);
}

net::Response assign(Permissions& permissions, const Context& context, const Message& message) {
    std::string user = message.required_text("username");
    auto role = managed(permissions, context, message.required_integer("role_id"));
    std::int64_t number = permissions.assign(role->id, user);
    JsonWriter writer;
    writer.begin_object().key("assignment").begin_object();
    writer.field("id", number)
        .field("user_id", permissions.user_id(user))
        .field("role_id", role->id);
    writer.end_object().end_object();
    return tracking::mlflow::answer(writer);
}

void add_role_permission_routes(
    const std::function<
        void(std::string_view, std::string_view,
             std::function<net::Response(Permissions&, const Context&, const Message&)>)>& add) {
    add("POST", "/mlflow/roles/permissions/add",
        [](Permissions& p, const Context& context, const Message& message) {
            auto role = managed(p, context, message.required_integer("role_id"));
            auto resource = resource_of(message, "resource_pattern", role->project_id, p);
            auto grant = p.add_permission(role->id, resource, permission_of(message, false));
            return answer_permission(p, role, grant);
        });
    add("DELETE", "/mlflow/roles/permissions/remove",
        [](Permissions& p, const Context& context, const Message& message) {
            auto id = message.required_integer("role_permission_id");
            managed_permission(p, context, id);
            p.remove_permission(id);
            return empty_answer();
        });
    add("GET", "/mlflow/roles/permissions/list",
        [](Permissions& p, const Context& context, const Message& message) {
            JsonWriter writer;
            writer.begin_object();
            write_permissions(writer, "role_permissions", p,
                              visible(p, context, message.required_integer("role_id")));
            writer.end_object();
            return tracking::mlflow::answer(writer);
        });
    add("PATCH", "/mlflow/roles/permissions/update",
        [](Permissions& p, const Context& context, const Message& message) {
            auto id = message.required_integer("role_permission_id");
            auto role = managed_permission(p, context, id);
            return answer_permission(p, role,
                                     p.update_permission(id, permission_of(message, false)));
        });
}

}  // namespace

void add_role_routes(api::Api& api, Permissions& permissions) {
    auto add = [&](std::string_view method, std::string_view path, auto handle) {
        tracking::mlflow::add_route(
            api, {.method = method,
                  .path = path,
                  .permission = Permission::signed_in,
                  .handle = [&permissions, handle](const Context& context, const Message& message,
                                                   const PathParameters&) -> net::Response {
                      return handle(permissions, context, message);
                  },
                  .version = "3.0",
                  .audited = method != "GET"});
    };
    add("POST", "/mlflow/roles/create", create);
    add("GET", "/mlflow/roles/get",
        [](Permissions& p, const Context& context, const Message& message) {
            return answer_role(p, visible(p, context, message.required_integer("role_id")));
        });
    add("GET", "/mlflow/roles/list", list);
    add("PATCH", "/mlflow/roles/update", update);
    add("DELETE", "/mlflow/roles/delete",
        [](Permissions& p, const Context& context, const Message& message) {
            p.delete_role(managed(p, context, message.required_integer("role_id"))->id);
            return empty_answer();
        });
    add_role_permission_routes(add);
    add("POST", "/mlflow/roles/assign", assign);
    add("DELETE", "/mlflow/roles/unassign",
        [](Permissions& p, const Context& context, const Message& message) {
            std::string user = message.required_text("username");
            p.unassign(managed(p, context, message.required_integer("role_id"))->id, user);
            return empty_answer();
        });
    add("GET", "/mlflow/users/roles/list", list_of_user);
    add("GET", "/mlflow/roles/users/list",
        [](Permissions& p, const Context& context, const Message& message) {
            return users_of(visible(p, context, message.required_integer("role_id")));
        });
}

}  // namespace maru::server
