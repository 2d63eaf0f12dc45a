#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/api.hpp"
#include "compute/types.hpp"
#include "serving/sources.hpp"
#include "sql/database.hpp"

/// The tables of serving. All functions run inside a transaction that the caller opened.
namespace maru::serving::store {

/// serving: takes the requests. next: takes its place once ready. retiring: is being stopped.
enum class Role { serving, next, retiring };
BOOST_DESCRIBE_ENUM(Role, serving, next, retiring)

struct Variant {
    std::string id;
    Role role = Role::serving;
    std::string model;
    std::int64_t version = 0;
    std::vector<ModelFile> files;
    std::optional<std::string> environment;  // of the Python backend; without one: ONNX
    compute::Resources resources;
    std::int64_t replicas = 1;
    Json signature, input_example;
    bool was_ready = false;
    std::string failure;  // why it is not tried any more
};

struct Endpoint {
    std::string id;
    api::ProjectRef project;
    std::string name, user;
    bool deleting = false;
    Time created_at{};
};

/// An endpoint with its variants and, by variant, the workloads that have not ended.
struct Record {
    Endpoint endpoint;
    struct WithReplicas {
        Variant variant;
        std::vector<std::string> workload_ids;
    };
    std::vector<WithReplicas> variants;
};

/// The endpoint of that name, unless it is being deleted.
std::optional<Endpoint> find(sql::Connection& connection, std::string_view project_id,
                             std::string_view name);
/// Those that are being deleted too.
std::vector<Endpoint> of_project(sql::Connection& connection, std::string_view project_id);
void insert(sql::Connection& connection, const Endpoint& endpoint);
void insert(sql::Connection& connection, std::string_view endpoint_id, const Variant& variant);
std::vector<Variant> variants(sql::Connection& connection, std::string_view endpoint_id);
void set_role(sql::Connection& connection, std::string_view variant_id, Role role);
void set_ready(sql::Connection& connection, std::string_view variant_id);
void set_failure(sql::Connection& connection, std::string_view variant_id,
                 std::string_view failure);
void mark_deleting(sql::Connection& connection, std::string_view endpoint_id);
/// Removes what has no replicas any more.
void remove_variant(sql::Connection& connection, std::string_view variant_id);
void remove_endpoint(sql::Connection& connection, std::string_view endpoint_id);

/// Nothing if the variant is gone or retiring: no more replicas of it may come.
std::optional<Variant> variant_to_run(sql::Connection& connection, std::string_view variant_id);
void add_replica(sql::Connection& connection, std::string_view variant_id,
                 std::string_view workload_id);
void remove_replica(sql::Connection& connection, std::string_view workload_id);

std::vector<Record> all(sql::Connection& connection);

}  // namespace maru::serving::store
