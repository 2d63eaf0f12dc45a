#include "base/error.hpp"
#include "traces/mlflow/routes.hpp"

namespace maru::traces::mlflow {
namespace {

using api::Context;
using api::PathParameters;
using api::Permission;
using tracking::mlflow::answer;
using tracking::mlflow::empty_answer;

constexpr std::int64_t kResults = 100;
constexpr std::int64_t kResultsMax = 500;

const std::string& id_of(const PathParameters& parameters) {
    return parameters.find("trace_id")->second;
}

net::Response answer_info(const Trace& trace) {
    JsonWriter writer;
    writer.begin_object().key("trace").begin_object().key("trace_info");
    write_trace_info(writer, trace);
    writer.end_object().end_object();
    return answer(writer);
}

net::Response start_trace(Service& service, const Context& context, const Message& message) {
    auto trace = message.object("trace");
    if (!trace)
        fail(ErrorCode::invalid_argument,
             "Missing value for required parameter 'trace'. See the API docs for more information "
             "about request parameters.");
    auto info = trace->object("trace_info");
    if (!info)
        fail(ErrorCode::invalid_argument,
             "Missing value for required parameter 'trace.trace_info'.");
    return answer_info(service.start_trace(context.in_project().id, read_trace_info(*info)));
}

net::Response whole_trace(Service& service, const Context& context, const Message& message) {
    const std::string& project = context.in_project().id;
    std::string id = message.required_text("trace_id");
    Trace trace = service.get_trace(project, id);
    auto found = message.flag("allow_partial", false) ? service.read_spans(project, trace)
                                                      : service.await_spans(project, trace);
    if (!found)
        fail(ErrorCode::not_found,
             "Trace with ID {} is not fully exported yet, please try again later.", id);
    JsonWriter writer;
    writer.begin_object().key("trace");
    // Read anew: the spans may have come while it was waited for them.
    write_whole_trace(writer, service.get_trace(project, id), *found);
    writer.end_object();
    return answer(writer);
}

std::vector<Trace> named_traces(Service& service, const Context& context, const Message& message) {
    auto ids = message.texts("trace_ids");
    if (ids.empty())
        fail(ErrorCode::invalid_argument,
             "Missing value for required parameter 'trace_ids'. See the API docs for more "
             "information about request parameters.");
    std::optional<std::vector<std::string>> experiments;
    if (message.has("experiment_ids")) experiments = message.texts("experiment_ids");
    return service.get_traces(context.in_project().id, ids, experiments);
}

net::Response batch_get(Service& service, const Context& context, const Message& message) {
    JsonWriter writer;
    writer.begin_object().key("traces").begin_list();
    for (const auto& trace : named_traces(service, context, message))
        if (auto found = service.read_spans(context.in_project().id, trace, true))
            write_whole_trace(writer, trace, *found);
    writer.end_list().end_object();
    return answer(writer);
}

net::Response batch_get_infos(Service& service, const Context& context, const Message& message) {
    JsonWriter writer;
    writer.begin_object().key("trace_infos").begin_list();
    for (const auto& trace : named_traces(service, context, message))
        write_trace_info(writer, trace);
    writer.end_list().end_object();
    return answer(writer);
}

TraceSearch search_of(const Message& message) {
    return {.filter = message.text("filter"),
            .order_by = message.texts("order_by"),
            .results_max = message.results_max(kResults, kResultsMax, Message::Limit::of_schema),
            .page_token = message.text("page_token")};
}

net::Response write_page(const api::Page<Trace>& page, void (*write)(JsonWriter&, const Trace&)) {
    JsonWriter writer;
    writer.begin_object().key("traces").begin_list();
    for (const auto& trace : page.items) write(writer, trace);
    writer.end_list();
    if (page.next_page_token) writer.field("next_page_token", *page.next_page_token);
    writer.end_object();
    return answer(writer);
}

net::Response search_traces(Service& service, const Context& context, const Message& message) {
    if (!message.has("locations"))
        fail(ErrorCode::invalid_argument,
             "Missing value for required parameter 'locations'. See the API docs for more "
             "information about request parameters.");
    std::vector<std::string> experiments;
    for (const auto& location : message.list("locations"))
        if (auto experiment = location.object("mlflow_experiment"))
            experiments.push_back(experiment->required_text("experiment_id"));
    return write_page(service.search(context.in_project().id, experiments, search_of(message)),
                      write_trace_info);
}

net::Response delete_traces(Service& service, const Context& context, const Message& message) {
    std::int64_t deleted = service.delete_traces(
        context.in_project().id, {.experiment_id = message.required_text("experiment_id"),
                                  .until_ms = message.integer("max_timestamp_millis"),
                                  .traces_max = message.integer("max_traces"),
                                  .ids = message.texts("request_ids")});
    JsonWriter writer;
    writer.begin_object().field("traces_deleted", deleted).end_object();
    return answer(writer);
}

net::Response link_prompts(Service& service, const Context& context, const Message& message) {
    std::vector<std::pair<std::string, std::string>> prompts;
    for (const auto& prompt : message.list("prompt_versions"))
        prompts.emplace_back(prompt.required_text("name"), prompt.required_text("version"));
    service.link_prompts(context.in_project().id, message.required_text("trace_id"), prompts);
    return empty_answer();
}

net::Response answer_old_info(const Trace& trace) {
    JsonWriter writer;
    writer.begin_object().key("trace_info");
    write_old_trace_info(writer, trace);
    writer.end_object();
    return answer(writer);
}

net::Response start_old_trace(Service& service, const Context& context, const Message& message) {
    Trace trace{.experiment_id = message.required_text("experiment_id"),
                .state = TraceState::IN_PROGRESS,
                .started_at = from_ms(message.integer("timestamp_ms").value_or(to_ms(context.now))),
                .tags = message.map("tags"),
                .metadata = message.map("request_metadata")};
    return answer_old_info(service.start_trace(context.in_project().id, std::move(trace)));
}

net::Response end_old_trace(Service& service, const Context& context, const Message& message,
                            const std::string& id) {
    auto state = enum_from<TraceState>(message.text("status"));
    auto at = from_ms(message.integer("timestamp_ms").value_or(to_ms(context.now)));
    return answer_old_info(service.end_trace(context.in_project().id, id, at,
                                             state.value_or(TraceState::STATE_UNSPECIFIED),
                                             message.map("request_metadata"), message.map("tags")));
}

}  // namespace

void add_trace_routes(api::Api& api, Service& service) {
    constexpr auto kRead = Permission::tracking_read, kWrite = Permission::tracking_write;
    auto plain = [&](std::string_view version, std::string_view method, std::string_view path,
                     Permission permission, auto handle) {
        add(api, service, version, method, path, permission,
            [handle](Service& s, const Context& context, const Message& message,
                     const PathParameters&) { return handle(s, context, message); });
    };
    plain("3.0", "POST", "/mlflow/traces", kWrite, start_trace);
    plain("3.0", "GET", "/mlflow/traces/get", kRead, whole_trace);
    plain("3.0", "GET", "/mlflow/traces/batchGet", kRead, batch_get);
    plain("3.0", "POST", "/mlflow/traces/batchGetInfos", kRead, batch_get_infos);
    plain("3.0", "POST", "/mlflow/traces/search", kRead, search_traces);
    add(api, service, "3.0", "GET", "/mlflow/traces/{trace_id}", kRead,
        [](Service& s, const Context& context, const Message&, const PathParameters& path) {
            return answer_info(s.get_trace(context.in_project().id, id_of(path)));
        });
    for (std::string_view version : {"2.0", "3.0"}) {
        plain(version, "POST", "/mlflow/traces/delete-traces", kWrite, delete_traces);
        plain(version, "POST", "/mlflow/traces/link-prompts", kWrite, link_prompts);
        plain(version, "POST", "/mlflow/traces/link-to-run", kWrite,
              [](Service& s, const Context& context, const Message& message) {
                  s.link_to_run(context.in_project().id, message.texts("trace_ids"),
                                message.required_text("run_id"));
                  return empty_answer();
              });
        add(api, service, version, "PATCH", "/mlflow/traces/{trace_id}/tags", kWrite,
            [](Service& s, const Context& context, const Message& message,
               const PathParameters& path) {
                s.set_tag(context.in_project().id, id_of(path), message.required_text("key"),
                          message.text("value"));
                return empty_answer();
            });
        add(api, service, version, "DELETE", "/mlflow/traces/{trace_id}/tags", kWrite,
            [](Service& s, const Context& context, const Message& message,
               const PathParameters& path) {
                s.delete_tag(context.in_project().id, id_of(path), message.required_text("key"));
                return empty_answer();
            });
    }
}

void add_old_routes(api::Api& api, Service& service) {
    constexpr auto kRead = Permission::tracking_read, kWrite = Permission::tracking_write;
    add(api, service, "2.0", "POST", "/mlflow/traces", kWrite,
        [](Service& s, const Context& context, const Message& message, const PathParameters&) {
            return start_old_trace(s, context, message);
        });
    add(api, service, "2.0", "GET", "/mlflow/traces", kRead,
        [](Service& s, const Context& context, const Message& message, const PathParameters&) {
            return write_page(s.search(context.in_project().id, message.texts("experiment_ids"),
                                       search_of(message)),
                              write_old_trace_info);
        });
    add(api, service, "2.0", "PATCH", "/mlflow/traces/{trace_id}", kWrite,
        [](Service& s, const Context& context, const Message& message, const PathParameters& path) {
            return end_old_trace(s, context, message, id_of(path));
        });
    add(api, service, "2.0", "GET", "/mlflow/traces/{trace_id}/info", kRead,
        [](Service& s, const Context& context, const Message&, const PathParameters& path) {
            return answer_old_info(s.get_trace(context.in_project().id, id_of(path)));
        });
}

void add_routes(api::Api& api, Service& service, tracking::Service& tracking) {
    add_trace_routes(api, service);
    add_old_routes(api, service);
    add_assessment_routes(api, service);
    add_analysis_routes(api, service);
    add_artifact_routes(api, service, tracking);
    add_otlp_route(api, service);
}

}  // namespace maru::traces::mlflow
