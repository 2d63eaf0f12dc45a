#include "base/error.hpp"
#include "base/text.hpp"
#include "tracking/mlflow/routes.hpp"
#include "tracking/validation.hpp"

namespace maru::tracking::mlflow {
namespace {

using api::Context;
using api::PathParameters;
using api::Permission;

constexpr std::int64_t kUploadMax = std::int64_t{1} << 40;

/// GET artifacts/list: of a run, with paths from the run's root.
net::Response list_run_artifacts(Service& service, const Context& context, const Message& message) {
    const std::string& project = context.in_project().id;
    std::string path = message.text("path");
    if (!path.empty()) check_artifact_path(path);
    Run run = service.get_run(project, message.run_id());
    std::string folder = service.artifact_folder(project, run.artifact_uri);
    if (!path.empty()) folder += "/" + path;
    auto entries = service.list_artifacts(project, folder);
    JsonWriter writer;
    writer.begin_object().field("root_uri", run.artifact_uri);
    write_files(writer, entries, path);
    writer.end_object();
    return answer(writer);
}

/// GET mlflow-artifacts/artifacts?path=: names only.
net::Response list_folder(Service& service, const Context& context, const Message& message) {
    std::string path = message.text("path");
    if (!path.empty()) check_artifact_path(path);
    JsonWriter writer;
    writer.begin_object();
    write_files(writer, service.list_artifacts(context.in_project().id, path), "");
    writer.end_object();
    return answer(writer);
}

/// Those who ask for URLs of a cloud's storage: files are kept here, and sent to this server.
[[noreturn]] void refuse_presigned(std::string_view what, std::string_view uri) {
    fail(ErrorCode::invalid_argument,
         "Presigned {} proxied artifact storage (artifact URI scheme: {}). This endpoint requires "
         "a {} cloud storage artifact URI.",
         what == "upload" ? "upload is not supported for"
                          : "download is not supported for runs with",
         uri.substr(0, uri.find(':')), what == "upload" ? "direct" : "run with a direct");
}

net::Response presigned_upload(Service& service, const Context& context, const Message& message) {
    std::string path = message.required_text("path");
    std::string run = message.text("run_id"), model = message.text("model_id");
    if (run.empty() == model.empty())
        fail(ErrorCode::invalid_argument, "Exactly one of run_id and model_id must be provided.");
    check_artifact_path(path);
    const std::string& project = context.in_project().id;
    refuse_presigned("upload", run.empty() ? service.get_logged_model(project, model).artifact_uri
                                           : service.get_run(project, run).artifact_uri);
}

net::Response presigned_download(Service& service, const Context& context, const Message& message) {
    constexpr std::int64_t kSecondsInitial = 900, kSecondsMax = 604'800;
    std::string run = message.required_text("run_id"), path = message.required_text("path");
    check_artifact_path(path);
    std::int64_t seconds = message.integer("expiration").value_or(kSecondsInitial);
    if (seconds < 1 || seconds > kSecondsMax)
        fail(ErrorCode::invalid_argument, "expiration must be between 1 and {} seconds (got {}).",
             kSecondsMax, seconds);
    refuse_presigned("download", service.get_run(context.in_project().id, run).artifact_uri);
}

const std::string& path_of(const PathParameters& parameters) {
    return parameters.find("path")->second;
}

void add_file_route(
    api::Api& api, std::string_view prefix, std::string_view method, Permission permission,
    net::Route::Kind kind,
    std::function<net::Response(const Context&, net::Request&, const PathParameters&)> handle) {
    api.add({.id = "mlflow-artifacts." + to_lower(method),
             .method = std::string(method),
             .path = std::string(prefix) + "/mlflow-artifacts/artifacts/{path...}",
             .permission = permission,
             .kind = kind,
             .body_bytes_max = kind == net::Route::Kind::streaming ? kUploadMax : 1 << 20,
             .handle = std::move(handle),
             .write_error = write_error});
}

}  // namespace

void write_files(JsonWriter& writer, const std::vector<ArtifactEntry>& entries,
                 std::string_view folder) {
    if (entries.empty()) return;
    writer.key("files").begin_list();
    for (const auto& entry : entries) {
        writer.begin_object()
            .field("path", folder.empty() ? entry.path : fmt::format("{}/{}", folder, entry.path))
            .field("is_dir", entry.is_directory);
        if (!entry.is_directory) writer.field("file_size", entry.size_bytes);
        writer.end_object();
    }
    writer.end_list();
}

void add_artifact_routes(api::Api& api, Service& service) {
    auto read = [&](std::string_view path, auto handle) {
        add_route(api, {"GET", path, Permission::tracking_read,
                        [&service, handle](const Context& context, const Message& message,
                                           const PathParameters&) {
                            return handle(service, context, message);
                        }});
    };
    auto post = [&](std::string_view path, Permission permission, auto handle) {
        add_route(api, {"POST", path, permission,
                        [&service, handle](const Context& context, const Message& message,
                                           const PathParameters&) {
                            return handle(service, context, message);
                        }});
    };
    post("/mlflow/artifacts/presigned-upload-url", Permission::tracking_write, presigned_upload);
    post("/mlflow/artifacts/presigned-download-url", Permission::tracking_read, presigned_download);
    read("/mlflow/artifacts/list", list_run_artifacts);
    read("/mlflow-artifacts/artifacts", list_folder);
    for (std::string_view prefix : {"/api/2.0", "/ajax-api/2.0"}) {
        add_file_route(
            api, prefix, "PUT", Permission::tracking_write, net::Route::Kind::streaming,
            [&service](const Context& context, net::Request& request, const PathParameters& path) {
                service.write_artifact(context.in_project().id, path_of(path),
                                       *request.body_reader);
                return empty_answer();
            });
        add_file_route(
            api, prefix, "GET", Permission::tracking_read, net::Route::Kind::buffered,
            [&service](const Context& context, net::Request&, const PathParameters& path) {
                return service.artifact_response(
                    service.find_artifact(context.in_project().id, path_of(path)));
            });
        add_file_route(
            api, prefix, "DELETE", Permission::tracking_write, net::Route::Kind::buffered,
            [&service](const Context& context, net::Request&, const PathParameters& path) {
                service.delete_artifacts(context.in_project().id, path_of(path));
                return empty_answer();
            });
    }
}

}  // namespace maru::tracking::mlflow
