#include <algorithm>

#include "base/error.hpp"
#include "server/mlflow/routes.hpp"

namespace maru::server {
namespace {

using api::Context;
using api::PathParameters;
using api::Permission;
using api::ResourceKind;
using api::ResourcePermission;
using identity::Permissions;
using identity::Resource;
using tracking::mlflow::empty_answer;
using tracking::mlflow::JsonWriter;
using tracking::mlflow::Message;

/// What MLflow gives permissions on and this server does not have, or not singly.
constexpr std::string_view kUnservedTypes[] = {"scorer",
                                               "gateway_secret",
                                               "gateway_endpoint",
                                               "gateway_model_definition",
                                               "mcp_server",
                                               "run",
                                               "trace",
                                               "assessment",
                                               "logged_model",
                                               "review_queue",
                                               "registered_model_version",
                                               "prompt_version",
                                               "scorer_version",
                                               "mcp_server_version"};

[[noreturn]] void deny() {
    fail(ErrorCode::permission_denied, "Permission denied");
}

/// All that a user was given, of the projects that the caller may ask about.
net::Response list_of(const Permissions& permissions, const Context& context,
                      const std::string& user) {
    const auto& identity = permissions.identity();
    bool self = user == context.user;
    JsonWriter writer;
    writer.begin_object().field("is_admin", permissions.is_admin(user));
    writer.key("permissions").begin_list();
    bool may_see = self || context.admin;
    for (const auto& role : permissions.roles_of(user)) {
        bool owner = permissions.is_owner(context, role->project_id);
        if (!self && !owner) continue;
        may_see = true;
        auto project = identity.project_by_id(role->project_id);
        for (const auto& grant : role->grants) {
            std::string pattern = permissions.pattern(*role, grant);
            if (!project || pattern.empty()) continue;
            writer.begin_object()
                .field("role_id", role->id)
                .field("role_name", role->name)
                .field("workspace", project->name)
                .field("resource_type", enum_name(grant.kind))
                .field("resource_pattern", pattern)
                .field("permission", enum_name(grant.permission))
                .end_object();
        }
    }
    writer.end_list().end_object();
    if (!may_see) deny();
    return tracking::mlflow::answer(writer);
}

net::Response effective(const Permissions& permissions, const Context& context,
                        const Message& message) {
    std::string user = message.required_text("username");
    auto project = project_of(context, permissions);
    if (user != context.user && !permissions.is_owner(context, project.id)) deny();
    auto resource = resource_of(message, "resource_id", project.id, permissions);
    auto permission = permissions.effective(user, resource);
    JsonWriter writer;
    writer.begin_object()
        .field("allowed", permission && *permission >= ResourcePermission::USE)
        .field("permission", permission ? enum_name(*permission) : "NO_PERMISSIONS")
        .end_object();
    return tracking::mlflow::answer(writer);
}

/// A kind of resource as MLflow 2.x had routes for it.
struct OldKind {
    ResourceKind kind;
    std::string_view path, field, entity;
};
constexpr OldKind kOldKinds[] = {
    {ResourceKind::experiment, "/mlflow/experiments/permissions", "experiment_id",
     "experiment_permission"},
    {ResourceKind::registered_model, "/mlflow/registered-models/permissions", "name",
     "registered_model_permission"},
};

net::Response answer_old(const OldKind& old, const Message& message, const std::string& user_id,
                         ResourcePermission permission) {
    JsonWriter writer;
    writer.begin_object().key(old.entity).begin_object();
    writer.field(old.field, message.required_text(old.field))
        .field("user_id", user_id)
        .field("permission",
               permission == ResourcePermission::DENY ? "NO_PERMISSIONS" : enum_name(permission));
    writer.end_object().end_object();
    return tracking::mlflow::answer(writer);
}

using Handle = std::function<net::Response(Permissions&, const Context&, const Message&)>;

void add(api::Api& api, Permissions& permissions, std::string_view method, std::string_view path,
         std::string_view version, Handle handle) {
    tracking::mlflow::add_route(
        api,
        {.method = method,
         .path = path,
         .permission = Permission::signed_in,
         .handle = [&permissions, handle = std::move(handle)](
                       const Context& context, const Message& message,
                       const PathParameters&) { return handle(permissions, context, message); },
         .version = version,
         .audited = method != "GET"});
}

void add_old_routes(api::Api& api, Permissions& permissions, const OldKind& old) {
    auto route = [&](std::string_view method, std::string_view verb, auto handle) {
        add(api, permissions, method, fmt::format("{}/{}", old.path, verb), "2.0",
            [old, handle](Permissions& p, const Context& context, const Message& message) {
                auto resource = p.resource(project_of(context, p).id, old.kind,
                                           message.required_text(old.field));
                p.check_may_give(context, resource);
                return handle(p, old, message, resource, message.required_text("username"));
            });
    };
    auto given = [](Permissions& p, const std::string& user, const Resource& resource) {
        auto permission = p.given(user, resource);
        if (!permission)
            fail(ErrorCode::not_found,
                 "Permission for user={} on resource_type={}, resource_id={} not found.", user,
                 enum_name(resource.kind), resource.text);
        return *permission;
    };
    route("POST", "create",
          [](Permissions& p, const OldKind& kind, const Message& message, const Resource& resource,
             const std::string& user) {
              auto permission = permission_of(message, true);
              p.give(user, resource, permission, false);
              return answer_old(kind, message, p.user_id(user), permission);
          });
    route("GET", "get",
          [given](Permissions& p, const OldKind& kind, const Message& message,
                  const Resource& resource, const std::string& user) {
              return answer_old(kind, message, p.user_id(user), given(p, user, resource));
          });
    route("PATCH", "update",
          [given](Permissions& p, const OldKind&, const Message& message, const Resource& resource,
                  const std::string& user) {
              auto permission = permission_of(message, true);
              given(p, user, resource);
              p.give(user, resource, permission, true);
              return empty_answer();
          });
    route("DELETE", "delete",
          [](Permissions& p, const OldKind&, const Message&, const Resource& resource,
             const std::string& user) {
              p.take(user, resource);
              return empty_answer();
          });
}

}  // namespace

api::ProjectRef project_of(const Context& context, const Permissions& permissions) {
    return context.project ? *context.project
                           : permissions.identity().project(identity::kDefaultProject);
}

Resource resource_of(const Message& message, std::string_view name, std::string_view project_id,
                     const Permissions& permissions) {
    std::string type = message.required_text("resource_type");
    std::string text = message.required_text(name);
    if (type == "workspace")
        fail(ErrorCode::invalid_argument,
             "resource_type 'workspace' is not supported here: projects have members, with roles; "
             "see `maru project members`");
    if (std::ranges::find(kUnservedTypes, type) != std::end(kUnservedTypes))
        fail(ErrorCode::unimplemented,
             "This server has no permissions on resource_type '{}': it gives them on experiments "
             "(which count for their runs, traces and logged models) and registered models",
             type);
    // A prompt is a registered model; all prompts are not to be told from all models.
    if (type == "prompt" && text != "*") type = enum_name(ResourceKind::registered_model);
    auto kind = enum_from<ResourceKind>(type);
    if (!kind)
        fail(ErrorCode::invalid_argument,
             "Invalid resource type '{}'. Valid resource types are: experiment, registered_model, "
             "prompt (by name)",
             type);
    return permissions.resource(project_id, *kind, text);
}

ResourcePermission permission_of(const Message& message, bool is_old) {
    std::string text = message.required_text("permission");
    if (is_old && text == "NO_PERMISSIONS") return ResourcePermission::DENY;
    auto permission = enum_from<ResourcePermission>(text);
    if (!permission)
        fail(ErrorCode::invalid_argument,
             "Invalid permission '{}'. Valid permissions are: READ, USE, EDIT, MANAGE, {}", text,
             is_old ? "NO_PERMISSIONS" : "DENY");
    return *permission;
}

void add_permission_routes(api::Api& api, Permissions& permissions) {
    add(api, permissions, "GET", "/mlflow/users/current/permissions", "3.0",
        [](Permissions& p, const Context& context, const Message&) {
            return list_of(p, context, context.user);
        });
    add(api, permissions, "GET", "/mlflow/users/permissions/list", "3.0",
        [](Permissions& p, const Context& context, const Message& message) {
            return list_of(p, context, message.required_text("username"));
        });
    add(api, permissions, "GET", "/mlflow/users/permissions/get", "3.0", effective);
    add(api, permissions, "POST", "/mlflow/users/permissions/grant", "3.0",
        [](Permissions& p, const Context& context, const Message& message) {
            std::string user = message.required_text("username");
            auto resource = resource_of(message, "resource_id", project_of(context, p).id, p);
            p.check_may_give(context, resource);
            p.give(user, resource, permission_of(message, false), false);
            return empty_answer();
        });
    add(api, permissions, "POST", "/mlflow/users/permissions/revoke", "3.0",
        [](Permissions& p, const Context& context, const Message& message) {
            std::string user = message.required_text("username");
            auto resource = resource_of(message, "resource_id", project_of(context, p).id, p);
            p.check_may_give(context, resource);
            p.take(user, resource);
            return empty_answer();
        });
    for (const auto& old : kOldKinds) add_old_routes(api, permissions, old);
}

}  // namespace maru::server
