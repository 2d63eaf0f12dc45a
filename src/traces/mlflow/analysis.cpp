#include <cmath>

#include "base/error.hpp"
#include "base/json.hpp"
#include "traces/mlflow/routes.hpp"

namespace maru::traces::mlflow {
namespace {

using api::Context;
using api::PathParameters;
using api::Permission;
using tracking::mlflow::answer;

net::Response correlate(Service& service, const Context& context, const Message& message) {
    auto result =
        service.correlate(context.in_project().id, message.texts("experiment_ids"),
                          message.required_text("filter_string1"),
                          message.required_text("filter_string2"), message.text("base_filter"));
    JsonWriter writer;
    writer.begin_object();
    if (!std::isnan(result.npmi)) writer.field("npmi", result.npmi);
    if (!std::isnan(result.npmi_smoothed)) writer.field("npmi_smoothed", result.npmi_smoothed);
    writer.field("filter1_count", result.first)
        .field("filter2_count", result.second)
        .field("joint_count", result.both)
        .field("total_count", result.total)
        .end_object();
    return answer(writer);
}

MetricQuery query_of(const Message& message) {
    MetricQuery query{.experiment_ids = message.texts("experiment_ids"),
                      .view = message.required_text("view_type"),
                      .metric = message.required_text("metric_name"),
                      .dimensions = message.texts("dimensions"),
                      .filters = message.texts("filters"),
                      .interval_s = message.integer("time_interval_seconds"),
                      .from_ms = message.integer("start_time_ms"),
                      .to_ms = message.integer("end_time_ms"),
                      .results_max = message.results_max(1000, 10'000)};
    for (const auto& item : message.list("aggregations")) {
        auto& aggregation = query.aggregations.emplace_back();
        aggregation.type = item.required_text("aggregation_type");
        if (item.has("percentile_value"))
            aggregation.percentile = item.required_number("percentile_value");
    }
    if (query.aggregations.empty())
        fail(ErrorCode::invalid_argument,
             "Missing value for required parameter 'aggregations'. See the API docs for more "
             "information about request parameters.");
    return query;
}

net::Response query_metrics(Service& service, const Context& context, const Message& message) {
    auto query = query_of(message);
    JsonWriter writer;
    writer.begin_object().key("data_points").begin_list();
    for (const auto& point : service.query_metrics(context.in_project().id, query)) {
        writer.begin_object().field("metric_name", query.metric);
        if (!point.dimensions.empty()) {
            writer.key("dimensions").begin_object();
            for (const auto& [name, value] : point.dimensions) writer.field(name, value);
            writer.end_object();
        }
        writer.key("values").begin_object();
        for (const auto& [name, value] : point.values) writer.field(name, value);
        writer.end_object().end_object();
    }
    writer.end_list().end_object();
    return answer(writer);
}

}  // namespace

void add_analysis_routes(api::Api& api, Service& service) {
    add(api, service, "3.0", "POST", "/mlflow/traces/calculate-filter-correlation",
        Permission::tracking_read,
        [](Service& s, const Context& context, const Message& message, const PathParameters&) {
            return correlate(s, context, message);
        });
    add(api, service, "3.0", "POST", "/mlflow/traces/metrics", Permission::tracking_read,
        [](Service& s, const Context& context, const Message& message, const PathParameters&) {
            return query_metrics(s, context, message);
        });
}

}  // namespace maru::traces::mlflow
