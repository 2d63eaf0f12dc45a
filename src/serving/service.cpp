#include "serving/service.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "serving/contributor.hpp"

namespace maru::serving {

namespace {

constexpr std::int32_t kReplicasMax = 100;

void check(const CreateEndpoint& request) {
    check_name("name", request.name);
    if (request.replicas < 1 || request.replicas > kReplicasMax)
        fail_field("replicas", fmt::format("{} is out of range; expected 1 to {}", request.replicas,
                                           kReplicasMax));
}

/// "URL" of an endpoint, as its project's clients write it.
std::string url_of(const store::Endpoint& endpoint) {
    return fmt::format("/p/{}/endpoints/{}", endpoint.project.name, endpoint.name);
}

Endpoint to_resource(const EndpointStatus& status) {
    Endpoint endpoint;
    endpoint.id = status.endpoint.id;
    endpoint.name = status.endpoint.name;
    endpoint.project = status.endpoint.project.name;
    endpoint.state = status.state;
    endpoint.reason = status.reason;
    endpoint.url = url_of(status.endpoint);
    endpoint.variants = status.variants;
    endpoint.input_example = status.input_example;
    endpoint.signature = status.signature;
    endpoint.requests_total = status.statistics.requests;
    endpoint.errors_total = status.statistics.errors;
    endpoint.latency_ms = status.statistics.latency_ms;
    endpoint.created_at = status.endpoint.created_at;
    return endpoint;
}

}  // namespace

ServiceOptions options_from_surroundings() {
    ServiceOptions options;
    std::error_code error;
    options.executable = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error) fail(ErrorCode::internal, "cannot tell which program runs: {}", error.message());
    if (const char* named = std::getenv("MARU_ONNXRUNTIME")) {
        options.onnxruntime = named;
        if (!std::filesystem::exists(options.onnxruntime))
            fail(ErrorCode::not_found, "MARU_ONNXRUNTIME names {}, which does not exist", named);
        return options;
    }
    auto folder = options.executable.parent_path();
    // Installed beside the program or in its prefix's lib/; else in build/ of the tree it was built
    // in.
    for (const char* relative :
         {"libonnxruntime.so", "../lib/maru/libonnxruntime.so", "../lib/libonnxruntime.so",
          "../onnxruntime/lib/libonnxruntime.so"}) {
        auto library = folder / relative;
        if (!std::filesystem::exists(library)) continue;
        options.onnxruntime = std::filesystem::canonical(library);
        break;
    }
    return options;
}

struct Service::State {
    sql::Database& database;
    blob::BlobStore& blobs;
    Sources& sources;
    const Clock& clock;
    ServiceOptions options;
    RoutingTable routes;
    Controller controller;
    ReplicaContributor contributor;

    State(sql::Database& database_, blob::BlobStore& blobs_, compute::Service& compute,
          Sources& sources_, const Clock& clock_, ServiceOptions options_)
        : database(database_),
          blobs(blobs_),
          sources(sources_),
          clock(clock_),
          options(std::move(options_)),
          controller(database_, compute, routes,
                     {.command =
                          [](const store::Endpoint& endpoint, const store::Variant& variant) {
                              return replica_command(endpoint, variant);
                          },
                      .gate = options.gate,
                      .restart_pause = options.restart_pause}),
          contributor(database_, blobs_, controller, options.executable, options.onnxruntime) {}

    store::Variant make_variant(const api::ProjectRef& project, std::string_view user,
                                const CreateEndpoint& request) {
        auto model = sources.find_model(project, request.model);
        store::Variant variant;
        variant.id = new_id();
        variant.model = model.name;
        variant.version = model.version;
        variant.files = std::move(model.files);
        variant.resources = request.resources;
        variant.replicas = request.replicas;
        variant.signature = std::move(model.signature);
        variant.input_example = std::move(model.input_example);
        if (model.has_onnx && !options.onnxruntime.empty()) return variant;
        if (!model.has_pyfunc)
            fail(ErrorCode::failed_precondition, "model {} version {} can't be served: {}",
                 model.name, model.version,
                 model.has_onnx
                     ? "it has the onnx flavour only, and ONNX Runtime is not installed here "
                       "(MARU_ONNXRUNTIME names its library)"
                     : "it has neither the onnx nor the python_function flavour");
        if (trim(model.requirements).empty())
            fail(ErrorCode::failed_precondition,
                 "model {} version {} can't be served: it has no requirements.txt to make its "
                 "environment from",
                 model.name, model.version);
        variant.environment = sources.ensure_environment(project, user, model.requirements);
        return variant;
    }

    /// Writes the new variant beside or in the place of what the name has; returns the endpoint's
    /// id.
    std::string write(const api::ProjectRef& project, std::string_view user,
                      const std::string& name, store::Variant& variant) {
        return database.write([&](sql::Connection& connection) {
            auto endpoint = store::find(connection, project.id, name);
            if (!endpoint) {
                endpoint = store::Endpoint{.id = new_id(),
                                           .project = project,
                                           .name = name,
                                           .user = std::string(user),
                                           .created_at = clock.now()};
                store::insert(connection, *endpoint);
            }
            variant.role = store::Role::serving;
            for (const auto& other : store::variants(connection, endpoint->id)) {
                if (other.role == store::Role::retiring) continue;
                // What has answered goes on until the new one can; what never has makes room at
                // once.
                if (other.role == store::Role::serving && other.was_ready && other.failure.empty())
                    variant.role = store::Role::next;
                else
                    store::set_role(connection, other.id, store::Role::retiring);
            }
            store::insert(connection, endpoint->id, variant);
            return endpoint->id;
        });
    }

    /// Undoes a write whose workloads were refused.
    void undo(const std::string& endpoint_id, const store::Variant& variant) {
        database.write([&](sql::Connection& connection) {
            store::set_role(connection, variant.id, store::Role::retiring);
            bool others = std::ranges::any_of(
                store::variants(connection, endpoint_id),
                [](auto& other) { return other.role != store::Role::retiring; });
            if (!others) store::mark_deleting(connection, endpoint_id);
        });
        controller.adopt(endpoint_id);
    }
};

Service::Service(sql::Database& database, blob::BlobStore& blobs, compute::Service& compute,
                 Sources& sources, const Clock& clock, ServiceOptions options)
    : state_(
          std::make_unique<State>(database, blobs, compute, sources, clock, std::move(options))) {}

Service::~Service() = default;

compute::Contributor& Service::contributor() {
    return state_->contributor;
}
void Service::start() {
    state_->controller.start();
}
void Service::stop() {
    state_->controller.stop();
}
void Service::visit_blobs(const blob::VisitDigest& visit) {
    for (const auto& record : state_->database.read(store::all))
        for (const auto& [variant, workloads] : record.variants)
            for (const auto& file : variant.files) visit(file.sha256);
}
RoutingTable& Service::routes() {
    return state_->routes;
}

Endpoint Service::create(const api::ProjectRef& project, std::string_view user,
                         const CreateEndpoint& request) {
    check(request);
    auto variant = state_->make_variant(project, user, request);
    // Its files may be removed from the registry at this moment: they stay until the row names
    // them.
    std::vector<blob::Hold> holds;
    for (const auto& file : variant.files) holds.push_back(state_->blobs.hold(file.sha256));
    auto endpoint_id = state_->write(project, user, request.name, variant);
    try {
        state_->controller.adopt(endpoint_id);
    } catch (const Error& error) {
        // Refused for good; what else may go wrong is tried again.
        if (error.code() == ErrorCode::invalid_argument) {
            state_->undo(endpoint_id, variant);
            throw;
        }
    }
    return get(project, request.name);
}

Endpoint Service::get(const api::ProjectRef& project, std::string_view name) {
    for (const auto& status : state_->controller.list(project.id))
        if (status.endpoint.name == name) return to_resource(status);
    fail(ErrorCode::not_found, "the endpoint {} does not exist", json_string(name.substr(0, 80)));
}

api::Page<Endpoint> Service::list(const api::ProjectRef& project, const ListEndpoints& request) {
    auto size = static_cast<std::size_t>(api::check_page_size(request.page_size));
    auto after =
        request.page_token.empty() ? std::string() : api::decode_page_token(request.page_token);
    api::Page<Endpoint> page;
    for (const auto& status : state_->controller.list(project.id)) {
        if (status.endpoint.name <= after) continue;
        if (page.items.size() == size) {
            page.next_page_token = api::encode_page_token(page.items.back().name);
            break;
        }
        page.items.push_back(to_resource(status));
    }
    return page;
}

void Service::remove(const api::ProjectRef& project, std::string_view name) {
    auto endpoint_id = state_->database.write([&](sql::Connection& connection) {
        auto endpoint = store::find(connection, project.id, name);
        if (!endpoint)
            fail(ErrorCode::not_found, "the endpoint {} does not exist",
                 json_string(name.substr(0, 80)));
        store::mark_deleting(connection, endpoint->id);
        return endpoint->id;
    });
    state_->controller.adopt(endpoint_id);
}

std::optional<std::string> Service::running(sql::Connection& connection,
                                            const std::string& project_id) {
    auto endpoints = store::of_project(connection, project_id);
    if (endpoints.empty()) return std::nullopt;
    const auto& first = endpoints.front();
    if (first.deleting)
        return fmt::format("endpoint {} is being deleted; try again in a moment", first.name);
    return fmt::format("endpoint {} serves; delete it first (maru endpoint rm {})", first.name,
                       first.name);
}

void Service::remove_project(const api::ProjectRef& project) {
    for (const auto& endpoint : state_->database.read([&](sql::Connection& connection) {
             return store::of_project(connection, project.id);
         }))
        if (!endpoint.deleting) remove(project, endpoint.name);
}

void add_operations(api::Api& api, Service& service) {
    api.handle(create_endpoint,
               [&service](const api::Context& context, const CreateEndpoint& request) {
                   return service.create(context.in_project(), context.user, request);
               });
    api.handle(list_endpoints,
               [&service](const api::Context& context, const ListEndpoints& request) {
                   return service.list(context.in_project(), request);
               });
    api.handle(get_endpoint, [&service](const api::Context& context, const NameEndpoint& request) {
        return service.get(context.in_project(), request.name);
    });
    api.handle(delete_endpoint,
               [&service](const api::Context& context, const NameEndpoint& request) {
                   service.remove(context.in_project(), request.name);
               });
}

}  // namespace maru::serving
