#include "base/error.hpp"
#include "tracking/mlflow/routes.hpp"

namespace maru::tracking::mlflow {
namespace {

using api::Context;
using api::PathParameters;
using api::Permission;

/// MLflow's workspaces are our projects.
void write_experiment(JsonWriter& writer, const Experiment& experiment,
                      std::string_view workspace) {
    writer.begin_object()
        .field("experiment_id", experiment.id)
        .field("name", experiment.name)
        .field("artifact_location", experiment.artifact_location)
        .field("lifecycle_stage", experiment.deleted ? "deleted" : "active")
        .field("last_update_time", to_ms(experiment.updated_at))
        .field("creation_time", to_ms(experiment.created_at))
        .pairs("tags", experiment.tags)
        .field("workspace", workspace)
        .end_object();
}

net::Response answer_experiment(const Context& context, const Experiment& experiment) {
    JsonWriter writer;
    writer.begin_object().key("experiment");
    write_experiment(writer, experiment, context.in_project().name);
    writer.end_object();
    return answer(writer);
}

net::Response search_experiments(Service& service, const Context& context, const Message& message) {
    auto page = service.search_experiments(context.in_project().id,
                                           {.filter = message.text("filter"),
                                            .order_by = message.texts("order_by"),
                                            .results_max = message.results_max(1000, 50'000),
                                            .page_token = message.text("page_token"),
                                            .view = view_of(message, "view_type")});
    JsonWriter writer;
    writer.begin_object().key("experiments").begin_list();
    for (const auto& experiment : page.items)
        write_experiment(writer, experiment, context.in_project().name);
    writer.end_list();
    if (page.next_page_token) writer.field("next_page_token", *page.next_page_token);
    writer.end_object();
    return answer(writer);
}

net::Response search_datasets(Service& service, const Context& context, const Message& message) {
    constexpr std::size_t kExperimentsMax = 20;
    auto ids = message.texts("experiment_ids");
    if (ids.empty())
        fail(ErrorCode::invalid_argument,
             "SearchDatasets request must specify at least one experiment_id.");
    if (ids.size() > kExperimentsMax)
        fail(ErrorCode::invalid_argument,
             "SearchDatasets request cannot specify more than {} experiment_ids. Received {} "
             "experiment_ids.",
             kExperimentsMax, ids.size());
    JsonWriter writer;
    writer.begin_object().key("dataset_summaries").begin_list();
    for (const auto& dataset : service.search_datasets(context.in_project().id, ids))
        writer.begin_object()
            .field("experiment_id", dataset.experiment_id)
            .field("name", dataset.name)
            .field("digest", dataset.digest)
            .field("context", dataset.context)
            .end_object();
    writer.end_list().end_object();
    return answer(writer);
}

}  // namespace

View view_of(const Message& message, std::string_view field) {
    std::string name = message.enumerator(field);
    if (name.empty() || name == "ACTIVE_ONLY" || name == "1") return View::active;
    if (name == "DELETED_ONLY" || name == "2") return View::deleted;
    if (name == "ALL" || name == "3") return View::all;
    fail(ErrorCode::invalid_argument,
         "Invalid value \"{}\" for parameter '{}' supplied: expected ACTIVE_ONLY, DELETED_ONLY or "
         "ALL",
         name, field);
}

void add_experiment_routes(api::Api& api, Service& service) {
    auto read = [&](std::string_view method, std::string_view path, auto handle) {
        add_route(api, {method, path, Permission::tracking_read,
                        [&service, handle](const Context& context, const Message& message,
                                           const PathParameters&) {
                            return handle(service, context, message);
                        }});
    };
    auto write = [&](std::string_view path, auto handle) {
        add_route(api, {"POST", path, Permission::tracking_write,
                        [&service, handle](const Context& context, const Message& message,
                                           const PathParameters&) {
                            return handle(service, context.in_project().id, message);
                        }});
    };
    read("GET", "/mlflow/experiments/get-by-name",
         [](Service& s, const Context& context, const Message& message) {
             std::string name = message.required_text("experiment_name");
             auto experiment = s.find_experiment(context.in_project().id, name);
             if (!experiment)
                 fail(ErrorCode::not_found, "Could not find experiment with name '{}'", name);
             return answer_experiment(context, *experiment);
         });
    read("GET", "/mlflow/experiments/get",
         [](Service& s, const Context& context, const Message& message) {
             return answer_experiment(
                 context,
                 s.get_experiment(context.in_project().id, message.required_text("experiment_id")));
         });
    read("POST", "/mlflow/experiments/search", search_experiments);
    read("GET", "/mlflow/experiments/search", search_experiments);
    read("POST", "/mlflow/experiments/search-datasets", search_datasets);
    write("/mlflow/experiments/create",
          [](Service& s, const std::string& project, const Message& message) {
              std::string id =
                  s.create_experiment(project, message.required_text("name"),
                                      message.text("artifact_location"), message.map("tags"));
              JsonWriter writer;
              writer.begin_object().field("experiment_id", id).end_object();
              return answer(writer);
          });
    write("/mlflow/experiments/delete",
          [](Service& s, const std::string& project, const Message& message) {
              s.set_experiment_deleted(project, message.required_text("experiment_id"), true);
              return empty_answer();
          });
    write("/mlflow/experiments/restore",
          [](Service& s, const std::string& project, const Message& message) {
              s.set_experiment_deleted(project, message.required_text("experiment_id"), false);
              return empty_answer();
          });
    write("/mlflow/experiments/update",
          [](Service& s, const std::string& project, const Message& message) {
              std::string id = message.required_text("experiment_id");
              s.rename_experiment(project, id, message.required_text("new_name"));
              return empty_answer();
          });
    write("/mlflow/experiments/set-experiment-tag",
          [](Service& s, const std::string& project, const Message& message) {
              s.set_experiment_tag(project, message.required_text("experiment_id"),
                                   message.required_text("key"), message.text("value"));
              return empty_answer();
          });
    write("/mlflow/experiments/delete-experiment-tag",
          [](Service& s, const std::string& project, const Message& message) {
              s.delete_experiment_tag(project, message.required_text("experiment_id"),
                                      message.required_text("key"));
              return empty_answer();
          });
}

}  // namespace maru::tracking::mlflow
