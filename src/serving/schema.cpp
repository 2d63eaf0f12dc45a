#include <array>

#include "serving/service.hpp"

namespace maru::serving {

namespace {

constexpr std::array<sql::Migration, 1> kMigrations{{
    {"serving", 1, R"sql(
CREATE TABLE endpoints (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    project_number BIGINT NOT NULL,
    project_name TEXT NOT NULL,
    name TEXT NOT NULL,
    user_name TEXT NOT NULL,
    deleting BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX endpoints_by_name ON endpoints (project_id, name) WHERE deleting = 0;
CREATE TABLE endpoint_variants (
    id TEXT PRIMARY KEY,
    endpoint_id TEXT NOT NULL REFERENCES endpoints (id),
    role TEXT NOT NULL,
    model TEXT NOT NULL,
    version BIGINT NOT NULL,
    files TEXT NOT NULL,
    environment TEXT,
    cpu_milli BIGINT NOT NULL,
    memory_mib BIGINT NOT NULL,
    gpus BIGINT NOT NULL,
    replicas BIGINT NOT NULL,
    signature TEXT NOT NULL,
    input_example TEXT NOT NULL,
    was_ready BIGINT NOT NULL,
    failure TEXT NOT NULL
);
CREATE INDEX endpoint_variants_by_endpoint ON endpoint_variants (endpoint_id);
CREATE TABLE endpoint_replicas (
    workload_id TEXT PRIMARY KEY,
    variant_id TEXT NOT NULL REFERENCES endpoint_variants (id)
);
CREATE INDEX endpoint_replicas_by_variant ON endpoint_replicas (variant_id);
)sql"},
}};

}  // namespace

const std::span<const sql::Migration> migrations = kMigrations;

}  // namespace maru::serving
