#include "identity/service.hpp"

namespace maru::identity {

namespace {

constexpr std::string_view kFirst = R"sql(
CREATE TABLE users (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    password_hash TEXT,
    is_admin BIGINT NOT NULL,
    is_disabled BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE sessions (
    secret_sha256 TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users(id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions(user_id, created_at);
CREATE TABLE sign_in_links (
    secret_sha256 TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users(id),
    is_initial BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE TABLE projects (
    id TEXT PRIMARY KEY,
    number BIGINT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE members (
    project_id TEXT NOT NULL REFERENCES projects(id),
    user_id TEXT NOT NULL REFERENCES users(id),
    role TEXT NOT NULL,
    PRIMARY KEY (project_id, user_id)
);
CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    secret_sha256 TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL REFERENCES users(id),
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    can_write BIGINT NOT NULL,
    project_id TEXT REFERENCES projects(id),
    workload_id TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT
);
CREATE INDEX tokens_by_user ON tokens(user_id, id);
CREATE INDEX tokens_by_workload ON tokens(workload_id);
CREATE INDEX tokens_by_project ON tokens(project_id);
CREATE TABLE audit_entries (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    user_name TEXT NOT NULL,
    operation TEXT NOT NULL,
    project_id TEXT,
    project_name TEXT,
    resource TEXT NOT NULL,
    outcome TEXT NOT NULL,
    remote_address TEXT NOT NULL
);
CREATE INDEX audit_entries_by_project ON audit_entries(project_id, id);
CREATE TABLE idempotency_keys (
    user_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    operation TEXT NOT NULL,
    request_sha256 TEXT NOT NULL,
    status BIGINT,
    content_type TEXT,
    response TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, idempotency_key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys(created_at);
CREATE TABLE identity_settings (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO identity_settings (name, value) VALUES ('next_project_number', 1);
)sql";

// Projects whose rooms' contents are not removed yet, or may get some more.
constexpr std::string_view kDeletedProjects = R"sql(
CREATE TABLE deleted_projects (
    id TEXT PRIMARY KEY,
    number BIGINT NOT NULL,
    name TEXT NOT NULL,
    deleted_at BIGINT NOT NULL,
    removed BIGINT NOT NULL
);
)sql";

// Permissions on single experiments (by id) and models (by number); -1: all of the kind.
constexpr std::string_view kResourceRoles = R"sql(
CREATE TABLE resource_roles (
    id BIGINT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects(id),
    name TEXT NOT NULL,
    description TEXT,
    owner_id TEXT REFERENCES users(id),
    UNIQUE (project_id, name)
);
CREATE TABLE resource_grants (
    id BIGINT PRIMARY KEY,
    role BIGINT NOT NULL REFERENCES resource_roles(id),
    kind TEXT NOT NULL,
    resource BIGINT NOT NULL,
    permission TEXT NOT NULL,
    UNIQUE (role, kind, resource)
);
CREATE TABLE resource_role_users (
    id BIGINT PRIMARY KEY,
    role BIGINT NOT NULL REFERENCES resource_roles(id),
    user_id TEXT NOT NULL REFERENCES users(id),
    UNIQUE (role, user_id)
);
INSERT INTO identity_settings (name, value) VALUES ('next_resource_id', 1);
)sql";

constexpr sql::Migration kMigrations[] = {
    {.module = "identity", .number = 1, .script = kFirst},
    {.module = "identity", .number = 2, .script = kDeletedProjects},
    {.module = "identity", .number = 3, .script = kResourceRoles}};

}  // namespace

const std::span<const sql::Migration> migrations = kMigrations;

}  // namespace maru::identity
