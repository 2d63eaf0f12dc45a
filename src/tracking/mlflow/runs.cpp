#include <fmt/ranges.h>

#include "base/error.hpp"
#include "base/json.hpp"
#include "tracking/mlflow/routes.hpp"
#include "tracking/validation.hpp"

namespace maru::tracking::mlflow {
namespace {

using api::Context;
using api::PathParameters;
using api::Permission;

void write_run_info(JsonWriter& writer, const Run& run) {
    writer.begin_object()
        .field("run_id", run.id)
        .field("run_uuid", run.id)
        .field("run_name", run.name)
        .field("experiment_id", run.experiment_id)
        .field("user_id", run.user)
        .field("status", enum_name(run.status))
        .field("start_time", to_ms(run.started_at));
    if (run.ended_at) writer.field("end_time", to_ms(*run.ended_at));
    writer.field("artifact_uri", run.artifact_uri)
        .field("lifecycle_stage", run.deleted ? "deleted" : "active")
        .end_object();
}

void write_dataset_input(JsonWriter& writer, const DatasetInput& input) {
    writer.begin_object().pairs("tags", input.tags).key("dataset").begin_object();
    writer.field("name", input.name)
        .field("digest", input.digest)
        .field("source_type", input.source_type)
        .field("source", input.source);
    if (!input.schema.empty()) writer.field("schema", input.schema);
    if (!input.profile.empty()) writer.field("profile", input.profile);
    writer.end_object().end_object();
}

void write_run(JsonWriter& writer, const Run& run) {
    writer.begin_object().key("info");
    write_run_info(writer, run);
    writer.key("data").begin_object();
    if (!run.metrics.empty()) {
        writer.key("metrics").begin_list();
        for (const auto& [key, metric] : run.metrics)
            write_metric(writer, key, {metric.step, metric.at, metric.value});
        writer.end_list();
    }
    writer.pairs("params", run.parameters).pairs("tags", run.tags).end_object();
    writer.key("inputs").begin_object();
    if (!run.datasets.empty()) {
        writer.key("dataset_inputs").begin_list();
        for (const auto& input : run.datasets) write_dataset_input(writer, input);
        writer.end_list();
    }
    if (!run.model_inputs.empty()) {
        writer.key("model_inputs").begin_list();
        for (const auto& model : run.model_inputs)
            writer.begin_object().field("model_id", model.model_id).end_object();
        writer.end_list();
    }
    writer.end_object().key("outputs").begin_object();
    if (!run.model_outputs.empty()) {
        writer.key("model_outputs").begin_list();
        for (const auto& model : run.model_outputs)
            writer.begin_object()
                .field("model_id", model.model_id)
                .field("step", model.step)
                .end_object();
        writer.end_list();
    }
    writer.end_object().end_object();
}

net::Response answer_run(const Run& run) {
    JsonWriter writer;
    writer.begin_object().key("run");
    write_run(writer, run);
    writer.end_object();
    return answer(writer);
}

/// A status by name, or by its number as old clients send it.
std::optional<RunStatus> status_of(const Message& message) {
    if (!message.has("status")) return std::nullopt;
    static constexpr std::string_view kNames[] = {"RUNNING", "SCHEDULED", "FINISHED", "FAILED",
                                                  "KILLED"};
    std::string name = message.enumerator("status");
    for (std::size_t i = 0; i < std::size(kNames); ++i)
        if (name == kNames[i] || name == std::to_string(i + 1))
            return enum_from<RunStatus>(kNames[i]);
    fail(ErrorCode::invalid_argument,
         "Invalid value \"{}\" for parameter 'status' supplied: expected RUNNING, SCHEDULED, "
         "FINISHED, FAILED or "
         "KILLED",
         name);
}

std::optional<Time> time_of(const Message& message, std::string_view field) {
    auto ms = message.integer(field);
    return ms ? std::optional(from_ms(*ms)) : std::nullopt;
}

net::Response create_run(Service& service, const Context& context, const Message& message) {
    NewRun run{.experiment_id = message.required_text("experiment_id"),
               .name = message.text("run_name"),
               .user = message.text("user_id"),
               .started_at = time_of(message, "start_time"),
               .tags = message.map("tags")};
    if (run.user.empty()) run.user = context.user;
    for (auto& [key, value] : run.tags) value = shortened(std::move(value), kTagLengthMax);
    const std::string& project = context.in_project().id;
    return answer_run(context.workload_id ? service.create_run_of_workload(
                                                project, *context.workload_id, std::move(run))
                                          : service.create_run(project, run));
}

net::Response update_run(Service& service, const Context& context, const Message& message) {
    Run run = service.update_run(context.in_project().id, message.run_id(), status_of(message),
                                 time_of(message, "end_time"), message.text("run_name"));
    JsonWriter writer;
    writer.begin_object().key("run_info");
    write_run_info(writer, run);
    writer.end_object();
    return answer(writer);
}

net::Response search_runs(Service& service, const Context& context, const Message& message) {
    auto page = service.search_runs(
        context.in_project().id, message.texts("experiment_ids"),
        {.filter = message.text("filter"),
         .order_by = message.texts("order_by"),
         .results_max = message.results_max(1000, 50'000, Message::Limit::of_schema),
         .page_token = message.text("page_token"),
         .view = view_of(message, "run_view_type")});
    JsonWriter writer;
    writer.begin_object().key("runs").begin_list();
    for (const auto& run : page.items) write_run(writer, run);
    writer.end_list();
    if (page.next_page_token) writer.field("next_page_token", *page.next_page_token);
    writer.end_object();
    return answer(writer);
}

net::Response log_inputs(Service& service, const Context& context, const Message& message) {
    std::vector<DatasetInput> datasets;
    for (const auto& item : message.list("datasets")) {
        auto dataset = item.object("dataset");
        if (!dataset)
            fail(ErrorCode::invalid_argument,
                 "Dataset input must have a dataset associated with it.");
        datasets.push_back({dataset->text("name"), dataset->text("digest"),
                            dataset->text("source_type"), dataset->text("source"),
                            dataset->text("schema"), dataset->text("profile"), item.map("tags")});
    }
    std::vector<std::string> models;
    for (const auto& item : message.list("models"))
        models.push_back(item.required_text("model_id"));
    service.log_inputs(context.in_project().id, message.run_id(), datasets, models);
    return empty_answer();
}

net::Response log_outputs(Service& service, const Context& context, const Message& message) {
    std::vector<ModelLink> models;
    message.require("models");
    for (const auto& item : message.list("models"))
        models.push_back({item.required_text("model_id"), item.integer("step").value_or(0)});
    service.log_outputs(context.in_project().id, message.run_id(), models);
    return empty_answer();
}

void check_model_json(const std::string& text) {
    auto model = Message::from_text(text);
    if (!model)
        fail(ErrorCode::invalid_argument, "Malformed model info. \n {} \n is not a valid JSON.",
             text);
    std::vector<std::string_view> missing;
    for (std::string_view field : {"artifact_path", "flavors", "run_id", "utc_time_created"})
        if (!model->has(field)) missing.push_back(field);
    if (!missing.empty())
        fail(ErrorCode::invalid_argument, "Model json is missing mandatory fields: {{'{}'}}",
             fmt::join(missing, "', '"));
}

/// Clients before MLflow 3 tell of a logged model in a tag of its run, a JSON list.
net::Response log_model(Service& service, const Context& context, const Message& message) {
    std::string id = message.run_id();
    std::string model = message.required_text("model_json");
    check_model_json(model);
    const std::string& project = context.in_project().id;
    constexpr const char* kTag = "mlflow.log-model.history";
    Run run = service.get_run(project, id);
    std::string history = run.tags.contains(kTag) ? run.tags[kTag] : "[]";
    history.pop_back();
    history += (history == "[" ? "" : ", ") + model + "]";
    service.log(project, id, {.metrics = {}, .parameters = {}, .tags = {{kTag, history}}});
    return empty_answer();
}

}  // namespace

void add_run_routes(api::Api& api, Service& service) {
    auto add = [&](std::string_view method, std::string_view path, Permission permission,
                   auto handle) {
        add_route(api, {method, path, permission,
                        [&service, handle](const Context& context, const Message& message,
                                           const PathParameters&) {
                            return handle(service, context, message);
                        }});
    };
    auto write = [&](std::string_view path, auto handle) {
        add("POST", path, Permission::tracking_write, handle);
    };
    write("/mlflow/runs/create", create_run);
    write("/mlflow/runs/update", update_run);
    write("/mlflow/runs/log-inputs", log_inputs);
    write("/mlflow/runs/outputs", log_outputs);
    write("/mlflow/runs/log-model", log_model);
    write("/mlflow/runs/delete", [](Service& s, const Context& context, const Message& message) {
        s.set_run_deleted(context.in_project().id, message.run_id(), true);
        return empty_answer();
    });
    write("/mlflow/runs/restore", [](Service& s, const Context& context, const Message& message) {
        s.set_run_deleted(context.in_project().id, message.run_id(), false);
        return empty_answer();
    });
    write("/mlflow/runs/delete-tag",
          [](Service& s, const Context& context, const Message& message) {
              s.delete_tag(context.in_project().id, message.run_id(), message.required_text("key"));
              return empty_answer();
          });
    add("POST", "/mlflow/runs/search", Permission::tracking_read, search_runs);
    add("GET", "/mlflow/runs/get", Permission::tracking_read,
        [](Service& s, const Context& context, const Message& message) {
            return answer_run(s.get_run(context.in_project().id, message.run_id()));
        });
}

}  // namespace maru::tracking::mlflow
