#pragma once

#include "api/api.hpp"
#include "traces/service.hpp"
#include "tracking/mlflow/protocol.hpp"

namespace maru::traces::mlflow {

using tracking::mlflow::JsonWriter;
using tracking::mlflow::Message;

/// Registers MLflow's routes of traces and assessments, and OpenTelemetry's at /v1/traces.
/// docs/mlflow-compatibility.md lists what is served.
void add_routes(api::Api& api, Service& service, tracking::Service& tracking);

// Parts of it, by topic.
void add_trace_routes(api::Api& api, Service& service);
void add_old_routes(api::Api& api, Service& service);
void add_assessment_routes(api::Api& api, Service& service);
void add_analysis_routes(api::Api& api, Service& service);
void add_artifact_routes(api::Api& api, Service& service, tracking::Service& tracking);
void add_otlp_route(api::Api& api, Service& service);

/// A route over the service at /api/VERSION and /ajax-api/VERSION.
template <class Handle>
void add(api::Api& api, Service& service, std::string_view version, std::string_view method,
         std::string_view path, api::Permission permission, Handle handle) {
    tracking::mlflow::add_route(
        api, {method, path, permission,
              [&service, handle](const api::Context& context, const Message& message,
                                 const api::PathParameters& parameters) {
                  return handle(service, context, message, parameters);
              },
              version});
}

// Messages.
void write_trace_info(JsonWriter& writer, const Trace& trace);
void write_old_trace_info(JsonWriter& writer, const Trace& trace);
/// {"trace_info": ..., "spans": [...]}
void write_whole_trace(JsonWriter& writer, const Trace& trace,
                       const std::vector<spans::Span>& spans);
void write_assessment(JsonWriter& writer, const Assessment& assessment, std::string_view trace_id);
Trace read_trace_info(const Message& message);
Assessment read_assessment(const Message& message);
/// The value of an assessment: its kind, its JSON, and the error of a feedback.
struct AssessmentValue {
    AssessmentKind kind = AssessmentKind::feedback;
    Json value, error;
};
std::optional<AssessmentValue> read_assessment_value(const Message& message);

}  // namespace maru::traces::mlflow
