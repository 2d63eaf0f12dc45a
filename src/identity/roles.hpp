#pragma once

#include <span>

#include "api/operation.hpp"
#include "identity/types.hpp"

namespace maru::identity {

/// True if a member with this role may do what `permission` names in his project.
bool grants(Role role, api::Permission permission);
/// True for permissions that are about a project, which its roles grant; false for anyone,
/// signed_in and administer.
bool is_project_permission(api::Permission permission);
/// The least role that grants a project's permission.
Role least_role(api::Permission permission);
/// True if a token with only the scope `read` is enough. `safe` says that the method is GET or
/// HEAD, and decides for permissions that are for reading and changing alike.
bool is_read(api::Permission permission, bool safe);

}  // namespace maru::identity
