#include "cli/api_client.hpp"

#include <set>

#include "base/text.hpp"

namespace maru::cli {
namespace {

struct ServerErrorDetail {
    std::string field, message;
};
BOOST_DESCRIBE_STRUCT(ServerErrorDetail, (), (field, message))

struct ServerError {
    std::string code, message, request_id;
    std::vector<ServerErrorDetail> details;
};
BOOST_DESCRIBE_STRUCT(ServerError, (), (code, message, request_id, details))

struct ServerErrorBody {
    ServerError error;
    // MLflow's form, which protocol routes answer with.
    std::string error_code, message;
};
BOOST_DESCRIBE_STRUCT(ServerErrorBody, (), (error, error_code, message))

ErrorCode code_of_status(unsigned status) {
    switch (status) {
        case 400:
        case 413:
        case 422:
            return ErrorCode::invalid_argument;
        case 401:
            return ErrorCode::unauthenticated;
        case 403:
            return ErrorCode::permission_denied;
        case 404:
            return ErrorCode::not_found;
        case 409:
            return ErrorCode::already_exists;
        case 429:
            return ErrorCode::resource_exhausted;
        case 501:
            return ErrorCode::unimplemented;
        case 502:
        case 503:
            return ErrorCode::unavailable;
        case 504:
            return ErrorCode::deadline_exceeded;
        default:
            return ErrorCode::internal;
    }
}

/// A scalar as it stands in a URL; nothing for an empty optional.
std::optional<std::string> url_text(const reflection::Type& type, const void* value) {
    using reflection::Kind;
    if (type.kind == Kind::optional) {
        const void* held = type.value(value);
        return held ? url_text(type.element(), held) : std::nullopt;
    }
    if (type.kind == Kind::string) return *static_cast<const std::string*>(value);
    std::string text;
    write_json(text, type, value, {});
    if (text.size() >= 2 && text.front() == '"') text = text.substr(1, text.size() - 2);
    return text;
}

const void* field_of(const reflection::Field& field, const void* object) {
    return field.get(const_cast<void*>(object));
}

std::string fill_path(std::string_view path, const reflection::Type& type, const void* request,
                      std::set<std::string_view>& used) {
    std::string filled;
    while (!path.empty()) {
        auto open = path.find('{');
        filled += path.substr(0, open);
        if (open == std::string_view::npos) break;
        auto close = path.find('}', open);
        auto name = path.substr(open + 1, close - open - 1);
        path.remove_prefix(close + 1);
        bool whole_tail = name.ends_with("...");
        if (whole_tail) name.remove_suffix(3);
        for (const auto& field : type.fields) {
            if (field.name != name) continue;
            auto text = url_text(field.type(), field_of(field, request)).value_or("");
            if (text.empty()) fail_field(name, "must not be empty");
            filled += percent_encode(text, whole_tail ? "/" : "");
            used.insert(field.name);
        }
    }
    return filled;
}

std::string json_body(const reflection::Type& type, const void* request,
                      const std::set<std::string_view>& in_path) {
    std::string body = "{";
    for (const auto& field : type.fields) {
        if (in_path.contains(field.name)) continue;
        std::string value;
        write_json(value, field.type(), field_of(field, request), {.omit_null = true});
        if (value == "null") continue;
        if (body.size() > 1) body += ',';
        append_json_string(body, field.name);
        body += ':';
        body += value;
    }
    return body + "}";
}

std::string query_string(const reflection::Type& type, const void* request, const void* initial,
                         const std::set<std::string_view>& in_path) {
    std::string query;
    for (const auto& field : type.fields) {
        if (in_path.contains(field.name)) continue;
        auto text = url_text(field.type(), field_of(field, request));
        if (!text || text == url_text(field.type(), field_of(field, initial))) continue;
        query += query.empty() ? '?' : '&';
        query += percent_encode(field.name) + "=" + percent_encode(*text);
    }
    return query;
}

std::string_view wire_name(api::Method method) {
    switch (method) {
        case api::Method::get:
            return "GET";
        case api::Method::post:
            return "POST";
        case api::Method::put:
            return "PUT";
        case api::Method::patch:
            return "PATCH";
        case api::Method::delete_:
            return "DELETE";
    }
    return "GET";
}

}  // namespace

ApiClient::ApiClient(std::string url, std::string token)
    : url_(std::move(url)), token_(std::move(token)) {
    origin_ = url_;
    if (url_.starts_with("unix:")) return;
    auto slash = url_.find('/', url_.find("://") + 3);
    if (slash == std::string::npos) return;
    origin_ = url_.substr(0, slash);
    prefix_ = url_.substr(slash);
}

ApiClient::~ApiClient() = default;

net::Client& ApiClient::connection() {
    if (!connection_) connection_ = net::Client::open(origin_);
    return *connection_;
}

void ApiClient::complete(net::ClientRequest& request) const {
    request.target = prefix_ + request.target;
    if (!token_.empty() && !request.headers.has("Authorization"))
        request.headers.set("Authorization", "Bearer " + token_);
    request.headers.set("User-Agent", "maru/" MARU_VERSION);
}

net::ClientResponse ApiClient::transfer(const net::ClientRequest& request) {
    return connection().send(request);
}

net::ClientResponse ApiClient::send(net::ClientRequest request) {
    complete(request);
    auto response = transfer(request);
    if (response.status >= 400) throw error_from(response);
    return response;
}

void ApiClient::stream(net::ClientRequest request,
                       const std::function<bool(std::string_view)>& receive) {
    complete(request);
    // The status comes with the last byte only, so an error's body is told from a stream by its
    // first byte: server-sent events never begin with '{'.
    std::string error_body;
    bool first = true, is_error = false;
    auto response = connection().stream(request, [&](std::string_view bytes) {
        if (first && !bytes.empty()) {
            is_error = bytes.front() == '{';
            first = false;
        }
        if (!is_error) return receive(bytes);
        error_body += bytes;
        return error_body.size() < (1u << 20);
    });
    if (response.status >= 400) {
        if (is_error) response.body = std::move(error_body);
        throw error_from(response);
    }
}

net::ClientRequest ApiClient::make(api::Method method, std::string_view path,
                                   const reflection::Type& type, const void* request,
                                   const void* initial, net::Headers headers) {
    net::ClientRequest made;
    made.method = wire_name(method);
    made.headers = std::move(headers);
    std::set<std::string_view> in_path;
    made.target = "/api/v1" + fill_path(path, type, request, in_path);
    if (method == api::Method::get || method == api::Method::delete_) {
        made.target += query_string(type, request, initial, in_path);
    } else {
        made.body = json_body(type, request, in_path);
        made.headers.set("Content-Type", "application/json");
    }
    return made;
}

net::ClientResponse ApiClient::perform(api::Method method, std::string_view path,
                                       const reflection::Type& type, const void* request,
                                       const void* initial, const CallOptions& options) {
    auto made = make(method, path, type, request, initial, {});
    made.timeout = options.timeout;
    if (!options.idempotency_key.empty())
        made.headers.set("Idempotency-Key", options.idempotency_key);
    return send(std::move(made));
}

Error error_from(const net::ClientResponse& response) {
    auto code = code_of_status(response.status);
    ServerErrorBody body;
    try {
        body = from_json<ServerErrorBody>(response.body, {.ignore_unknown_fields = true});
    } catch (const Error&) {
        return Error(code, fmt::format("the server answered {}, and not as maru does; is the URL "
                                       "that of a maru server?",
                                       response.status));
    }
    if (!body.error_code.empty()) return Error(code, body.message);
    if (body.error.message.empty())
        return Error(code,
                     fmt::format("the server answered {} without saying why", response.status));
    auto named = error_code_from(body.error.code);
    if (named != ErrorCode::unknown) code = named;
    std::vector<ErrorDetail> details;
    for (auto& detail : body.error.details)
        details.push_back({std::move(detail.field), std::move(detail.message)});
    auto message = body.error.message;
    if (code == ErrorCode::internal && !body.error.request_id.empty())
        message += fmt::format(" (request {})", body.error.request_id);
    return Error(code, std::move(message), std::move(details));
}

}  // namespace maru::cli
