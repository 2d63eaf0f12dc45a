#include "models/mlflow/routes.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "models/mlflow/sources.hpp"
#include "tracking/mlflow/protocol.hpp"
#include "tracking/validation.hpp"

namespace maru::models {
namespace {

using api::Context;
using api::Permission;
using tracking::mlflow::answer;
using tracking::mlflow::empty_answer;
using tracking::mlflow::JsonWriter;
using tracking::mlflow::Message;

void write_version(JsonWriter& writer, const ModelVersion& version) {
    writer.begin_object()
        .field("name", version.model)
        .field("version", std::to_string(version.version))
        .field("creation_timestamp", to_ms(version.created_at))
        .field("last_updated_timestamp", to_ms(version.updated_at))
        .field("user_id", version.user)
        .field("current_stage", version.stage)
        .field("description", version.description)
        .field("source", version.source)
        .field("run_id", version.run_id.value_or(""))
        .field("status", enum_name(version.state))
        .field("run_link", version.run_link)
        .pairs("tags", version.tags);
    if (!version.model_id.empty()) writer.field("model_id", version.model_id);
    if (!version.aliases.empty()) {
        writer.key("aliases").begin_list();
        for (const auto& alias : version.aliases) writer.value(alias);
        writer.end_list();
    }
    writer.end_object();
}

void write_model(JsonWriter& writer, const Model& model, const std::vector<ModelVersion>& latest) {
    writer.begin_object()
        .field("name", model.name)
        .field("creation_timestamp", to_ms(model.created_at))
        .field("last_updated_timestamp", to_ms(model.updated_at))
        .field("description", model.description)
        .pairs("tags", model.tags);
    if (!latest.empty()) {
        writer.key("latest_versions").begin_list();
        for (const auto& version : latest) write_version(writer, version);
        writer.end_list();
    }
    if (!model.aliases.empty()) {
        writer.key("aliases").begin_list();
        for (const auto& [alias, version] : model.aliases)
            writer.begin_object()
                .field("alias", alias)
                .field("version", std::to_string(version))
                .end_object();
        writer.end_list();
    }
    writer.end_object();
}

net::Response answer_version(const ModelVersion& version) {
    JsonWriter writer;
    writer.begin_object().key("model_version");
    write_version(writer, version);
    writer.end_object();
    return answer(writer);
}

net::Response answer_model(Service& service, std::string_view project, const Model& model) {
    JsonWriter writer;
    writer.begin_object().key("registered_model");
    write_model(writer, model, service.latest_versions(project, model.name, {}));
    writer.end_object();
    return answer(writer);
}

bool is_prompt(const std::map<std::string, std::string>& tags) {
    auto tag = tags.find("mlflow.prompt.is_prompt");
    return tag != tags.end() && to_lower(tag->second) == "true";
}

/// A version is a string on the wire; clients send numbers too.
std::int64_t version_of(const Message& message) {
    if (message.has("version") && !message.integer_like("version"))
        fail(ErrorCode::invalid_argument, "Parameter 'version' must be an integer, got '{}'.",
             message.required_text("version"));
    return message.required_integer("version");
}

net::Response search_models(Service& service, const std::string& project, const Message& message) {
    auto page = service.search_models(
        project, {.filter = message.text("filter"),
                  .order_by = message.texts("order_by"),
                  .results_max = message.results_max(100, 1000, Message::Limit::of_schema),
                  .page_token = message.text("page_token")});
    JsonWriter writer;
    writer.begin_object().key("registered_models").begin_list();
    for (const auto& model : page.items)
        write_model(writer, model, service.latest_versions(project, model.name, {}));
    writer.end_list();
    if (page.next_page_token) writer.field("next_page_token", *page.next_page_token);
    writer.end_object();
    return answer(writer);
}

net::Response search_versions(Service& service, const std::string& project,
                              const Message& message) {
    auto page = service.search_versions(
        project, {.filter = message.text("filter"),
                  .order_by = message.texts("order_by"),
                  .results_max = message.results_max(10'000, 200'000, Message::Limit::of_versions),
                  .page_token = message.text("page_token")});
    JsonWriter writer;
    writer.begin_object().key("model_versions").begin_list();
    for (const auto& version : page.items) write_version(writer, version);
    writer.end_list();
    if (page.next_page_token) writer.field("next_page_token", *page.next_page_token);
    writer.end_object();
    return answer(writer);
}

net::Response latest_versions(Service& service, const std::string& project,
                              const Message& message) {
    JsonWriter writer;
    writer.begin_object().key("model_versions").begin_list();
    for (const auto& version :
         service.latest_versions(project, message.required_text("name"), message.texts("stages")))
        write_version(writer, version);
    writer.end_list().end_object();
    return answer(writer);
}

/// Adds handlers of (service, project's id, message).
class Registrar {
  public:
    Registrar(api::Api& api, Service& service) : api_(api), service_(service) {}

    template <class Handler>
    void read(std::string_view method, std::string_view path, Handler handler) {
        add(method, path, Permission::models_read, handler);
    }
    template <class Handler>
    void write(std::string_view method, std::string_view path, Handler handler) {
        add(method, path, Permission::models_write, handler);
    }

  private:
    template <class Handler>
    void add(std::string_view method, std::string_view path, Permission permission,
             Handler handler) {
        bool audited = permission == Permission::models_write;
        tracking::mlflow::add_route(api_,
                                    {.method = method,
                                     .path = path,
                                     .permission = permission,
                                     .handle = [&service = service_, handler](
                                                   const Context& context, const Message& message,
                                                   const api::PathParameters&) -> net::Response {
                                         return handler(service, context, message);
                                     },
                                     .audited = audited});
    }
    api::Api& api_;
    Service& service_;
};

void add_model_routes(Registrar& routes) {
    routes.write("POST", "/mlflow/registered-models/create",
                 [](Service& s, const Context& context, const Message& message) {
                     const std::string& project = context.in_project().id;
                     return answer_model(
                         s, project,
                         s.create_model(author_of(context), message.required_text("name"),
                                        message.text("description"), message.map("tags")));
                 });
    routes.write("POST", "/mlflow/registered-models/rename",
                 [](Service& s, const Context& context, const Message& message) {
                     const std::string& project = context.in_project().id;
                     return answer_model(
                         s, project,
                         s.rename_model(author_of(context), message.required_text("name"),
                                        message.required_text("new_name")));
                 });
    routes.write("PATCH", "/mlflow/registered-models/update",
                 [](Service& s, const Context& context, const Message& message) {
                     const std::string& project = context.in_project().id;
                     return answer_model(
                         s, project,
                         s.describe_model(author_of(context), message.required_text("name"),
                                          message.text("description")));
                 });
    routes.write("DELETE", "/mlflow/registered-models/delete",
                 [](Service& s, const Context& context, const Message& message) {
                     s.delete_model(author_of(context), message.required_text("name"));
                     return empty_answer();
                 });
    routes.read("GET", "/mlflow/registered-models/get",
                [](Service& s, const Context& context, const Message& message) {
                    const std::string& project = context.in_project().id;
                    return answer_model(s, project,
                                        s.get_model(project, message.required_text("name")));
                });
    routes.read("GET", "/mlflow/registered-models/search",
                [](Service& s, const Context& context, const Message& message) {
                    return search_models(s, context.in_project().id, message);
                });
    for (std::string_view method : {"GET", "POST"})
        routes.read(method, "/mlflow/registered-models/get-latest-versions",
                    [](Service& s, const Context& context, const Message& message) {
                        return latest_versions(s, context.in_project().id, message);
                    });
    routes.write("POST", "/mlflow/registered-models/set-tag",
                 [](Service& s, const Context& context, const Message& message) {
                     s.set_model_tag(author_of(context), message.required_text("name"),
                                     message.required_text("key"), message.text("value"));
                     return empty_answer();
                 });
    routes.write("DELETE", "/mlflow/registered-models/delete-tag",
                 [](Service& s, const Context& context, const Message& message) {
                     s.delete_model_tag(author_of(context), message.required_text("name"),
                                        message.required_text("key"));
                     return empty_answer();
                 });
}

void add_alias_routes(Registrar& routes) {
    routes.write("POST", "/mlflow/registered-models/alias",
                 [](Service& s, const Context& context, const Message& message) {
                     s.set_alias(author_of(context), message.required_text("name"),
                                 message.required_text("alias"), version_of(message));
                     return empty_answer();
                 });
    routes.write("DELETE", "/mlflow/registered-models/alias",
                 [](Service& s, const Context& context, const Message& message) {
                     s.delete_alias(author_of(context), message.required_text("name"),
                                    message.required_text("alias"));
                     return empty_answer();
                 });
    routes.read("GET", "/mlflow/registered-models/alias",
                [](Service& s, const Context& context, const Message& message) {
                    return answer_version(s.get_version_by_alias(context.in_project().id,
                                                                 message.required_text("name"),
                                                                 message.required_text("alias")));
                });
}

void add_version_routes(Registrar& routes) {
    routes.write("POST", "/mlflow/model-versions/create",
                 [](Service& s, const Context& context, const Message& message) {
                     NewVersion version{.model = message.required_text("name"),
                                        .source = message.required_text("source"),
                                        .description = message.text("description"),
                                        .run_link = message.text("run_link"),
                                        .user = context.user,
                                        .run_id = message.optional_text("run_id"),
                                        .model_id = message.text("model_id"),
                                        .tags = message.map("tags")};
                     if (!is_prompt(version.tags)) check_source(version.source);
                     return answer_version(s.create_version(author_of(context), version));
                 });
    routes.write("PATCH", "/mlflow/model-versions/update",
                 [](Service& s, const Context& context, const Message& message) {
                     return answer_version(
                         s.describe_version(author_of(context), message.required_text("name"),
                                            version_of(message), message.text("description")));
                 });
    routes.write(
        "POST", "/mlflow/model-versions/transition-stage",
        [](Service& s, const Context& context, const Message& message) {
            return answer_version(s.set_version_stage(
                author_of(context), message.required_text("name"), version_of(message),
                message.required_text("stage"), message.flag("archive_existing_versions", false)));
        });
    routes.write("DELETE", "/mlflow/model-versions/delete",
                 [](Service& s, const Context& context, const Message& message) {
                     s.delete_version(author_of(context), message.required_text("name"),
                                      version_of(message));
                     return empty_answer();
                 });
    routes.read(
        "GET", "/mlflow/model-versions/get",
        [](Service& s, const Context& context, const Message& message) {
            return answer_version(s.get_version(
                context.in_project().id, message.required_text("name"), version_of(message)));
        });
    routes.read("GET", "/mlflow/model-versions/search",
                [](Service& s, const Context& context, const Message& message) {
                    return search_versions(s, context.in_project().id, message);
                });
    routes.read("GET", "/mlflow/model-versions/get-download-uri",
                [](Service& s, const Context& context, const Message& message) {
                    auto version =
                        s.get_version(context.in_project().id, message.required_text("name"),
                                      version_of(message));
                    JsonWriter writer;
                    writer.begin_object().field("artifact_uri", version.artifact_uri).end_object();
                    return answer(writer);
                });
    routes.write("POST", "/mlflow/model-versions/set-tag",
                 [](Service& s, const Context& context, const Message& message) {
                     s.set_version_tag(author_of(context), message.required_text("name"),
                                       version_of(message), message.required_text("key"),
                                       message.text("value"));
                     return empty_answer();
                 });
    routes.write("DELETE", "/mlflow/model-versions/delete-tag",
                 [](Service& s, const Context& context, const Message& message) {
                     s.delete_version_tag(author_of(context), message.required_text("name"),
                                          version_of(message), message.required_text("key"));
                     return empty_answer();
                 });
}

/// GET model-versions/get-artifact: what MLflow's pages show of a version's files.
net::Response version_file(Service& service, tracking::Service& tracking, const Context& context,
                           const net::Request& request) {
    Message message = Message::parse(request);
    std::string path = message.required_text("path");
    tracking::check_artifact_path(path);
    const std::string& project = context.in_project().id;
    for (const auto& file :
         service.files(project, message.required_text("name"), version_of(message)))
        if (file.path == path) return tracking.artifact_response(file);
    fail(ErrorCode::not_found, "No such artifact: '{}'", path);
}

}  // namespace

void add_mlflow_routes(api::Api& api, Service& service, tracking::Service& tracking) {
    Registrar routes(api, service);
    add_model_routes(routes);
    add_alias_routes(routes);
    add_version_routes(routes);
    api.add({.id = "mlflow.model-versions.get-artifact",
             .method = "GET",
             .path = "/model-versions/get-artifact",
             .permission = Permission::models_read,
             .handle =
                 [&service, &tracking](const Context& context, net::Request& request,
                                       const api::PathParameters&) {
                     return version_file(service, tracking, context, request);
                 },
             .write_error = tracking::mlflow::write_error});
}

}  // namespace maru::models
