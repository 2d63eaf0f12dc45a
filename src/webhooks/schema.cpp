#include "webhooks/service.hpp"

namespace maru::webhooks {
namespace {

// A delivery is the outbox's row: written with the change that it tells of, sent later.
constexpr std::string_view kTables = R"sql(
CREATE TABLE webhooks (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    state TEXT NOT NULL,
    secret TEXT,
    user_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX webhooks_by_project ON webhooks (project_id);
CREATE TABLE webhook_deliveries (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    webhook BIGINT NOT NULL REFERENCES webhooks (number),
    event TEXT NOT NULL,
    data TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    attempted_at BIGINT,
    response_status BIGINT,
    duration_ms BIGINT,
    error TEXT
);
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (webhook, state, next_attempt_at);
CREATE INDEX webhook_deliveries_by_attempt ON webhook_deliveries (webhook, attempted_at);
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (created_at);
)sql";

constexpr sql::Migration kMigrations[] = {{"webhooks", 1, kTables}};

}  // namespace

const std::span<const sql::Migration> migrations = kMigrations;

}  // namespace maru::webhooks
