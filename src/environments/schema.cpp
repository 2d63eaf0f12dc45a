#include "environments/service.hpp"

namespace maru::environments {
namespace {

constexpr sql::Migration kSteps[] = {
    {"environments", 1, R"sql(
CREATE TABLE environments (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    requirements TEXT NOT NULL,
    python TEXT NOT NULL,
    state TEXT NOT NULL,
    error TEXT,
    lock TEXT,
    size_bytes BIGINT NOT NULL,
    build_id TEXT NOT NULL,
    build_job_id TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX environments_by_project ON environments (project_id, created_at, id);
CREATE TABLE environment_names (
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    environment_id TEXT NOT NULL REFERENCES environments (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (project_id, name, version)
);
CREATE INDEX environment_names_by_environment ON environment_names (environment_id, created_at);
CREATE TABLE environment_uses (
    environment_id TEXT NOT NULL REFERENCES environments (id),
    workload_id TEXT NOT NULL,
    PRIMARY KEY (environment_id, workload_id)
);
CREATE INDEX environment_uses_by_workload ON environment_uses (workload_id);
CREATE TABLE code_blobs (
    project_id TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (project_id, sha256)
);
CREATE TABLE code_snapshots (
    project_id TEXT NOT NULL,
    id TEXT NOT NULL,
    file_count BIGINT NOT NULL,
    size_bytes BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (project_id, id)
);
)sql"},
    // When code was last asked for, uploaded or run, so that what nobody uses can go.
    {"environments", 2, R"sql(
ALTER TABLE code_blobs ADD COLUMN used_at BIGINT NOT NULL DEFAULT 0;
UPDATE code_blobs SET used_at = created_at;
ALTER TABLE code_snapshots ADD COLUMN used_at BIGINT NOT NULL DEFAULT 0;
UPDATE code_snapshots SET used_at = created_at;
)sql"},
};

}  // namespace

const std::span<const sql::Migration> migrations{kSteps};

}  // namespace maru::environments
