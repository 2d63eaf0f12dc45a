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

constexpr std::string_view kHistory = R"sql(
ALTER TABLE models ADD COLUMN card TEXT NOT NULL DEFAULT '';
ALTER TABLE models ADD COLUMN card_revision BIGINT NOT NULL DEFAULT 0;
ALTER TABLE model_versions ADD COLUMN card TEXT NOT NULL DEFAULT '';
ALTER TABLE model_versions ADD COLUMN card_revision BIGINT NOT NULL DEFAULT 0;
CREATE INDEX model_versions_by_logged_model ON model_versions (model_id);
CREATE INDEX model_versions_by_artifacts ON model_versions (artifact_uri);
CREATE TABLE model_changes (
    number INTEGER PRIMARY KEY,
    project_id TEXT NOT NULL,
    model BIGINT NOT NULL,
    model_name TEXT NOT NULL,
    version BIGINT,
    at BIGINT NOT NULL,
    user_name TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    old_value TEXT,
    new_value TEXT,
    comment TEXT NOT NULL
);
CREATE INDEX model_changes_by_name ON model_changes (project_id, model_name, number);
CREATE INDEX model_changes_by_version ON model_changes (model, version, number);
CREATE TABLE model_approval_rules (
    project_id TEXT NOT NULL,
    model BIGINT NOT NULL,
    aliases TEXT NOT NULL,
    stages TEXT NOT NULL,
    approvals BIGINT NOT NULL,
    role TEXT NOT NULL,
    expires_after_s BIGINT NOT NULL,
    user_name TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (project_id, model)
);
CREATE TABLE model_requests (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    model BIGINT NOT NULL,
    version BIGINT NOT NULL,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    old_value TEXT,
    archive_existing BIGINT NOT NULL,
    state TEXT NOT NULL,
    user_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    comment TEXT NOT NULL,
    approvals_needed BIGINT NOT NULL,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX model_requests_by_model ON model_requests (model, state, id);
CREATE INDEX model_requests_by_project ON model_requests (project_id, state, id);
CREATE INDEX model_requests_by_expiry ON model_requests (state, expires_at);
CREATE TABLE model_reviews (
    request_id TEXT NOT NULL REFERENCES model_requests (id),
    user_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    approved BIGINT NOT NULL,
    comment TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (request_id, user_id)
);
)sql";

constexpr sql::Migration kMigrations[] = {{"models", 1, kTables}, {"models", 2, kHistory}};

}  // namespace

const std::span<const sql::Migration> migrations{kMigrations};

}  // namespace maru::models
