#include "base/error.hpp"
#include "tracking/mlflow/routes.hpp"

namespace maru::tracking::mlflow {
namespace {

/// Parts of MLflow that are not here. A client is told so at once, instead of guessing what the
/// absence of a route means.
struct Unserved {
    std::string_view version;
    std::string_view path;  // and all below it
    std::string_view what;
};

constexpr Unserved kUnserved[] = {
    {"3.0", "/mlflow/gateway", "the AI gateway"},
    {"2.0", "/mlflow/gateway-proxy", "the AI gateway"},
    {"3.0", "/mlflow/scorers", "scorers"},
    {"3.0", "/mlflow/scorer", "scorers"},
    {"3.0", "/mlflow/genai", "evaluation on the server"},
    {"3.0", "/mlflow/datasets", "evaluation datasets"},
    {"3.0", "/mlflow/label-schemas", "label schemas"},
    {"3.0", "/mlflow/review-queues", "review queues"},
    {"3.0", "/mlflow/issues", "issues"},
    {"3.0", "/mlflow/prompt-optimization", "prompt optimization"},
    {"3.0", "/mlflow/jobs", "MLflow's own jobs (maru's are at /api/v1)"},
    {"3.0", "/mlflow/demo", "demo data"},
    {"3.0", "/mlflow/ui-telemetry", "telemetry"},
    {"2.0", "/mlflow/users/create-ui", "MLflow's form for signing up"},
    {"2.0", "/mlflow/runs/create-promptlab-run", "the prompt lab"},
};

void add(api::Api& api, std::string path, std::string_view what) {
    api.add({.id = "mlflow.unserved",
             .method = "*",
             .path = std::move(path),
             .permission = api::Permission::signed_in,
             .handle = [what](const api::Context&, net::Request& request,
                              const api::PathParameters&) -> net::Response {
                 fail(ErrorCode::unimplemented, "This server does not have {}: {} {}", what,
                      request.method, request.path);
             },
             .write_error = write_error});
}

}  // namespace

void add_unserved_routes(api::Api& api) {
    for (const auto& part : kUnserved)
        for (std::string_view prefix : {"/api/", "/ajax-api/"}) {
            std::string path = fmt::format("{}{}{}", prefix, part.version, part.path);
            add(api, path + "/{rest...}", part.what);
            add(api, std::move(path), part.what);
        }
    add(api, "/graphql", "MLflow's GraphQL (its REST routes answer the same)");
}

}  // namespace maru::tracking::mlflow
