#include "tracking/mlflow/routes.hpp"

namespace maru::tracking::mlflow {
namespace {

using api::Context;
using api::PathParameters;
using api::Permission;

void add_text_route(api::Api& api, std::string_view id, std::string_view method, std::string path,
                    std::string_view content, unsigned status) {
    api.add({.id = std::string(id),
             .method = std::string(method),
             .path = std::move(path),
             .permission = Permission::anyone,
             .handle =
                 [content, status](const Context&, net::Request&, const PathParameters&) {
                     return net::Response::text(std::string(content), status);
                 },
             .write_error = write_error});
}

}  // namespace

void add_server_routes(api::Api& api) {
    add_text_route(api, "mlflow.version", "GET", "/version", kProtocolVersion, 200);
    for (std::string_view prefix : {"/api/3.0", "/ajax-api/3.0"}) {
        api.add({.id = "mlflow.server-info",
                 .method = "GET",
                 .path = std::string(prefix) + "/mlflow/server-info",
                 .permission = Permission::anyone,
                 .handle =
                     [](const Context&, net::Request&, const PathParameters&) {
                         JsonWriter writer;
                         writer.begin_object()
                             .field("workspaces_enabled", true)
                             .field("trace_archival_enabled", false)
                             .field("multipart_uploads_enabled", true)
                             // Served, but each download would cost a request more.
                             .field("multipart_downloads_enabled", false)
                             .field("presigned_upload_run_id_supported", false)
                             .field("presigned_upload_model_id_supported", false)
                             .end_object();
                         return answer(writer);
                     },
                 .write_error = write_error});
    }
    // A client falls back where a route is unknown, which it sees by a 404 whose body is not JSON.
    for (std::string_view path : {"/api/2.0/{rest...}", "/api/3.0/{rest...}",
                                  "/ajax-api/2.0/{rest...}", "/ajax-api/3.0/{rest...}"})
        add_text_route(api, "mlflow.unknown", "*", std::string(path), "Not Found", 404);
}

void add_routes(api::Api& api, Service& service, Uploads& uploads) {
    add_experiment_routes(api, service);
    add_run_routes(api, service);
    add_metric_routes(api, service);
    add_logged_model_routes(api, service);
    add_artifact_routes(api, service);
    add_page_file_routes(api, service);
    add_upload_routes(api, service, uploads);
    add_server_routes(api);
    add_unserved_routes(api);
}

}  // namespace maru::tracking::mlflow
