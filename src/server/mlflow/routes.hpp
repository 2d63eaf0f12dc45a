#pragma once

#include "api/api.hpp"
#include "identity/permissions.hpp"
#include "identity/service.hpp"
#include "tracking/mlflow/protocol.hpp"

/// Routes of MLflow's protocol that concern users and projects, over the services of several rooms.
namespace maru::server {

/// MLflow's workspaces are projects.
void add_workspace_routes(api::Api& api, identity::Service& identity);
/// The users of MLflow's authentication plugin.
void add_user_routes(api::Api& api, identity::Service& identity);
/// What its users may do with single experiments and models: as of 3.x, and as 2.x asked for it.
void add_permission_routes(api::Api& api, identity::Permissions& permissions);
/// Its roles, which hold such permissions.
void add_role_routes(api::Api& api, identity::Permissions& permissions);

/// The project that a route without one in its path is about.
api::ProjectRef project_of(const api::Context& context, const identity::Permissions& permissions);
/// The resource that a message of 3.x names by `resource_type` and the field `name`.
identity::Resource resource_of(const tracking::mlflow::Message& message, std::string_view name,
                               std::string_view project_id,
                               const identity::Permissions& permissions);
/// `permission` of a message; NO_PERMISSIONS is what 2.x calls DENY.
api::ResourcePermission permission_of(const tracking::mlflow::Message& message, bool is_old);

}  // namespace maru::server
