#include "sql/database.hpp"
#include "tracking/points/store.hpp"
#include "tracking/service.hpp"

namespace maru::tracking {
namespace {

constexpr std::string_view kTables = R"sql(
CREATE TABLE tracking_experiments (
    number INTEGER PRIMARY KEY,
    project_id TEXT NOT NULL,
    id BIGINT NOT NULL,
    name TEXT NOT NULL,
    artifact_location TEXT NOT NULL,
    deleted BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (project_id, id),
    UNIQUE (project_id, name)
);
CREATE TABLE tracking_experiment_tags (
    experiment BIGINT NOT NULL REFERENCES tracking_experiments (number),
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (experiment, key)
);
CREATE TABLE tracking_runs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    experiment BIGINT NOT NULL REFERENCES tracking_experiments (number),
    name TEXT NOT NULL,
    user_name TEXT NOT NULL,
    status TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    deleted BIGINT NOT NULL DEFAULT 0,
    artifact_uri TEXT NOT NULL,
    job_id TEXT,
    awaits_client BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX tracking_runs_by_start ON tracking_runs (experiment, deleted, started_at DESC, id);
CREATE INDEX tracking_runs_by_job ON tracking_runs (job_id);
CREATE TABLE tracking_parameters (
    run BIGINT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, key)
);
CREATE TABLE tracking_tags (
    run BIGINT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, key)
);
CREATE TABLE tracking_metric_keys (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE
);
CREATE TABLE tracking_points (
    run BIGINT NOT NULL,
    key BIGINT NOT NULL,
    at BIGINT NOT NULL,
    step BIGINT NOT NULL,
    bits BIGINT NOT NULL,
    PRIMARY KEY (run, key, at, step, bits)
);
CREATE TABLE tracking_latest (
    run BIGINT NOT NULL,
    key BIGINT NOT NULL,
    step BIGINT NOT NULL,
    at BIGINT NOT NULL,
    value DOUBLE PRECISION NOT NULL,
    is_nan BIGINT NOT NULL,
    PRIMARY KEY (run, key)
);
CREATE TABLE tracking_datasets (
    number INTEGER PRIMARY KEY,
    experiment BIGINT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    source_type TEXT NOT NULL,
    source TEXT NOT NULL,
    schema TEXT NOT NULL,
    profile TEXT NOT NULL,
    UNIQUE (experiment, name, digest)
);
CREATE TABLE tracking_dataset_inputs (
    run BIGINT NOT NULL,
    dataset BIGINT NOT NULL,
    PRIMARY KEY (run, dataset)
);
CREATE TABLE tracking_dataset_input_tags (
    run BIGINT NOT NULL,
    dataset BIGINT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, dataset, key)
);
CREATE TABLE tracking_model_links (
    run BIGINT NOT NULL,
    is_output BIGINT NOT NULL,
    model_id TEXT NOT NULL,
    step BIGINT NOT NULL,
    PRIMARY KEY (run, is_output, model_id, step)
);
CREATE TABLE tracking_models (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    experiment BIGINT NOT NULL REFERENCES tracking_experiments (number),
    name TEXT NOT NULL,
    model_type TEXT NOT NULL,
    source_run_id TEXT,
    artifact_uri TEXT NOT NULL,
    status TEXT NOT NULL,
    deleted BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX tracking_models_by_experiment ON tracking_models (experiment, created_at DESC);
CREATE TABLE tracking_model_parameters (
    model BIGINT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (model, key)
);
CREATE TABLE tracking_model_tags (
    model BIGINT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (model, key)
);
CREATE TABLE tracking_model_metrics (
    model BIGINT NOT NULL,
    key BIGINT NOT NULL,
    at BIGINT NOT NULL,
    step BIGINT NOT NULL,
    run BIGINT NOT NULL,
    bits BIGINT NOT NULL,
    value DOUBLE PRECISION NOT NULL,
    dataset_name TEXT NOT NULL,
    dataset_digest TEXT NOT NULL,
    PRIMARY KEY (model, key, at, step, run, bits)
);
CREATE TABLE tracking_artifacts (
    project_id TEXT NOT NULL,
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (project_id, path)
);
CREATE INDEX tracking_artifacts_by_blob ON tracking_artifacts (sha256);
)sql";

constexpr std::string_view kChunks = R"sql(
CREATE TABLE tracking_batches (
    number INTEGER PRIMARY KEY,
    run BIGINT NOT NULL,
    count BIGINT NOT NULL,
    data BYTEA NOT NULL
);
CREATE INDEX tracking_batches_by_run ON tracking_batches (run, number);
CREATE TABLE tracking_chunks (
    number INTEGER PRIMARY KEY,
    run BIGINT NOT NULL,
    key BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    count BIGINT NOT NULL,
    outline BYTEA,
    data BYTEA NOT NULL
);
CREATE INDEX tracking_chunks_by_series ON tracking_chunks (run, key, first_at, number, last_at, count);
)sql";

/// Points had a row each; they become batches, which the compaction then takes.
void convert_points(sql::Connection& connection) {
    constexpr std::size_t kBatchPoints = 1000;
    std::int64_t run = 0;
    std::vector<KeyedPoint> batch;
    auto flush = [&] {
        append_points(connection, run, batch);
        batch.clear();
    };
    connection.query(
        "SELECT run, key, at, step, bits FROM tracking_points ORDER BY run, key, at", {},
        [&](const sql::Row& row) {
            if (row.integer(0) != run || batch.size() == kBatchPoints) flush();
            run = row.integer(0);
            batch.push_back({row.integer(1), {row.integer(2), row.integer(3), row.integer(4)}});
        });
    flush();
    connection.execute("DROP TABLE tracking_points");
}

// A search reads one column of an experiment at a time: each is a stretch of one of these indexes,
// which hold the values too.
constexpr std::string_view kColumnsOfExperiments = R"sql(
ALTER TABLE tracking_latest ADD COLUMN experiment BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tracking_parameters ADD COLUMN experiment BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tracking_tags ADD COLUMN experiment BIGINT NOT NULL DEFAULT 0;
UPDATE tracking_latest SET experiment =
    (SELECT r.experiment FROM tracking_runs r WHERE r.number = tracking_latest.run);
UPDATE tracking_parameters SET experiment =
    (SELECT r.experiment FROM tracking_runs r WHERE r.number = tracking_parameters.run);
UPDATE tracking_tags SET experiment =
    (SELECT r.experiment FROM tracking_runs r WHERE r.number = tracking_tags.run);
CREATE INDEX tracking_latest_by_experiment
    ON tracking_latest (experiment, key, run, value, is_nan);
CREATE INDEX tracking_parameters_by_experiment
    ON tracking_parameters (experiment, key, run, value);
CREATE INDEX tracking_tags_by_experiment ON tracking_tags (experiment, key, run, value);
CREATE INDEX tracking_dataset_inputs_by_dataset ON tracking_dataset_inputs (dataset, run);
CREATE INDEX tracking_models_by_run ON tracking_models (source_run_id);
CREATE TABLE tracking_views (
    experiment BIGINT NOT NULL REFERENCES tracking_experiments (number),
    name TEXT NOT NULL,
    user_name TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (experiment, name)
);
)sql";

/// What it takes to remove for good (when a run was deleted, ids that were once given away) and to
/// follow what was made of what.
constexpr std::string_view kRemoval = R"sql(
ALTER TABLE tracking_runs ADD COLUMN deleted_at BIGINT;
CREATE INDEX tracking_runs_deleted ON tracking_runs (deleted_at) WHERE deleted = 1;
CREATE INDEX tracking_model_metrics_by_run ON tracking_model_metrics (run);
CREATE INDEX tracking_model_links_by_model ON tracking_model_links (model_id);
CREATE INDEX tracking_datasets_by_name ON tracking_datasets (name, digest);
CREATE TABLE tracking_experiment_ids (
    project_id TEXT PRIMARY KEY,
    last_id BIGINT NOT NULL
);
)sql";

// Which runs and logged models were brought over whole, and what their source looked like.
constexpr std::string_view kImports = R"sql(
CREATE TABLE tracking_imports (
    project_id TEXT NOT NULL,
    id TEXT NOT NULL,
    mark TEXT NOT NULL,
    PRIMARY KEY (project_id, id)
);
)sql";

constexpr sql::Migration kMigrations[] = {{"tracking", 1, kTables},
                                          {"tracking", 2, kChunks, convert_points},
                                          {"tracking", 3, kColumnsOfExperiments},
                                          {"tracking", 4, kRemoval},
                                          {"tracking_import", 1, kImports}};

}  // namespace

const std::span<const sql::Migration> migrations{kMigrations};

}  // namespace maru::tracking
