#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "api/access.hpp"
#include "api/operation.hpp"
#include "base/error.hpp"
#include "base/time.hpp"

namespace maru::api {

struct ProjectRef {
    std::string id;
    std::int64_t number = 0;  // small and stable: engines derive user ids from it
    std::string name;
};

/// Who asks for what, as the guard found it.
struct Context {
    std::string user_id;
    std::string user;  // name; empty for Permission::anyone
    bool admin = false;
    std::optional<ProjectRef> project;  // for operations with {project} and for protocol routes
    std::optional<std::string> workload_id;  // the caller is this workload
    /// What he may do with single resources of the project; null: what his role says.
    std::shared_ptr<const Access> access;
    std::string request_id;
    Time now{};
    net::Request* request = nullptr;  // for headers, cookies, raw bodies; null on direct routes
    /// What a handler adds to the headers of its typed answer: cookies, Cache-Control.
    mutable net::Headers answer_headers;

    /// The project of an operation whose path has {project}.
    const ProjectRef& in_project() const { return *project; }
};

struct AuditRecord {
    std::string user, operation, project_id, resource, outcome, remote_address;
    Time at{};
};

/// What identity/ does for every request. Threads: any, I/O threads included (so: quick).
class Guard {
  public:
    virtual ~Guard() = default;
    /// Finds the caller and his rights over `project` (a name; nothing: none named) and checks
    /// `permission`. Throws unauthenticated, permission_denied, or not_found for a project that he
    /// may not see.
    virtual Context admit(const net::RequestHead& head, Permission permission,
                          std::optional<std::string_view> project) = 0;
    /// Runs `call` so that `record` is written in the same transaction as the change it makes, or
    /// on its own where it failed.
    virtual net::Response audited(AuditRecord record,
                                  const std::function<net::Response()>& call) = 0;
    /// Runs `call` at most once for the caller's `key` (the header Idempotency-Key of a POST): the
    /// key is written in the same transaction as the change, and its answer is kept for 24 hours
    /// and given again to the same request (`request_digest`: SHA-256 in hex of what makes it the
    /// same, path and body). Goes around `audited`, so that a replay is no second entry. Errors:
    /// invalid_argument for a key that is too long, failed_precondition for one that was used for
    /// another request, aborted while the first request is being worked on and where its answer was
    /// lost.
    virtual net::Response idempotent(const Context& context, std::string_view key,
                                     std::string_view operation, std::string_view request_digest,
                                     const std::function<net::Response()>& call) {
        (void)context, (void)key, (void)request_digest, (void)call;
        fail(ErrorCode::unimplemented, "{} does not take an Idempotency-Key here", operation);
    }
};

using PathParameters = std::map<std::string, std::string, std::less<>>;

/// A route of a protocol adapter (MLflow, Open Inference Protocol, ...). It answers below
/// /p/{project} and at the root for the default project. `{name}` in the path matches one segment,
/// `{name...}` all the rest.
struct ProtocolRoute {
    std::string id;      // "mlflow.runs.create"
    std::string method;  // "POST"; "*" for all
    std::string path;    // "/api/2.0/mlflow/runs/create"
    Permission permission = Permission::signed_in;
    net::Route::Kind kind = net::Route::Kind::buffered;
    std::int64_t body_bytes_max = 16 << 20;
    bool audited = false;
    std::function<net::Response(const Context&, net::Request&, const PathParameters&)> handle;
    std::function<void(const Context&, net::RequestHead, net::Responder, const PathParameters&)>
        handle_direct;
    /// Writes an Error in the protocol's own form; the API's form where absent.
    std::function<net::Response(const Error&)> write_error;
};

/// Registers operations and routes requests to them. Register everything before `route` is first
/// called.
class Api {
  public:
    Api(Guard& guard, const Clock& clock);
    ~Api();

    template <class Request, class Response, class Handler>
    void handle(const Operation<Request, Response>& operation, Handler handler) {
        Erased erased{.id = std::string(operation.id),
                      .method = operation.method,
                      .path = std::string(operation.path),
                      .summary = std::string(operation.summary),
                      .permission = operation.permission,
                      .body = operation.body,
                      .media_type = std::string(operation.media_type),
                      .audited = operation.audited,
                      .request_type = &reflection::type_of<Request>(),
                      .response_type = nullptr,
                      .call = {}};
        if constexpr (std::is_same_v<Response, Raw>) {
            erased.call = [handler](const Context& context, const Fill& fill) -> net::Response {
                Request request{};
                fill(&request);
                return handler(context, request);
            };
        } else {
            erased.response_type = &reflection::type_of<Response>();
            erased.call = [handler](const Context& context, const Fill& fill) -> net::Response {
                Request request{};
                fill(&request);
                net::Response answer;
                if constexpr (std::is_same_v<Response, Nothing>) {
                    handler(context, request);
                    answer = net::Response::json("{}");
                } else {
                    Response response = handler(context, request);
                    answer = net::Response::json(to_json(response));
                }
                for (const auto& [name, value] : context.answer_headers)
                    answer.headers.add(name, value);
                return answer;
            };
        }
        add(std::move(erased));
    }

    void add(ProtocolRoute route);

    /// The route of a request, if any operation or protocol answers its path.
    std::optional<net::Route> route(const net::RequestHead& head) const;
    /// The OpenAPI 3.1 document of all operations.
    std::string openapi() const;

    /// Ends the answers that go on (events, logs) of those who would not be admitted any more: a
    /// token was revoked, a user disabled, a role taken. Call it about every second. Threads: any.
    void end_refused_streams();

  private:
    using Fill = std::function<void(void*)>;
    struct Erased {
        std::string id;
        Method method;
        std::string path, summary;
        Permission permission;
        BodyKind body;
        std::string media_type;
        bool audited;
        const reflection::Type* request_type;
        const reflection::Type* response_type;  // null: Raw
        std::function<net::Response(const Context&, const Fill&)> call;
    };
    void add(Erased operation);

    struct State;
    std::unique_ptr<State> state_;
};

/// An Error as the API's answer: {"error":{"code","message","details","request_id"}} with its HTTP
/// status.
net::Response error_response(const Error& error, std::string_view request_id = "");
unsigned http_status(ErrorCode code);

/// Page tokens: opaque to callers. Decoding anything that encode_page_token did not make throws
/// invalid_argument.
std::string encode_page_token(std::string_view position);
std::string decode_page_token(std::string_view token);
/// Checks 1 <= page_size <= max; 0 means `initial`.
std::int64_t check_page_size(std::int64_t page_size, std::int64_t initial = 100,
                             std::int64_t max = 1000);

}  // namespace maru::api
