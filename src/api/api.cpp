#include "api/api.hpp"

#include <algorithm>
#include <mutex>

#include "api/openapi.hpp"
#include "api/route_tree.hpp"
#include "base/crypto.hpp"
#include "base/id.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

namespace maru::api {
namespace {

constexpr std::string_view kPrefix = "/api/v1";
constexpr std::size_t kMessageBytesMax = 8000;

bool is_mutation(std::string_view method) {
    return method != "GET" && method != "HEAD";
}

/// Sets the fields that stand in the path; they win over a body that names them too.
void fill_from_path(const reflection::Type& type, void* request, const PathParameters& parameters) {
    for (const auto& field : type.fields) {
        auto found = parameters.find(field.name);
        if (found != parameters.end())
            read_text_value(found->second, field.type(), field.get(request), field.name);
    }
}

void fill_from_query(const reflection::Type& type, void* request, const net::RequestHead& head) {
    for (const auto& [name, value] : head.query) {
        auto field =
            std::ranges::find(type.fields, std::string_view(name), &reflection::Field::name);
        if (field == type.fields.end()) {
            std::string names;
            for (const auto& known : type.fields)
                names += (names.empty() ? "" : ", ") + std::string(known.name);
            fail_field(name.substr(0, 80), fmt::format("is not a parameter; expected {}",
                                                       names.empty() ? "none" : "one of " + names));
        }
        read_text_value(value, field->type(), field->get(request), field->name);
    }
}

/// Runs a handler; whatever it throws becomes an answer.
net::Response answer(std::string_view what, std::string_view request_id,
                     const std::function<net::Response(const Error&)>& write_error,
                     const std::function<net::Response()>& call) {
    auto write = [&](const Error& error) {
        return write_error ? write_error(error) : error_response(error, request_id);
    };
    try {
        return call();
    } catch (const Error& error) {
        if (error.code() != ErrorCode::internal && error.code() != ErrorCode::unknown)
            return write(error);
        log::error("{} failed (request {}): {}", what, request_id, error.message());
    } catch (const std::exception& error) {
        log::error("{} failed (request {}): {}", what, request_id, error.what());
    }
    // Paths, statements and the like are for the operator, not for callers.
    return write(Error(ErrorCode::internal,
                       "something went wrong in the server; its log says what, under request " +
                           std::string(request_id)));
}

net::Route error_route(net::Response response) {
    net::Route route;
    route.kind = net::Route::Kind::direct;
    route.handle_direct = [response = std::move(response)](const net::RequestHead&,
                                                           net::Responder responder) mutable {
        responder(std::move(response));
    };
    return route;
}

net::Route error_route(const Error& error) {
    return error_route(error_response(error));
}

net::Route method_not_allowed(const net::RequestHead& head,
                              const std::vector<std::string>& allowed) {
    auto methods = fmt::format("{}", fmt::join(allowed, ", "));
    auto response = error_response(
        Error(ErrorCode::unimplemented,
              fmt::format("{} does not take {}; it takes {}", head.path, head.method, methods)));
    response.status = 405;
    response.headers.set("Allow", methods);
    return error_route(std::move(response));
}

}  // namespace

std::string_view to_string(Method method) {
    switch (method) {
        case Method::get:
            return "GET";
        case Method::post:
            return "POST";
        case Method::put:
            return "PUT";
        case Method::patch:
            return "PATCH";
        case Method::delete_:
            return "DELETE";
    }
    return "";
}

std::vector<std::string> path_segments(std::string_view target) {
    target = target.substr(0, target.find('?'));
    if (target.starts_with('/')) target.remove_prefix(1);
    std::vector<std::string> segments;
    for (auto segment : split(target, '/')) segments.push_back(percent_decode(segment));
    if (segments.size() > 1 && segments.back().empty()) segments.pop_back();
    return segments;
}

struct Api::State {
    State(Guard& guard_given, const Clock& clock_given) : guard(guard_given), clock(clock_given) {}

    Guard& guard;
    const Clock& clock;
    std::vector<std::shared_ptr<const Erased>> operations;
    RouteTree<std::shared_ptr<const Erased>> operation_tree;
    RouteTree<std::shared_ptr<const ProtocolRoute>> protocol_tree;

    /// An answer that goes on, and what was asked for with it.
    struct Stream {
        std::weak_ptr<net::Channel> channel;
        net::RequestHead head;
        Permission permission;
        std::optional<std::string> project;
    };
    std::mutex streams_mutex;
    std::vector<Stream> streams;

    void end_refused_streams() {
        std::vector<Stream> all;
        {
            std::lock_guard lock(streams_mutex);
            std::erase_if(streams, [](const Stream& stream) {
                auto channel = stream.channel.lock();
                return !channel || !channel->is_open();
            });
            all = streams;
        }
        for (const auto& stream : all) {
            try {
                guard.admit(stream.head, stream.permission, stream.project);
            } catch (const Error&) {
                if (auto channel = stream.channel.lock()) channel->close();
            }
        }
    }

    net::Response run(const Erased& operation, const PathParameters& parameters,
                      net::Request& request) {
        std::string request_id = new_id();
        net::Response response = answer(operation.id, request_id, {}, [&] {
            auto project = parameters.find("project");
            Context context = guard.admit(request, operation.permission,
                                          project == parameters.end()
                                              ? std::nullopt
                                              : std::optional<std::string_view>(project->second));
            context.request_id = request_id;
            context.now = clock.now();
            context.request = &request;
            Fill fill = [&](void* object) {
                if (is_mutation(request.method) && operation.method != Method::delete_) {
                    if (operation.body == BodyKind::json &&
                        (!request.body.empty() || has_body(operation)))
                        read_json(request.body.empty() ? "{}" : request.body,
                                  *operation.request_type, object, {});
                } else {
                    fill_from_query(*operation.request_type, object, request);
                }
                fill_from_path(*operation.request_type, object, parameters);
            };
            Access::Scope access(context.access.get());
            auto call = [&] { return operation.call(context, fill); };
            if (!is_mutation(request.method)) return call();
            return mutate(operation, context, request, call);
        });
        if (auto channel = std::get_if<std::shared_ptr<net::Channel>>(&response.body)) {
            auto project = parameters.find("project");
            std::lock_guard lock(streams_mutex);
            streams.push_back(
                {*channel, request, operation.permission,
                 project == parameters.end() ? std::nullopt : std::optional(project->second)});
        }
        response.headers.set("X-Request-Id", request_id);
        return response;
    }

    net::Response mutate(const Erased& operation, const Context& context,
                         const net::Request& request, const std::function<net::Response()>& call) {
        auto audited = [&] {
            if (!operation.audited) return call();
            return guard.audited(audit_record(operation.id, context, request), call);
        };
        auto key = request.headers.get("Idempotency-Key");
        if (key.empty() || operation.method != Method::post) return audited();
        if (key.size() > 200) fail_field("Idempotency-Key", "is longer than 200 bytes");
        std::string digest =
            sha256_hex(fmt::format("{} {}\n{}", request.method, request.target, request.body));
        return guard.idempotent(context, key, operation.id, digest, audited);
    }

    static AuditRecord audit_record(std::string_view id, const Context& context,
                                    const net::Request& request) {
        return {.user = context.user,
                .operation = std::string(id),
                .project_id = context.project ? context.project->id : "",
                .resource = request.path,
                .outcome = "ok",
                .remote_address = request.remote_address,
                .at = context.now};
    }

    /// True if anything but path parameters is to be read from the body.
    static bool has_body(const Erased& operation) {
        for (const auto& field : operation.request_type->fields)
            if (operation.path.find("{" + std::string(field.name) + "}") == std::string::npos)
                return true;
        return false;
    }

    net::Route operation_route(const RouteTree<std::shared_ptr<const Erased>>::Match& match) {
        net::Route route;
        auto operation = *match.found;
        route.kind = operation->body == BodyKind::bytes ? net::Route::Kind::streaming
                                                        : net::Route::Kind::buffered;
        if (operation->body == BodyKind::bytes) route.body_bytes_max = std::int64_t{1} << 40;
        route.handle = [this, operation, parameters = match.parameters](net::Request& request) {
            return run(*operation, parameters, request);
        };
        return route;
    }

    net::Route protocol_route(const RouteTree<std::shared_ptr<const ProtocolRoute>>::Match& match,
                              std::optional<std::string> project) {
        auto protocol = *match.found;
        net::Route route;
        route.kind = protocol->kind;
        route.body_bytes_max = protocol->body_bytes_max;
        if (protocol->kind == net::Route::Kind::direct) {
            route.handle_direct = [this, protocol, project, parameters = match.parameters](
                                      net::RequestHead head, net::Responder responder) mutable {
                try {
                    Context context = guard.admit(head, protocol->permission, project);
                    context.now = clock.now();
                    Access::Scope access(context.access.get());
                    protocol->handle_direct(context, std::move(head), std::move(responder),
                                            parameters);
                } catch (const Error& error) {
                    if (responder)
                        responder(protocol->write_error ? protocol->write_error(error)
                                                        : error_response(error));
                }
            };
            return route;
        }
        route.handle = [this, protocol, project,
                        parameters = match.parameters](net::Request& request) {
            std::string request_id = new_id();
            return answer(protocol->id, request_id, protocol->write_error, [&] {
                Context context = guard.admit(request, protocol->permission, project);
                context.request_id = request_id;
                context.now = clock.now();
                context.request = &request;
                Access::Scope access(context.access.get());
                auto call = [&] { return protocol->handle(context, request, parameters); };
                if (!protocol->audited || !is_mutation(request.method)) return call();
                return guard.audited(audit_record(protocol->id, context, request), call);
            });
        };
        return route;
    }
};

Api::Api(Guard& guard, const Clock& clock) : state_(new State(guard, clock)) {}
Api::~Api() = default;

void Api::end_refused_streams() {
    state_->end_refused_streams();
}

void Api::add(Erased operation) {
    auto shared = std::make_shared<const Erased>(std::move(operation));
    state_->operation_tree.add(to_string(shared->method), std::string(kPrefix) + shared->path,
                               shared);
    state_->operations.push_back(shared);
}

void Api::add(ProtocolRoute route) {
    auto shared = std::make_shared<const ProtocolRoute>(std::move(route));
    state_->protocol_tree.add(shared->method, shared->path, shared);
}

std::optional<net::Route> Api::route(const net::RequestHead& head) const {
    std::vector<std::string> segments;
    try {
        segments = path_segments(head.target);
    } catch (const Error& error) {
        return error_route(error);
    }
    bool own = segments.size() >= 2 && segments[0] == "api" && segments[1] == "v1";
    auto match = state_->operation_tree.find(head.method, segments);
    if (match.found != nullptr) return state_->operation_route(match);
    if (own) {
        if (match.allowed_methods.empty())
            return error_route(Error(ErrorCode::not_found,
                                     fmt::format("{} is not a path of the API; {} lists them",
                                                 head.path, "/api/openapi.json")));
        return method_not_allowed(head, match.allowed_methods);
    }
    bool prefixed = segments.size() >= 3 && segments[0] == "p";
    auto protocol = state_->protocol_tree.find(head.method, segments, prefixed ? 2 : 0);
    if (protocol.found == nullptr) return std::nullopt;
    // At the root the guard finds the project: a header or the caller's token names it, else it is
    // the default.
    return state_->protocol_route(protocol, prefixed ? std::optional(segments[1]) : std::nullopt);
}

std::string Api::openapi() const {
    std::vector<DocumentedOperation> list;
    for (const auto& operation : state_->operations)
        list.push_back({operation->id, std::string(to_string(operation->method)),
                        std::string(kPrefix) + operation->path, operation->summary,
                        std::string(enum_name(operation->permission)),
                        operation->body == BodyKind::bytes, operation->media_type,
                        operation->request_type, operation->response_type});
    return write_openapi(list);
}

unsigned http_status(ErrorCode code) {
    switch (code) {
        case ErrorCode::cancelled:
            return 499;
        case ErrorCode::invalid_argument:
        case ErrorCode::failed_precondition:
        case ErrorCode::out_of_range:
        case ErrorCode::data_loss:
            return 400;
        case ErrorCode::deadline_exceeded:
            return 504;
        case ErrorCode::not_found:
            return 404;
        case ErrorCode::already_exists:
        case ErrorCode::aborted:
            return 409;
        case ErrorCode::permission_denied:
            return 403;
        case ErrorCode::resource_exhausted:
            return 429;
        case ErrorCode::unimplemented:
            return 501;
        case ErrorCode::unavailable:
            return 503;
        case ErrorCode::unauthenticated:
            return 401;
        case ErrorCode::unknown:
        case ErrorCode::internal:
            return 500;
    }
    return 500;
}

net::Response error_response(const Error& error, std::string_view request_id) {
    std::string text = R"({"error":{"code":)" + json_string(to_string(error.code()));
    // Some messages repeat what was sent, which may be long.
    auto shown = [](std::string_view message) {
        return json_string(message.substr(0, kMessageBytesMax));
    };
    text += R"(,"message":)" + shown(error.message()) + R"(,"details":[)";
    for (const auto& detail : error.details()) {
        if (text.back() != '[') text += ',';
        text +=
            R"({"field":)" + shown(detail.field) + R"(,"message":)" + shown(detail.message) + "}";
    }
    text += R"(],"request_id":)" + json_string(request_id) + "}}";
    auto response = net::Response::json(std::move(text), http_status(error.code()));
    if (error.code() == ErrorCode::unauthenticated)
        response.headers.set("WWW-Authenticate", "Bearer");
    if (error.code() == ErrorCode::unavailable) response.headers.set("Retry-After", "1");
    return response;
}

std::string encode_page_token(std::string_view position) {
    return to_base64_url("1" + std::string(position));
}

std::string decode_page_token(std::string_view token) {
    std::string decoded;
    try {
        decoded = from_base64(token);
    } catch (const Error&) {
        // Said below: the token is one thing, its encoding no matter of the caller's.
    }
    if (!decoded.starts_with('1') || !is_utf8(decoded))
        fail_field("page_token", "is not a token that a list has returned");
    return decoded.substr(1);
}

std::int64_t check_page_size(std::int64_t page_size, std::int64_t initial, std::int64_t max) {
    if (page_size == 0) return initial;
    if (page_size < 1 || page_size > max)
        fail_field("page_size",
                   fmt::format("{} is out of range; expected 1 to {}", page_size, max));
    return page_size;
}

}  // namespace maru::api
