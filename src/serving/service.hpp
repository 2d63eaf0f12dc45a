#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/api.hpp"
#include "blob/blob_store.hpp"
#include "compute/service.hpp"
#include "environments/service.hpp"
#include "models/service.hpp"
#include "serving/controller.hpp"
#include "serving/operations.hpp"
#include "serving/sources.hpp"
#include "sql/database.hpp"

namespace maru::serving {

struct ServiceOptions {
    /// The maru program, which replicas run as `maru infer`.
    std::filesystem::path executable;
    /// libonnxruntime.so; empty: there is none, and ONNX models are run by their Python flavour.
    std::filesystem::path onnxruntime;
    Gate::Options gate;
    std::chrono::milliseconds restart_pause{500};
};

/// The program that runs, and ONNX Runtime from MARU_ONNXRUNTIME, else beside the program or in its
/// build tree.
ServiceOptions options_from_surroundings();

/// Endpoints: a name under which a registered model answers, its replicas as workloads, and the
/// gateway to them.
///
/// An endpoint is a few rows and what runs; which replicas are ready is never written down but
/// asked for again after a restart. Lifetime: the server's; construct after compute::Service, add
/// the contributor to it, start after it, stop before it. Threads: any. Tested in service_test.cpp.
class Service {
  public:
    Service(sql::Database& database, blob::BlobStore& blobs, compute::Service& compute,
            Sources& sources, const Clock& clock, ServiceOptions options);
    ~Service();
    compute::Contributor& contributor();
    void start();
    void stop();

    /// Serves a model under a name, in the place of what that name served, once it is ready. Throws
    /// not_found for the model, failed_precondition for one that can't be served here.
    Endpoint create(const api::ProjectRef& project, std::string_view user,
                    const CreateEndpoint& request);
    /// Throws not_found.
    Endpoint get(const api::ProjectRef& project, std::string_view name);
    api::Page<Endpoint> list(const api::ProjectRef& project, const ListEndpoints& request);
    /// Throws not_found.
    void remove(const api::ProjectRef& project, std::string_view name);

    // The deletion of projects (identity::ProjectRoom).
    std::optional<std::string> running(sql::Connection& connection, const std::string& project_id);
    void remove_project(const api::ProjectRef& project);

    /// Visits the blobs of the models that endpoints run.
    void visit_blobs(const blob::VisitDigest& visit);

    RoutingTable& routes();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Models from the registry, environments from environments/.
std::unique_ptr<Sources> platform_sources(models::Service& models,
                                          environments::Service& environments);

extern const std::span<const sql::Migration> migrations;

/// Declares the operations of operations.hpp over a service.
void add_operations(api::Api& api, Service& service);
/// Declares the gateway's routes: POST /endpoints/NAME/invocations, the Open Inference Protocol at
/// /v2.
void add_gateway(api::Api& api, Service& service);

}  // namespace maru::serving
