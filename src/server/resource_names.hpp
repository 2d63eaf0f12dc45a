#pragma once

#include "identity/permissions.hpp"
#include "models/service.hpp"
#include "tracking/service.hpp"

namespace maru::server {

/// How permissions find experiments and models: by the services of their rooms.
identity::ResourceNames resource_names(tracking::Service& tracking, models::Service& models);

}  // namespace maru::server
