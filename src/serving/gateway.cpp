#include "base/error.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "serving/inference/open_inference.hpp"
#include "serving/inference/scoring.hpp"
#include "serving/service.hpp"

namespace maru::serving {

namespace {

using Parameters = api::PathParameters;

/// The door of the endpoint that a path names; throws not_found.
std::shared_ptr<Gate> find_gate(Service& service, const api::Context& context,
                                const Parameters& parameters) {
    const auto& name = parameters.find("name")->second;
    auto gate = service.routes().find(context.in_project().id, name);
    if (!gate)
        fail(ErrorCode::not_found, "there is no endpoint {} in the project {}",
             json_string(name.substr(0, 80)), context.in_project().name);
    return gate;
}

/// The same, but answers for itself: the responder is ours by now, so nobody above could.
std::shared_ptr<Gate> find_gate_or_answer(Service& service, const api::Context& context,
                                          const Parameters& parameters, net::Responder& responder,
                                          net::Response (*write_error)(const Error&)) {
    try {
        return find_gate(service, context, parameters);
    } catch (const Error& error) {
        responder(write_error(error));
        return nullptr;
    }
}

std::string query_of(const net::RequestHead& head) {
    auto mark = head.target.find('?');
    return mark == std::string::npos ? "" : head.target.substr(mark);
}

/// A route that passes requests on; `target(parameters)` is the path at the replica.
template <class Target>
api::ProtocolRoute forwarding(Service& service, std::string id, std::string method,
                              std::string path, net::Response (*write_error)(const Error&),
                              Target target) {
    api::ProtocolRoute route;
    route.id = std::move(id);
    route.method = std::move(method);
    route.path = std::move(path);
    route.permission = api::Permission::endpoints_predict;
    route.kind = net::Route::Kind::direct;
    route.write_error = write_error;
    route.handle_direct = [&service, write_error, target](
                              const api::Context& context, net::RequestHead head,
                              net::Responder responder, const Parameters& parameters) {
        auto gate = find_gate_or_answer(service, context, parameters, responder, write_error);
        if (!gate) return;
        gate->forward(target(parameters) + query_of(head), std::move(responder), write_error);
    };
    return route;
}

/// A route that is answered here, without a replica.
template <class Answer>
api::ProtocolRoute answered(std::string id, std::string path, api::Permission permission,
                            Answer answer) {
    api::ProtocolRoute route;
    route.id = std::move(id);
    route.method = "GET";
    route.path = std::move(path);
    route.permission = permission;
    route.kind = net::Route::Kind::direct;
    route.write_error = write_open_inference_error;
    route.handle_direct = [answer](const api::Context& context, net::RequestHead,
                                   net::Responder responder, const Parameters& parameters) {
        net::Response response;
        try {
            response = answer(context, parameters);
        } catch (const Error& error) {
            response = write_open_inference_error(error);
        }
        responder(std::move(response));
    };
    return route;
}

std::string model_path(const Parameters& parameters, std::string_view rest) {
    auto path = "/v2/models/" + percent_encode(parameters.find("name")->second);
    if (auto version = parameters.find("version"); version != parameters.end())
        path += "/versions/" + percent_encode(version->second);
    return path.append(rest);
}

void add_model_routes(api::Api& api, Service& service, const std::string& id,
                      const std::string& path) {
    api.add(
        forwarding(service, id + ".infer", "POST", path + "/infer", write_open_inference_error,
                   [](const Parameters& parameters) { return model_path(parameters, "/infer"); }));
    api.add(forwarding(service, id + ".metadata", "GET", path, write_open_inference_error,
                       [](const Parameters& parameters) { return model_path(parameters, ""); }));
}

}  // namespace

void add_gateway(api::Api& api, Service& service) {
    api.add(forwarding(service, "scoring.invocations", "POST", "/endpoints/{name}/invocations",
                       write_scoring_error,
                       [](const Parameters&) { return std::string("/invocations"); }));
    add_model_routes(api, service, "oip.model", "/v2/models/{name}");
    add_model_routes(api, service, "oip.model_version", "/v2/models/{name}/versions/{version}");
    // Whoever asks whether a model is ready wants to know, not to wait until it is.
    auto ready = [&service](const api::Context& context, const Parameters& parameters) {
        auto is_ready = find_gate(service, context, parameters)->is_ready();
        return net::Response::json(
            fmt::format(R"({{"name":{},"ready":{}}})", json_string(parameters.find("name")->second),
                        is_ready),
            is_ready ? 200 : 503);
    };
    auto predict = api::Permission::endpoints_predict;
    api.add(answered("oip.model.ready", "/v2/models/{name}/ready", predict, ready));
    api.add(answered("oip.model_version.ready", "/v2/models/{name}/versions/{version}/ready",
                     predict, ready));
    api.add(answered(
        "oip.models", "/v2/models", predict,
        [&service](const api::Context& context, const Parameters&) {
            return net::Response::json(
                "{\"models\":" + to_json(service.routes().names(context.in_project().id)) + "}");
        }));
    auto anyone = api::Permission::anyone;
    api.add(answered("oip.server", "/v2", anyone, [](const api::Context&, const Parameters&) {
        return net::Response::json(R"({"name":"maru","version":")" MARU_VERSION
                                   R"(","extensions":["binary_tensor_data"]})");
    }));
    api.add(
        answered("oip.live", "/v2/health/live", anyone, [](const api::Context&, const Parameters&) {
            return net::Response::json(R"({"live":true})");
        }));
    api.add(answered("oip.ready", "/v2/health/ready", anyone,
                     [](const api::Context&, const Parameters&) {
                         return net::Response::json(R"({"ready":true})");
                     }));
}

}  // namespace maru::serving
