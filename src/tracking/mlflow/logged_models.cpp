#include "base/error.hpp"
#include "tracking/mlflow/routes.hpp"
#include "tracking/validation.hpp"

namespace maru::tracking::mlflow {
namespace {

using api::Context;
using api::PathParameters;
using api::Permission;

void write_model(JsonWriter& writer, const LoggedModel& model) {
    writer.begin_object().key("info").begin_object();
    writer.field("model_id", model.id)
        .field("experiment_id", model.experiment_id)
        .field("name", model.name)
        .field("creation_timestamp_ms", to_ms(model.created_at))
        .field("last_updated_timestamp_ms", to_ms(model.updated_at))
        .field("artifact_uri", model.artifact_uri)
        .field("status", model.status)
        .field("model_type", model.model_type)
        .field("source_run_id", model.source_run_id.value_or(""))
        .pairs("tags", model.tags)
        .end_object();
    writer.key("data").begin_object().pairs("params", model.parameters);
    if (!model.metrics.empty()) {
        writer.key("metrics").begin_list();
        for (const auto& metric : model.metrics) {
            writer.begin_object()
                .field("key", metric.key)
                .field("value", metric.point.value)
                .field("timestamp", to_ms(metric.point.at))
                .field("step", metric.point.step)
                .field("model_id", model.id)
                .field("run_id", metric.run_id);
            if (!metric.dataset_name.empty()) writer.field("dataset_name", metric.dataset_name);
            if (!metric.dataset_digest.empty())
                writer.field("dataset_digest", metric.dataset_digest);
            writer.end_object();
        }
        writer.end_list();
    }
    writer.end_object().end_object();
}

net::Response answer_model(const LoggedModel& model) {
    JsonWriter writer;
    writer.begin_object().key("model");
    write_model(writer, model);
    writer.end_object();
    return answer(writer);
}

const std::string& id_of(const PathParameters& parameters) {
    return parameters.find("model_id")->second;
}

net::Response create_model(Service& service, const Context& context, const Message& message) {
    NewLoggedModel model{.experiment_id = message.required_text("experiment_id"),
                         .name = message.text("name"),
                         .model_type = message.text("model_type"),
                         .parameters = message.map("params"),
                         .tags = message.map("tags")};
    if (auto run = message.text("source_run_id"); !run.empty()) model.source_run_id = run;
    return answer_model(service.create_logged_model(context.in_project().id, model));
}

/// "LOGGED_MODEL_READY", or the enumeration's number.
std::string status_of(const Message& message) {
    static constexpr std::string_view kNames[] = {"LOGGED_MODEL_STATUS_UNSPECIFIED",
                                                  "LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY",
                                                  "LOGGED_MODEL_UPLOAD_FAILED"};
    message.require("status");
    std::string name = message.enumerator("status");
    for (std::size_t i = 0; i < std::size(kNames); ++i)
        if (name == std::to_string(i)) return std::string(kNames[i]);
    return name;
}

net::Response search_models(Service& service, const Context& context, const Message& message) {
    message.require("experiment_ids");
    std::vector<LoggedModelOrder> order;
    for (const auto& term : message.list("order_by"))
        order.push_back({term.text("field_name"), term.flag("ascending", true),
                         term.text("dataset_name"), term.text("dataset_digest")});
    std::vector<Service::DatasetFilter> datasets;
    for (const auto& dataset : message.list("datasets"))
        datasets.push_back({dataset.text("dataset_name"), dataset.text("dataset_digest")});
    auto page =
        service.search_logged_models(context.in_project().id, message.texts("experiment_ids"),
                                     {.filter = message.text("filter"),
                                      .results_max = message.results_max(100, 1000),
                                      .page_token = message.text("page_token")},
                                     order, datasets);
    JsonWriter writer;
    writer.begin_object().key("models").begin_list();
    for (const auto& model : page.items) write_model(writer, model);
    writer.end_list();
    if (page.next_page_token) writer.field("next_page_token", *page.next_page_token);
    writer.end_object();
    return answer(writer);
}

net::Response list_artifacts(Service& service, const Context& context, const Message& message,
                             const std::string& id) {
    const std::string& project = context.in_project().id;
    LoggedModel model = service.get_logged_model(project, id);
    std::string folder = service.artifact_folder(project, model.artifact_uri);
    std::string path = message.text("artifact_directory_path");
    if (!path.empty()) {
        check_artifact_path(path);
        folder += "/" + path;
    }
    JsonWriter writer;
    writer.begin_object().field("root_uri", model.artifact_uri);
    write_files(writer, service.list_artifacts(project, folder), path);
    writer.end_object();
    return answer(writer);
}

}  // namespace

void add_logged_model_routes(api::Api& api, Service& service) {
    auto add = [&](std::string_view method, std::string_view path, Permission permission,
                   auto handle) {
        add_route(api, {method, path, permission,
                        [&service, handle](const Context& context, const Message& message,
                                           const PathParameters& parameters) {
                            return handle(service, context, message, parameters);
                        }});
    };
    constexpr auto kRead = Permission::tracking_read, kWrite = Permission::tracking_write;
    add("POST", "/mlflow/logged-models", kWrite,
        [](Service& s, const Context& context, const Message& message, const PathParameters&) {
            return create_model(s, context, message);
        });
    add("POST", "/mlflow/logged-models/search", kRead,
        [](Service& s, const Context& context, const Message& message, const PathParameters&) {
            return search_models(s, context, message);
        });
    add("GET", "/mlflow/logged-models/{model_id}", kRead,
        [](Service& s, const Context& context, const Message& message, const PathParameters& path) {
            return answer_model(s.get_logged_model(context.in_project().id, id_of(path),
                                                   message.flag("allow_deleted", false)));
        });
    add("PATCH", "/mlflow/logged-models/{model_id}", kWrite,
        [](Service& s, const Context& context, const Message& message, const PathParameters& path) {
            return answer_model(
                s.finalize_logged_model(context.in_project().id, id_of(path), status_of(message)));
        });
    add("DELETE", "/mlflow/logged-models/{model_id}", kWrite,
        [](Service& s, const Context& context, const Message&, const PathParameters& path) {
            s.delete_logged_model(context.in_project().id, id_of(path));
            return empty_answer();
        });
    add("POST", "/mlflow/logged-models/{model_id}/params", kWrite,
        [](Service& s, const Context& context, const Message& message, const PathParameters& path) {
            s.log_logged_model_parameters(context.in_project().id, id_of(path),
                                          message.map("params"));
            return empty_answer();
        });
    add("PATCH", "/mlflow/logged-models/{model_id}/tags", kWrite,
        [](Service& s, const Context& context, const Message& message, const PathParameters& path) {
            s.set_logged_model_tags(context.in_project().id, id_of(path), message.map("tags"));
            return empty_answer();
        });
    add("DELETE", "/mlflow/logged-models/{model_id}/tags/{tag_key}", kWrite,
        [](Service& s, const Context& context, const Message&, const PathParameters& path) {
            s.delete_logged_model_tag(context.in_project().id, id_of(path),
                                      path.find("tag_key")->second);
            return empty_answer();
        });
    add("GET", "/mlflow/logged-models/{model_id}/artifacts/directories", kRead,
        [](Service& s, const Context& context, const Message& message, const PathParameters& path) {
            return list_artifacts(s, context, message, id_of(path));
        });
}

}  // namespace maru::tracking::mlflow
