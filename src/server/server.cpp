#include "server/server.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <optional>

#include "api/api.hpp"
#include "base/error.hpp"
#include "base/files.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "blob/blob_store.hpp"
#include "compute/engines/process/process_engine.hpp"
#include "compute/service.hpp"
#include "environments/service.hpp"
#include "identity/permissions.hpp"
#include "identity/service.hpp"
#include "models/lineage.hpp"
#include "models/mlflow/routes.hpp"
#include "models/service.hpp"
#include "net/server.hpp"
#include "retention/service.hpp"
#include "server/blobs.hpp"
#include "server/mlflow/routes.hpp"
#include "server/periodic_loop.hpp"
#include "server/portal.hpp"
#include "server/resource_names.hpp"
#include "server/workload_access.hpp"
#include "serving/service.hpp"
#include "sql/database.hpp"
#include "traces/mlflow/routes.hpp"
#include "traces/service.hpp"
#include "tracking/job_contributor.hpp"
#include "tracking/mlflow/routes.hpp"
#include "tracking/reproduction/reproduction.hpp"
#include "tracking/service.hpp"
#include "tracking/uploads.hpp"
#include "webhooks/job_events.hpp"
#include "webhooks/mlflow/routes.hpp"
#include "webhooks/service.hpp"

namespace maru::server {
namespace {

constexpr std::chrono::seconds kMaintainEvery{30};
constexpr std::chrono::seconds kCompactEvery{1};
constexpr std::chrono::seconds kStreamsEvery{1};
constexpr std::chrono::minutes kRemoveEvery{1};
constexpr std::chrono::minutes kCollectionDueEvery{10};
constexpr std::chrono::milliseconds kStopGrace{3000};

std::vector<sql::Migration> all_migrations() {
    std::vector<sql::Migration> all;
    for (auto module :
         {identity::migrations, compute::migrations, environments::migrations, tracking::migrations,
          tracking::upload_migrations, models::migrations, traces::migrations, serving::migrations,
          retention::migrations, webhooks::migrations})
        all.insert(all.end(), module.begin(), module.end());
    return all;
}

/// Makes the data directory; a folder that can't be written is said at once, by name.
void make_data_directory(const std::filesystem::path& directory) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    for (const char* part : {"keys", "workloads"})
        if (!error) std::filesystem::create_directories(directory / part, error);
    if (error || ::access(directory.c_str(), W_OK) != 0)
        fail(ErrorCode::permission_denied,
             "cannot write to the data directory {}: {}; choose another with --data",
             directory.native(), error ? error.message() : "permission denied");
    // Keys, code and results of all projects are below it.
    ::chmod(directory.c_str(), 0700);
    ::chmod((directory / "keys").c_str(), 0700);
}

std::unique_ptr<sql::Database> open_database(const std::filesystem::path& directory) {
    auto migrations = all_migrations();
    return sql::Database::open({.file = directory / "maru.db"}, migrations);
}

std::string url_of(const Options& options, std::uint16_t port) {
    std::string host = options.address;
    if (host == "0.0.0.0" || host == "::") host = "127.0.0.1";
    if (host.find(':') != std::string::npos) host = "[" + host + "]";
    return fmt::format("{}://{}:{}", options.tls_certificate.empty() ? "http" : "https", host,
                       port);
}

/// Without sign-in, whoever can make a browser send requests here is the administrator: a page of
/// another site that has its name resolve to 127.0.0.1 must not be answered.
bool is_local_host(std::string_view host) {
    if (host.starts_with('[')) return host.starts_with("[::1]");
    auto name = host.substr(0, host.find(':'));
    return name == "localhost" || is_loopback(name);
}

net::Route answer(net::Response response) {
    net::Route route;
    route.kind = net::Route::Kind::direct;
    route.handle_direct = [response = std::move(response)](const net::RequestHead&,
                                                           net::Responder respond) mutable {
        respond(std::move(response));
    };
    return route;
}

}  // namespace

struct Server::State {
    explicit State(const Options& given)
        : options(given),
          directory((make_data_directory(given.data_directory), given.data_directory)),
          database(open_database(directory)),
          blobs(open_blobs(options, directory)),
          engine(compute::make_process_engine({.state_directory = directory / "engine"})),
          identity(*database, clock, {.auth = options.auth}),
          compute(*database, *engine, clock, {.data_directory = directory}),
          environments(*database, *blobs, compute, clock,
                       environments::options_from_surroundings(directory)),
          tracking(*database, *blobs, clock),
          uploads(*database, tracking, clock, directory / "uploads"),
          webhooks(*database, SecretKey::load_or_make(directory / "keys" / "secrets.key"), clock,
                   [this](const std::string& id) -> std::optional<std::string> {
                       auto project = identity.project_by_id(id);
                       return project ? std::optional(project->name) : std::nullopt;
                   },
                   {.networks = options.webhook_networks, .ca_file = options.webhook_ca_file}),
          models(
              *database, *blobs, tracking, clock,
              [this](const std::string& project_id, const std::string& user_id) {
                  return identity.role_in(project_id, user_id);
              },
              [this](sql::Connection& connection, const models::RegistryEvent& event) {
                  webhooks.on_registry(connection, event);
              }),
          traces(*database, *blobs, tracking, clock),
          sources(serving::platform_sources(models, environments)),
          serving(*database, *blobs, compute, *sources, clock,
                  serving::options_from_surroundings()),
          lineage(models, tracking, compute, environments,
                  [this](const api::ProjectRef& project) { return endpoint_uses(project); }),
          retention(*database, *blobs,
                    {.identity = identity,
                     .environments = environments,
                     .tracking = tracking,
                     .models = models,
                     .traces = traces,
                     .serving = serving},
                    clock),
          job_contributor(tracking),
          job_events(webhooks),
          reproduction(tracking, compute, *blobs),
          permissions(identity, resource_names(tracking, models)),
          access(identity),
          api(identity, clock) {
        compute.add_contributor(environments.contributor());
        compute.add_contributor(job_contributor);
        compute.add_contributor(job_events);
        compute.add_contributor(serving.contributor());
        compute.add_contributor(access);
        add_project_rooms();
        tracking.set_artifact_check([this](sql::Connection& connection, std::string_view project_id,
                                           std::string_view folder) -> std::optional<std::string> {
            if (!models.uses_artifacts(connection, project_id, folder)) return std::nullopt;
            return "a registered model is made of its files; delete that version first";
        });
        add_operations();
        document = api.openapi();
    }

    /// In the order in which a deleted project's contents go: who uses before what is used.
    void add_project_rooms() {
        identity.add_project_room(
            {.contents =
                 [](sql::Connection&, const std::string&) {
                     return std::vector<std::string>();  // an endpoint is always running
                 },
             .running = [this](sql::Connection& connection,
                               const std::string& id) { return serving.running(connection, id); },
             .remove =
                 [this](const api::ProjectRef& project) { serving.remove_project(project); }});
        identity.add_project_room(
            {.contents =
                 [this](sql::Connection& connection, const std::string& id) {
                     return compute.project_contents(connection, id);
                 },
             .running = [this](sql::Connection& connection,
                               const std::string& id) { return compute.running(connection, id); },
             .remove =
                 [this](const api::ProjectRef& project) { compute.remove_project(project); }});
        auto add = [this](auto& room, auto contents) {
            identity.add_project_room({.contents = contents,
                                       .running = {},
                                       .remove = [&room](const api::ProjectRef& project) {
                                           room.remove_project(project);
                                       }});
        };
        add(environments, environments::Service::project_contents);
        add(models, models::Service::project_contents);
        add(tracking, tracking::Service::project_contents);
        add(traces, traces::Service::project_contents);
        // Settings: nobody misses them.
        auto nothing = [](sql::Connection&, const std::string&) {
            return std::vector<std::string>();
        };
        add(webhooks, nothing);
        add(retention, nothing);
    }

    std::vector<models::EndpointUse> endpoint_uses(const api::ProjectRef& project) {
        std::vector<models::EndpointUse> uses;
        for (const auto& endpoint : serving.list(project, {.page_size = 1000}).items)
            for (const auto& variant : endpoint.variants)
                uses.push_back({.endpoint = endpoint.name,
                                .state = std::string(enum_name(endpoint.state)),
                                .model = variant.model,
                                .version = variant.version});
        return uses;
    }

    void add_operations() {
        identity::add_operations(api, identity);
        compute::add_operations(api, compute);
        environments::add_operations(api, environments);
        tracking::add_operations(api, tracking);
        tracking::add_reproduction_operations(api, reproduction);
        models::add_operations(api, models);
        models::add_operations(api, lineage);
        traces::add_operations(api, traces, tracking);
        webhooks::add_operations(api, webhooks);
        serving::add_operations(api, serving);
        serving::add_gateway(api, serving);
        retention::add_operations(api, retention);
        tracking::add_mlflow_routes(api, tracking, uploads);
        models::add_mlflow_routes(api, models, tracking);
        webhooks::add_mlflow_routes(api, webhooks);
        add_workspace_routes(api, identity);
        identity::add_operations(api, permissions);
        add_user_routes(api, identity);
        add_permission_routes(api, permissions);
        add_role_routes(api, permissions);
        traces::mlflow::add_routes(api, traces, tracking);
    }

    net::Route route(const net::RequestHead& head) {
        // What runs is not taken up yet: a request to stop it, say, would be answered as if it had
        // ended.
        if (!ready)
            return answer(
                api::error_response(Error(ErrorCode::unavailable, "the server is starting")));
        if (options.auth == identity::AuthMode::none && !is_local_host(head.headers.get("Host")))
            return answer(api::error_response(
                Error(ErrorCode::permission_denied,
                      "this server answers only to localhost, since it lets everyone in")));
        if (auto found = api.route(head)) return std::move(*found);
        if (head.path == "/health") return answer(net::Response::json(R"({"status":"ok"})"));
        if (head.path == "/api/openapi.json") return answer(net::Response::json(document));
        if (auto page = portal_response(head)) return answer(std::move(*page));
        return answer(net::Response::text("not found\n", 404));
    }

    void listen() {
        net::ServerOptions server;
        server.address = options.address;
        server.port = options.port;
        server.tls_certificate = options.tls_certificate;
        server.tls_key = options.tls_key;
        http = net::Server::start(server,
                                  [this](const net::RequestHead& head) { return route(head); });
        url = url_of(options, http->port());
    }

    /// Hands the very first secrets over: the token into its file, the link to whoever started the
    /// server. Until both are done a restart makes new ones, so that a crash in between locks
    /// nobody out.
    void first_start() {
        auto token_file = directory / "keys" / "admin.token";
        if (auto first = identity.initialize()) {
            write_file_atomically(token_file, first->admin_token + "\n", 0600);
            if (options.auth == identity::AuthMode::local)
                sign_in_url = url + "/sign-in/link#" + first->sign_in_token;
            identity.finish_initialization();
            return;
        }
        std::error_code error;
        bool kept = std::filesystem::exists(token_file, error) &&
                    identity.has_admin_token(trim(read_file(token_file)));
        if (!kept) write_file_atomically(token_file, identity.replace_admin_token() + "\n", 0600);
    }

    const Options options;
    SystemClock clock;
    std::filesystem::path directory;
    std::unique_ptr<sql::Database> database;
    std::unique_ptr<blob::BlobStore> blobs;
    std::unique_ptr<compute::Engine> engine;
    identity::Service identity;
    compute::Service compute;
    environments::Service environments;
    tracking::Service tracking;
    tracking::Uploads uploads;
    webhooks::Service webhooks;
    models::Service models;
    traces::Service traces;
    std::unique_ptr<serving::Sources> sources;
    serving::Service serving;
    models::LineageReader lineage;
    retention::Service retention;
    tracking::JobContributor job_contributor;
    webhooks::JobEvents job_events;
    tracking::Reproduction reproduction;
    identity::Permissions permissions;
    WorkloadAccess access;
    api::Api api;
    std::string document, url, sign_in_url;
    std::atomic<bool> ready = false;
    std::unique_ptr<net::Server> http;
    std::optional<PeriodicLoop> maintenance, compaction, collection, removal, streams;
};

Server::Server(const Options& options) : state_(std::make_unique<State>(options)) {
    state_->listen();
    state_->access.set_url(state_->url);
    state_->first_start();
    state_->compute.start();
    state_->serving.start();
    state_->webhooks.start();
    state_->removal.emplace("removing what was in deleted projects", kRemoveEvery,
                            [state = state_.get()] { state->identity.remove_deleted_projects(); });
    state_->identity.set_deletion_listener([state = state_.get()] { state->removal->wake(); });
    state_->removal->wake();
    state_->ready = true;
    state_->maintenance.emplace("ending what has expired", kMaintainEvery, [state = state_.get()] {
        state->identity.maintain();
        state->uploads.remove_expired();
        state->models.maintain();
        state->webhooks.maintain();
    });
    state_->compaction.emplace("compacting metrics", kCompactEvery, [state = state_.get()] {
        state->tracking.point_compactor().compact_due();
        state->database->shrink();
    });
    state_->streams.emplace("ending streams of those who were shut out", kStreamsEvery,
                            [state = state_.get()] { state->api.end_refused_streams(); });
    state_->collection.emplace("collecting what was deleted", kCollectionDueEvery,
                               [state = state_.get()] { state->retention.run_if_due(); });
}

Server::~Server() {
    stop();
}

const std::string& Server::url() const {
    return state_->url;
}
const std::string& Server::sign_in_url() const {
    return state_->sign_in_url;
}

void Server::stop() {
    if (!state_->http) return;
    state_->maintenance.reset();
    state_->compaction.reset();
    state_->streams.reset();
    state_->collection.reset();
    state_->webhooks.stop();
    state_->serving.stop();
    state_->http->stop(kStopGrace);
    state_->removal.reset();
    state_->compute.stop();
    // The engine's thread reports to the services: it ends before they do.
    state_->engine->set_listener({});
    state_->http.reset();
}

int run_server(int argc, char** argv) {
    // Blocked in every thread, taken by sigwait: no handler runs in the middle of anything.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    // What is mounted into workloads is read there by other users; the data directory itself is
    // closed (0700).
    ::umask(0022);
    try {
        auto options = parse_options(argc, argv);
        if (!options) return 0;
        Server server(*options);
        fmt::print("maru is ready at {}\n", server.url());
        if (!server.sign_in_url().empty())
            fmt::print("sign in as admin, once, at {}\n", server.sign_in_url());
        std::fflush(stdout);
        int received = 0;
        ::sigwait(&signals, &received);
        log::info("stopping; jobs and endpoints run on");
        server.stop();
        return 0;
    } catch (const Error& error) {
        fmt::print(stderr, "error: {}\n", error.message());
        return error.code() == ErrorCode::invalid_argument ? 2 : 1;
    } catch (const std::exception& error) {
        fmt::print(stderr, "error: {}\n", error.what());
        return 1;
    }
}

}  // namespace maru::server
