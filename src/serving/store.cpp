#include "serving/store.hpp"

#include "base/json.hpp"

namespace maru::serving::store {

namespace {

constexpr std::string_view kEndpointColumns =
    "id, project_id, project_number, project_name, name, user_name, deleting, created_at";
constexpr std::string_view kVariantColumns =
    "id, role, model, version, files, environment, cpu_milli, memory_mib, gpus, replicas, "
    "signature, "
    "input_example, was_ready, failure";

Endpoint read_endpoint(const sql::Row& row) {
    Endpoint endpoint;
    endpoint.id = row.string(0);
    endpoint.project = {.id = row.string(1), .number = row.integer(2), .name = row.string(3)};
    endpoint.name = row.string(4);
    endpoint.user = row.string(5);
    endpoint.deleting = row.boolean(6);
    endpoint.created_at = row.time(7);
    return endpoint;
}

Variant read_variant(const sql::Row& row) {
    Variant variant;
    variant.id = row.string(0);
    variant.role = enum_from<Role>(row.text(1)).value_or(Role::retiring);
    variant.model = row.string(2);
    variant.version = row.integer(3);
    variant.files = from_json<std::vector<ModelFile>>(row.text(4));
    variant.environment = row.optional_string(5);
    variant.resources = {
        .cpu_milli = row.integer(6), .memory_mib = row.integer(7), .gpus = row.integer(8)};
    variant.replicas = row.integer(9);
    variant.signature.text = row.string(10);
    variant.input_example.text = row.string(11);
    variant.was_ready = row.boolean(12);
    variant.failure = row.string(13);
    return variant;
}

}  // namespace

std::optional<Endpoint> find(sql::Connection& connection, std::string_view project_id,
                             std::string_view name) {
    return connection.first(
        fmt::format("SELECT {} FROM endpoints WHERE project_id = $1 AND name = $2 AND deleting = 0",
                    kEndpointColumns),
        {project_id, name}, read_endpoint);
}

std::vector<Endpoint> of_project(sql::Connection& connection, std::string_view project_id) {
    return connection.all(
        fmt::format("SELECT {} FROM endpoints WHERE project_id = $1 ORDER BY deleting, name",
                    kEndpointColumns),
        {project_id}, read_endpoint);
}

void insert(sql::Connection& connection, const Endpoint& endpoint) {
    connection.execute(
        fmt::format("INSERT INTO endpoints ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                    kEndpointColumns),
        {endpoint.id, endpoint.project.id, endpoint.project.number, endpoint.project.name,
         endpoint.name, endpoint.user, endpoint.deleting, endpoint.created_at});
}

void insert(sql::Connection& connection, std::string_view endpoint_id, const Variant& variant) {
    connection.execute(
        fmt::format("INSERT INTO endpoint_variants (endpoint_id, {}) "
                    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
                    kVariantColumns),
        {endpoint_id, variant.id, enum_name(variant.role), variant.model, variant.version,
         to_json(variant.files), variant.environment, variant.resources.cpu_milli,
         variant.resources.memory_mib, variant.resources.gpus, variant.replicas,
         variant.signature.text, variant.input_example.text, variant.was_ready, variant.failure});
}

std::vector<Variant> variants(sql::Connection& connection, std::string_view endpoint_id) {
    return connection.all(
        fmt::format("SELECT {} FROM endpoint_variants WHERE endpoint_id = $1 ORDER BY id",
                    kVariantColumns),
        {endpoint_id}, read_variant);
}

void set_role(sql::Connection& connection, std::string_view variant_id, Role role) {
    connection.execute("UPDATE endpoint_variants SET role = $1 WHERE id = $2",
                       {enum_name(role), variant_id});
}

void set_ready(sql::Connection& connection, std::string_view variant_id) {
    connection.execute("UPDATE endpoint_variants SET was_ready = 1 WHERE id = $1", {variant_id});
}

void set_failure(sql::Connection& connection, std::string_view variant_id,
                 std::string_view failure) {
    connection.execute("UPDATE endpoint_variants SET failure = $1 WHERE id = $2",
                       {failure, variant_id});
}

void mark_deleting(sql::Connection& connection, std::string_view endpoint_id) {
    connection.execute("UPDATE endpoints SET deleting = 1 WHERE id = $1", {endpoint_id});
    connection.execute("UPDATE endpoint_variants SET role = $1 WHERE endpoint_id = $2",
                       {enum_name(Role::retiring), endpoint_id});
}

void remove_variant(sql::Connection& connection, std::string_view variant_id) {
    connection.execute("DELETE FROM endpoint_variants WHERE id = $1", {variant_id});
}

void remove_endpoint(sql::Connection& connection, std::string_view endpoint_id) {
    connection.execute("DELETE FROM endpoints WHERE id = $1", {endpoint_id});
}

std::optional<Variant> variant_to_run(sql::Connection& connection, std::string_view variant_id) {
    auto variant = connection.first(
        fmt::format("SELECT {} FROM endpoint_variants WHERE id = $1", kVariantColumns),
        {variant_id}, read_variant);
    if (variant && variant->role == Role::retiring) variant.reset();
    return variant;
}

void add_replica(sql::Connection& connection, std::string_view variant_id,
                 std::string_view workload_id) {
    connection.execute("INSERT INTO endpoint_replicas (workload_id, variant_id) VALUES ($1, $2)",
                       {workload_id, variant_id});
}

void remove_replica(sql::Connection& connection, std::string_view workload_id) {
    connection.execute("DELETE FROM endpoint_replicas WHERE workload_id = $1", {workload_id});
}

std::vector<Record> all(sql::Connection& connection) {
    std::vector<Record> records;
    for (auto& endpoint :
         connection.all(fmt::format("SELECT {} FROM endpoints ORDER BY id", kEndpointColumns), {},
                        read_endpoint)) {
        Record record{.endpoint = std::move(endpoint), .variants = {}};
        for (auto& variant : variants(connection, record.endpoint.id)) {
            auto ids = connection.all(
                "SELECT workload_id FROM endpoint_replicas WHERE variant_id = $1 ORDER BY "
                "workload_id",
                {variant.id}, [](const sql::Row& row) { return row.string(0); });
            record.variants.push_back({std::move(variant), std::move(ids)});
        }
        records.push_back(std::move(record));
    }
    return records;
}

}  // namespace maru::serving::store
