#include "tracking/mlflow/protocol.hpp"

#include "base/error.hpp"

namespace maru::tracking::mlflow {
namespace {

struct MlflowCode {
    std::string_view name;
    unsigned status;
};

MlflowCode mlflow_code(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument:
        case ErrorCode::out_of_range:
            return {"INVALID_PARAMETER_VALUE", 400};
        case ErrorCode::not_found:
            return {"RESOURCE_DOES_NOT_EXIST", 404};
        case ErrorCode::already_exists:
            return {"RESOURCE_ALREADY_EXISTS", 400};
        case ErrorCode::failed_precondition:
            // Not 500 as in MLflow: its client would try again for minutes.
            return {"INVALID_STATE", 400};
        case ErrorCode::permission_denied:
            return {"PERMISSION_DENIED", 403};
        case ErrorCode::unauthenticated:
            return {"UNAUTHENTICATED", 401};
        case ErrorCode::resource_exhausted:
            return {"RESOURCE_EXHAUSTED", 429};
        case ErrorCode::aborted:
            return {"ABORTED", 409};
        case ErrorCode::unimplemented:
            return {"NOT_IMPLEMENTED", 501};
        case ErrorCode::unavailable:
            return {"TEMPORARILY_UNAVAILABLE", 503};
        case ErrorCode::deadline_exceeded:
            return {"DEADLINE_EXCEEDED", 504};
        case ErrorCode::cancelled:
            return {"CANCELLED", 499};
        case ErrorCode::data_loss:
            return {"DATA_LOSS", 500};
        case ErrorCode::unknown:
        case ErrorCode::internal:
            return {"INTERNAL_ERROR", 500};
    }
    return {"INTERNAL_ERROR", 500};
}

}  // namespace

net::Response answer(JsonWriter& writer) {
    return net::Response::json(writer.take());
}
net::Response empty_answer() {
    return net::Response::json("{}");
}

constexpr std::size_t kMessageBytesMax = 8000;

net::Response write_error(const Error& error) {
    auto [name, status] = mlflow_code(error.code());
    JsonWriter writer;
    // Some messages repeat what was sent, which may be long.
    auto message = std::string_view(error.message()).substr(0, kMessageBytesMax);
    writer.begin_object().field("error_code", name).field("message", message).end_object();
    auto response = net::Response::json(writer.take(), status);
    if (error.code() == ErrorCode::unauthenticated)
        response.headers.set("WWW-Authenticate", "Bearer");
    if (error.code() == ErrorCode::unavailable) response.headers.set("Retry-After", "1");
    return response;
}

namespace {

/// Other types are refused, as MLflow does: pages of other sites can't send JSON unasked.
void check_media_type(const net::Request& request) {
    if (request.method != "POST" && request.method != "PUT") return;
    auto type = request.headers.get("Content-Type");
    if (type.empty())
        fail(ErrorCode::invalid_argument, "Bad Request. Content-Type header is missing.");
    if (type.substr(0, type.find(';')) != "application/json")
        fail(ErrorCode::invalid_argument,
             "Bad Request. Content-Type must be one of ['application/json'].");
}

}  // namespace

void add_route(api::Api& api, const Route& route) {
    for (std::string_view prefix : {"/api/", "/ajax-api/"}) {
        std::string id = "mlflow.";
        for (char c : route.path.substr(route.path.find('/', 1) + 1))
            if (c != '{' && c != '}') id += c == '/' ? '.' : c;
        api.add({.id = std::move(id),
                 .method = std::string(route.method),
                 .path = fmt::format("{}{}{}", prefix, route.version, route.path),
                 .permission = route.permission,
                 .body_bytes_max = 32 << 20,
                 .audited = route.audited,
                 .handle =
                     [handle = route.handle](const api::Context& context, net::Request& request,
                                             const api::PathParameters& parameters) {
                         check_media_type(request);
                         return handle(context, Message::parse(request), parameters);
                     },
                 .write_error = write_error});
    }
}

}  // namespace maru::tracking::mlflow
