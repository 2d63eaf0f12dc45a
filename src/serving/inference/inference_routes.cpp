#include "serving/inference/inference_routes.hpp"

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "serving/inference/open_inference.hpp"
#include "serving/inference/scoring.hpp"

namespace maru::serving {

namespace {

constexpr std::int64_t kBodyBytesMax = std::int64_t{256} << 20;

using WriteError = net::Response (*)(const Error&);

/// Runs a handler and answers what it throws in the protocol's form.
template <class F>
net::Response answer(WriteError write_error, F&& handler) {
    try {
        return handler();
    } catch (const Error& error) {
        return write_error(error);
    } catch (const std::exception& error) {
        log::error("a request failed: {}", error.what());
        return write_error(Error(ErrorCode::internal, "the request failed; the log says why"));
    }
}

void refuse_compression(const net::Request& request) {
    auto encoding = request.headers.get("Content-Encoding");
    if (!encoding.empty() && encoding != "identity")
        fail(ErrorCode::unimplemented,
             "Content-Encoding \"{}\" is not supported; send the body as it is", encoding);
}

net::Route direct(net::Response response) {
    net::Route route;
    route.kind = net::Route::Kind::direct;
    route.handle_direct = [response = std::move(response)](net::RequestHead,
                                                           net::Responder respond) mutable {
        respond(std::move(response));
    };
    return route;
}

net::Route not_found(std::string message) {
    return direct(write_open_inference_error(Error(ErrorCode::not_found, std::move(message))));
}

class Routes {
  public:
    Routes(Model& model, std::string name, std::string version)
        : model_(model), name_(std::move(name)), version_(std::move(version)) {}

    net::Route route(const net::RequestHead& head) const {
        std::string_view path = head.path;
        if (head.method == "POST") return route_post(path);
        if (head.method != "GET" && head.method != "HEAD")
            return direct(
                net::Response::json(R"({"error":"the method must be GET or POST"})", 405));
        if (path == "/ping" || path == "/health") return direct(readiness("", "\n"));
        if (path == "/version") return direct(net::Response::text(MARU_VERSION));
        if (path == "/v2" || path == "/v2/") return direct(net::Response::json(server_metadata()));
        if (path == "/v2/health/live") return direct(net::Response::json(R"({"live":true})"));
        if (path == "/v2/health/ready") return direct(readiness("", R"({"ready":true})"));
        if (path == "/v2/models")
            return direct(net::Response::json("{\"models\":[" + json_string(name_) + "]}"));
        auto rest = model_path(path);
        if (!rest) return not_found(unknown(path));
        if (rest->empty()) return direct(metadata());
        if (*rest == "/ready")
            return direct(readiness(name_, "{\"name\":" + json_string(name_) + ",\"ready\":true}"));
        return not_found(unknown(path));
    }

  private:
    net::Route route_post(std::string_view path) const {
        net::Route route;
        route.body_bytes_max = kBodyBytesMax;
        if (path == "/invocations") {
            route.handle = [this](net::Request& request) {
                return answer(write_scoring_error, [&] {
                    refuse_compression(request);
                    require_ready();
                    return model_.invocations(request);
                });
            };
            return route;
        }
        auto rest = model_path(path);
        if (!rest || *rest != "/infer") return not_found(unknown(path));
        route.handle = [this](net::Request& request) {
            return answer(write_open_inference_error, [&] {
                refuse_compression(request);
                require_ready();
                return infer(request);
            });
        };
        return route;
    }

    net::Response infer(const net::Request& request) const {
        auto parsed = parse_infer_request(request.body,
                                          request.headers.get("Inference-Header-Content-Length"));
        std::vector<std::string> wanted;
        for (const auto& output : parsed.outputs) wanted.push_back(output.name);
        auto prediction = model_.predict(parsed.inputs, wanted);
        return write_infer_response(parsed, name_, version_, *prediction);
    }

    /// What follows /v2/models/NAME[/versions/VERSION], if the path is about this model.
    std::optional<std::string_view> model_path(std::string_view path) const {
        auto take = [&](std::string_view prefix) {
            if (!path.starts_with(prefix)) return false;
            path.remove_prefix(prefix.size());
            return true;
        };
        auto ends_part = [&] { return path.empty() || path[0] == '/'; };
        if (!take("/v2/models/") || !take(name_) || !ends_part()) return std::nullopt;
        if (take("/versions/") && (!take(version_) || !ends_part())) return std::nullopt;
        return path;
    }

    std::string unknown(std::string_view path) const {
        return fmt::format("there is no {}; this server has the model {}, version {}", path, name_,
                           version_);
    }

    std::string server_metadata() const {
        return R"({"name":"maru","version":")" MARU_VERSION
               R"(","extensions":["binary_tensor_data"]})";
    }

    void require_ready() const {
        if (auto reason = model_.why_not_ready(); !reason.empty())
            throw Error(ErrorCode::unavailable, reason);
    }

    net::Response metadata() const {
        return answer(write_open_inference_error, [&] {
            require_ready();
            return net::Response::json(write_metadata(name_, version_, model_.describe()));
        });
    }

    net::Response readiness(std::string_view name, std::string ready) const {
        auto reason = model_.why_not_ready();
        if (reason.empty()) return net::Response::json(std::move(ready));
        std::string text = "{";
        if (!name.empty()) text += "\"name\":" + json_string(name) + ",";
        return net::Response::json(text + "\"ready\":false,\"error\":" + json_string(reason) + "}",
                                   503);
    }

    Model& model_;
    std::string name_, version_;
};

}  // namespace

net::Router inference_routes(Model& model, std::string name, std::string version) {
    auto routes = std::make_shared<Routes>(model, std::move(name), std::move(version));
    return [routes](const net::RequestHead& head) { return routes->route(head); };
}

}  // namespace maru::serving
