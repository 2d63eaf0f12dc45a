#include "base/error.hpp"
#include "tracking/mlflow/routes.hpp"
#include "tracking/validation.hpp"

namespace maru::tracking::mlflow {
namespace {

using api::Context;
using api::PathParameters;
using api::Permission;

constexpr std::int64_t kPageUploadMax = 10 << 20;

using HandleFile =
    std::function<net::Response(const Context&, net::Request&, const PathParameters&)>;

void add(api::Api& api, std::string_view method, std::string_view path, HandleFile handle) {
    bool reads = method == "GET";
    api.add({.id = reads ? "mlflow.get-artifact" : "mlflow.upload-artifact",
             .method = std::string(method),
             .path = std::string(path),
             .permission = reads ? Permission::tracking_read : Permission::tracking_write,
             .kind = reads ? net::Route::Kind::buffered : net::Route::Kind::streaming,
             .body_bytes_max = kPageUploadMax,
             .handle = std::move(handle),
             .write_error = write_error});
}

/// The file of a folder of artifacts, by its path in it.
net::Response answer_file(Service& service, const std::string& project, const std::string& uri,
                          const std::string& path) {
    check_artifact_path(path);
    return service.artifact_response(
        service.find_artifact(project, service.artifact_folder(project, uri) + "/" + path));
}

net::Response of_run(Service& service, const Context& context, const net::Request& request) {
    Message message = Message::parse(request);
    std::string path = message.required_text("path");
    check_artifact_path(path);
    const std::string& project = context.in_project().id;
    return answer_file(service, project, service.get_run(project, message.run_id()).artifact_uri,
                       path);
}

net::Response of_model(Service& service, const Context& context, const net::Request& request,
                       const std::string& model) {
    std::string path(request.query_value("artifact_file_path").value_or(""));
    if (path.empty())
        fail(ErrorCode::invalid_argument,
             "Request must include the \"artifact_file_path\" query parameter.");
    const std::string& project = context.in_project().id;
    return answer_file(service, project, service.get_logged_model(project, model).artifact_uri,
                       path);
}

net::Response upload(Service& service, const Context& context, net::Request& request) {
    std::string run(request.query_value("run_uuid").value_or(""));
    std::string path(request.query_value("path").value_or(""));
    if (run.empty()) fail(ErrorCode::invalid_argument, "Request must specify run_uuid.");
    if (path.empty()) fail(ErrorCode::invalid_argument, "Request must specify path.");
    check_artifact_path(path);
    const std::string& project = context.in_project().id;
    std::string folder =
        service.artifact_folder(project, service.get_run(project, run).artifact_uri);
    service.write_artifact(project, folder + "/" + path, *request.body_reader);
    return empty_answer();
}

}  // namespace

void add_page_file_routes(api::Api& api, Service& service) {
    for (std::string_view path : {"/get-artifact", "/ajax-api/2.0/mlflow/get-artifact"})
        add(api, "GET", path,
            [&service](const Context& context, net::Request& request, const PathParameters&) {
                return of_run(service, context, request);
            });
    add(api, "GET", "/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files",
        [&service](const Context& context, net::Request& request, const PathParameters& path) {
            return of_model(service, context, request, path.find("model_id")->second);
        });
    add(api, "POST", "/ajax-api/2.0/mlflow/upload-artifact",
        [&service](const Context& context, net::Request& request, const PathParameters&) {
            return upload(service, context, request);
        });
}

}  // namespace maru::tracking::mlflow
