#include "base/error.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "traces/mlflow/routes.hpp"

namespace maru::traces::mlflow {
namespace {

constexpr std::int64_t kBodyBytesMax = 32 << 20;
constexpr std::string_view kProtobuf = "application/x-protobuf", kJson = "application/json";

net::Response export_spans(Service& service, const api::Context& context, net::Request& request) {
    std::string_view type = request.headers.get("Content-Type");
    std::string media_type = to_lower(trim(type.substr(0, type.find(';'))));
    if (media_type != kProtobuf && media_type != kJson)
        fail(ErrorCode::invalid_argument, "Invalid Content-Type: {}. Expected: {} or {}", type,
             kProtobuf, kJson);
    std::string experiment(request.headers.get("x-mlflow-experiment-id"));
    if (experiment.empty())
        fail(ErrorCode::invalid_argument,
             "The header x-mlflow-experiment-id is missing: it says which experiment the spans are "
             "for");
    std::string body =
        otlp::decode_body(std::move(request.body), request.headers.get("Content-Encoding"),
                          static_cast<std::size_t>(kBodyBytesMax));
    const std::string& project = context.in_project().id;
    auto ended = service.log_spans(
        project, experiment,
        media_type == kJson ? otlp::parse_json(body) : otlp::parse_protobuf(body));
    std::string run(request.headers.get("x-mlflow-run-id"));
    if (!run.empty()) {
        try {
            for (std::size_t from = 0; from < ended.size(); from += 100)
                service.link_to_run(project,
                                    {ended.begin() + static_cast<std::ptrdiff_t>(from),
                                     ended.begin() + static_cast<std::ptrdiff_t>(
                                                         std::min(from + 100, ended.size()))},
                                    run);
        } catch (const Error& error) {
            // The spans are kept: an exporter that is told otherwise sends them again.
            log::error("spans were not linked to run {}: {}", run, error.message());
        }
    }
    if (media_type == kJson) return net::Response::json("{}");
    return net::Response::text("", 200, kProtobuf);
}

}  // namespace

void add_otlp_route(api::Api& api, Service& service) {
    api.add({.id = "otlp.traces",
             .method = "POST",
             .path = "/v1/traces",
             .permission = api::Permission::tracking_write,
             .body_bytes_max = kBodyBytesMax,
             .handle =
                 [&service](const api::Context& context, net::Request& request,
                            const api::PathParameters&) {
                     return export_spans(service, context, request);
                 },
             .write_error = tracking::mlflow::write_error});
}

}  // namespace maru::traces::mlflow
