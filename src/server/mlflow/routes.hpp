#pragma once

#include "api/api.hpp"
#include "identity/service.hpp"

/// Routes of MLflow's protocol that concern users and projects, over the services of several rooms.
namespace maru::server {

/// MLflow's workspaces are projects.
void add_workspace_routes(api::Api& api, identity::Service& identity);
/// The users of MLflow's authentication plugin.
void add_user_routes(api::Api& api, identity::Service& identity);

}  // namespace maru::server
