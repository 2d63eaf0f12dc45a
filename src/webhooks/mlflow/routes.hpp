#pragma once

#include "api/api.hpp"
#include "webhooks/service.hpp"

namespace maru::webhooks {

/// Registers MLflow's routes of webhooks. Its clients see and change the events that they know; a
/// webhook of others alone is not shown to them, since they could not read it.
void add_mlflow_routes(api::Api& api, Service& service);

}  // namespace maru::webhooks
