#include "models/service.hpp"

namespace maru::models {
namespace {

constexpr std::string_view kTables = R"sql(
CREATE TABLE models (
    number INTEGER PRIMARY KEY,
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    next_version BIGINT NOT NULL DEFAULT 1,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (project_id, name)
);
CREATE TABLE model_tags (
    model BIGINT NOT NULL REFERENCES models (number),
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (model, key)
);
CREATE TABLE model_versions (
    number INTEGER PRIMARY KEY,
    model BIGINT NOT NULL REFERENCES models (number),
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    source TEXT NOT NULL,
    artifact_uri TEXT NOT NULL,
    run_id TEXT,
    run_link TEXT NOT NULL,
    model_id TEXT NOT NULL,
    description TEXT NOT NULL,
    user_name TEXT NOT NULL,
    stage TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (model, version)
);
CREATE INDEX model_versions_by_run ON model_versions (run_id);
CREATE TABLE model_version_tags (
    version BIGINT NOT NULL REFERENCES model_versions (number),
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (version, key)
);
CREATE TABLE model_aliases (
    model BIGINT NOT NULL REFERENCES models (number),
    alias TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (model, alias)
);
)sql";

constexpr sql::Migration kMigrations[] = {{"models", 1, kTables}};

}  // namespace

const std::span<const sql::Migration> migrations{kMigrations};

}  // namespace maru::models
