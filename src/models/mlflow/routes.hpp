#pragma once

#include "api/api.hpp"
#include "models/service.hpp"

namespace maru::models {

/// Registers the registry's half of MLflow's REST protocol; the tracking half is in
/// tracking/mlflow/.
void add_mlflow_routes(api::Api& api, Service& service, tracking::Service& tracking);

}  // namespace maru::models
