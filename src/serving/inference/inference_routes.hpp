#pragma once

#include <string>

#include "net/http.hpp"
#include "serving/inference/model.hpp"

namespace maru::serving {

/// The routes of one model's server: the Open Inference Protocol v2 (/v2/...), MLflow's scoring
/// (/invocations, /ping, /health, /version). Health and metadata are answered on the I/O thread, so
/// that a busy model still answers its probes.
///
/// Lifetime: the model must outlive the router. `name` and `version` as in
/// /v2/models/NAME/versions/VERSION.
net::Router inference_routes(Model& model, std::string name, std::string version);

}  // namespace maru::serving
