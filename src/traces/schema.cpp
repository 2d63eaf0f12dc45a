#include "sql/database.hpp"
#include "traces/service.hpp"

namespace maru::traces {
namespace {

// Experiments have numbers of this room's own: those of tracking/ come again once an experiment is
// removed for good. Rows of tags, metadata, spans and assessments repeat the trace's experiment, so
// that an index leads from what a search asks for to the traces of one experiment.
constexpr std::string_view kTables = R"sql(
CREATE TABLE trace_experiments (
    number INTEGER PRIMARY KEY,
    project_id TEXT NOT NULL,
    id TEXT NOT NULL,
    UNIQUE (project_id, id)
);
CREATE TABLE traces (
    number INTEGER PRIMARY KEY,
    project_id TEXT NOT NULL,
    id TEXT NOT NULL,
    experiment BIGINT NOT NULL,
    experiment_id TEXT NOT NULL,
    state TEXT NOT NULL,
    name TEXT,
    started_at BIGINT NOT NULL,
    duration_ms BIGINT,
    client_request_id TEXT,
    request_preview TEXT,
    response_preview TEXT,
    session_id TEXT,
    input_tokens BIGINT,
    output_tokens BIGINT,
    total_tokens BIGINT,
    cache_read_tokens BIGINT,
    cache_creation_tokens BIGINT,
    finalized BIGINT NOT NULL DEFAULT 0,
    UNIQUE (project_id, id)
);
CREATE INDEX traces_by_time ON traces
    (experiment, started_at DESC, id, duration_ms, state, name, number);
CREATE TABLE trace_tags (
    trace BIGINT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    experiment BIGINT NOT NULL,
    PRIMARY KEY (trace, key)
);
CREATE INDEX trace_tags_by_value ON trace_tags (experiment, key, value, trace);
CREATE TABLE trace_metadata (
    trace BIGINT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    experiment BIGINT NOT NULL,
    PRIMARY KEY (trace, key)
);
CREATE INDEX trace_metadata_by_value ON trace_metadata (experiment, key, value, trace);
CREATE TABLE trace_runs (
    project_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    PRIMARY KEY (project_id, run_id, trace_id)
);
CREATE INDEX trace_runs_by_trace ON trace_runs (project_id, trace_id);
CREATE TABLE trace_prompts (
    experiment BIGINT NOT NULL,
    prompt TEXT NOT NULL,
    trace BIGINT NOT NULL,
    PRIMARY KEY (experiment, prompt, trace)
);
CREATE INDEX trace_prompts_by_trace ON trace_prompts (trace);
CREATE TABLE trace_spans (
    trace BIGINT NOT NULL,
    id TEXT NOT NULL,
    parent_id TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    started_ns BIGINT NOT NULL,
    ended_ns BIGINT NOT NULL,
    model TEXT,
    provider TEXT,
    input_cost DOUBLE PRECISION,
    output_cost DOUBLE PRECISION,
    total_cost DOUBLE PRECISION,
    usage TEXT,
    experiment BIGINT NOT NULL,
    PRIMARY KEY (trace, id)
);
CREATE INDEX trace_spans_by_kind ON trace_spans (experiment, name, type, status, trace);
CREATE TABLE trace_span_chunks (
    trace BIGINT NOT NULL,
    chunk BIGINT NOT NULL,
    plain_bytes BIGINT NOT NULL,
    packed BLOB NOT NULL,
    PRIMARY KEY (trace, chunk)
);
CREATE TABLE trace_assessments (
    number INTEGER PRIMARY KEY,
    trace BIGINT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    number_value DOUBLE PRECISION,
    is_numeric BIGINT NOT NULL,
    error TEXT NOT NULL,
    source_type TEXT NOT NULL,
    source_id TEXT,
    rationale TEXT,
    span_id TEXT,
    overrides TEXT,
    metadata TEXT NOT NULL,
    valid BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    experiment BIGINT NOT NULL,
    UNIQUE (trace, id)
);
CREATE INDEX trace_assessments_by_name ON trace_assessments (experiment, kind, name, trace);
)sql";

constexpr sql::Migration kMigrations[] = {{"traces", 1, kTables}};

}  // namespace

const std::span<const sql::Migration> migrations{kMigrations};

}  // namespace maru::traces
