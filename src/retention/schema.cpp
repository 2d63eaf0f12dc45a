#include "retention/service.hpp"

namespace maru::retention {
namespace {

constexpr sql::Migration kMigrations[] = {
    {"retention", 1, R"sql(
CREATE TABLE retention_rules (
    project_id TEXT PRIMARY KEY,
    keep_deleted_s BIGINT NOT NULL
);
CREATE TABLE retention_last (
    only_row BIGINT PRIMARY KEY,
    collection TEXT NOT NULL
);
)sql"},
};

}  // namespace

const std::span<const sql::Migration> migrations = kMigrations;

}  // namespace maru::retention
