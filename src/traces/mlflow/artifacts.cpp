#include "base/error.hpp"
#include "base/text.hpp"
#include "traces/mlflow/routes.hpp"
#include "traces/rows.hpp"

namespace maru::traces::mlflow {
namespace {

using api::Context;
using api::PathParameters;
using api::Permission;

/// A file that a client has uploaded beside a trace.
net::Response attachment(tracking::Service& tracking, const std::string& project,
                         const Trace& trace, const std::string& path) {
    check_relative_path("path", path);
    auto location = trace.tags.find(std::string(kLocationTag));
    if (location == trace.tags.end())
        fail(ErrorCode::not_found, "Trace '{}' has no attachments", trace.id);
    std::string folder = tracking.artifact_folder(project, location->second);
    return tracking.artifact_response(
        tracking.find_artifact(project, folder + "/attachments/" + path));
}

net::Response trace_file(Service& service, tracking::Service& tracking, const Context& context,
                         const Message& message) {
    const std::string& project = context.in_project().id;
    std::string id = message.text("request_id");
    if (id.empty())
        fail(ErrorCode::invalid_argument,
             "Request must include the \"request_id\" query parameter.");
    Trace trace = service.get_trace(project, id);
    if (std::string path = message.text("path"); !path.empty())
        return attachment(tracking, project, trace, path);
    auto found = service.read_spans(project, trace);
    std::vector<std::string> lines;
    for (const auto& span : *found) lines.push_back(spans::to_line(span));
    auto response = net::Response::text(spans::to_file(lines));
    response.headers.set("Content-Disposition", "attachment; filename=traces.json");
    response.headers.set("X-Content-Type-Options", "nosniff");
    return response;
}

}  // namespace

void add_artifact_routes(api::Api& api, Service& service, tracking::Service& tracking) {
    for (std::string_view version : {"2.0", "3.0"})
        add(api, service, version, "GET", "/mlflow/get-trace-artifact", Permission::tracking_read,
            [&tracking](Service& s, const Context& context, const Message& message,
                        const PathParameters&) {
                return trace_file(s, tracking, context, message);
            });
}

}  // namespace maru::traces::mlflow
