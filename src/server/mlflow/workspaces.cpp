#include "base/error.hpp"
#include "server/mlflow/routes.hpp"
#include "tracking/mlflow/protocol.hpp"

namespace maru::server {
namespace {

using api::Context;
using api::PathParameters;
using api::Permission;
using tracking::mlflow::JsonWriter;
using tracking::mlflow::Message;

void write_workspace(JsonWriter& writer, const identity::Project& project) {
    writer.begin_object()
        .field("name", project.name)
        .field("description", project.description)
        .end_object();
}

net::Response answer_workspace(const identity::Project& project, unsigned status = 200) {
    JsonWriter writer;
    writer.begin_object().key("workspace");
    write_workspace(writer, project);
    writer.end_object();
    auto response = tracking::mlflow::answer(writer);
    response.status = status;
    return response;
}

/// What workspaces of MLflow can be given, and projects can't.
void refuse_storage(const Message& message) {
    for (std::string_view field : {"default_artifact_root", "trace_archival_config"})
        if (message.has(field))
            fail(ErrorCode::unimplemented,
                 "This server keeps the files of all workspaces itself: {} can't be set", field);
}

/// The caller, with his rights in the project that the path names.
Context in_workspace(identity::Service& identity, const Context& context,
                     const PathParameters& path, Permission permission) {
    Context found =
        identity.admit(*context.request, permission, path.find("workspace_name")->second);
    found.request = context.request;
    return found;
}

net::Response list(identity::Service& identity, const Context& context) {
    JsonWriter writer;
    writer.begin_object().key("workspaces").begin_list();
    identity::ListProjects request{.page_token = "", .page_size = 1000};
    while (true) {
        auto page = identity.list_projects(context, request);
        for (const auto& project : page.items) write_workspace(writer, project);
        if (!page.next_page_token) break;
        request.page_token = *page.next_page_token;
    }
    writer.end_list().end_object();
    return tracking::mlflow::answer(writer);
}

net::Response remove(identity::Service& identity, const Context& context,
                     const PathParameters& path) {
    const std::string& name = path.find("workspace_name")->second;
    if (name == identity::kDefaultProject)
        fail(ErrorCode::invalid_argument,
             "The 'default' workspace is reserved and cannot be deleted");
    std::string mode(context.request->query_value("mode").value_or("RESTRICT"));
    if (mode != "RESTRICT" && mode != "SET_DEFAULT" && mode != "CASCADE")
        fail(ErrorCode::invalid_argument,
             "Invalid deletion mode '{}'. Must be one of: SET_DEFAULT, CASCADE, RESTRICT", mode);
    if (mode == "SET_DEFAULT")
        fail(
            ErrorCode::unimplemented,
            "This server does not move what is in a workspace to another: use RESTRICT or CASCADE");
    Context inside = in_workspace(identity, context, path, Permission::project_administer);
    identity.delete_project(inside, mode == "CASCADE");
    net::Response response;
    response.status = 204;
    return response;
}

}  // namespace

void add_workspace_routes(api::Api& api, identity::Service& identity) {
    auto add = [&](std::string_view method, std::string_view path, auto handle) {
        tracking::mlflow::add_route(api, {.method = method,
                                          .path = path,
                                          .permission = Permission::signed_in,
                                          .handle = handle,
                                          .version = "3.0",
                                          .audited = method != "GET"});
    };
    add("GET", "/mlflow/workspaces",
        [&identity](const Context& context, const Message&, const PathParameters&) {
            return list(identity, context);
        });
    add("POST", "/mlflow/workspaces",
        [&identity](const Context& context, const Message& message, const PathParameters&) {
            identity::CreateProject request{.name = message.required_text("name"),
                                            .description = message.text("description")};
            refuse_storage(message);
            if (request.name == identity::kDefaultProject)
                fail(ErrorCode::invalid_argument,
                     "The 'default' workspace is reserved and cannot be created");
            return answer_workspace(identity.create_project(context, request), 201);
        });
    add("GET", "/mlflow/workspaces/{workspace_name}",
        [&identity](const Context& context, const Message&, const PathParameters& path) {
            return answer_workspace(identity.get_project(
                in_workspace(identity, context, path, Permission::project_read)));
        });
    add("PATCH", "/mlflow/workspaces/{workspace_name}",
        [&identity](const Context& context, const Message& message, const PathParameters& path) {
            refuse_storage(message);
            if (!message.has("description"))
                fail(ErrorCode::invalid_argument, "Workspace update must have at least one key");
            return answer_workspace(identity.update_project(
                in_workspace(identity, context, path, Permission::project_administer),
                {.project = "", .description = message.text("description")}));
        });
    add("DELETE", "/mlflow/workspaces/{workspace_name}",
        [&identity](const Context& context, const Message&, const PathParameters& path) {
            return remove(identity, context, path);
        });
}

}  // namespace maru::server
