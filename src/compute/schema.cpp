#include "compute/service.hpp"

namespace maru::compute {
namespace {

constexpr sql::Migration kMigrations[] = {
    {"compute", 1, R"sql(
create table workloads (
    id text primary key,
    project_id text not null,
    project text not null,
    user_number bigint not null,
    kind text not null,
    name text not null,
    user_name text not null,
    state text not null,
    reason text not null,
    exit_code bigint,
    attempt bigint not null,
    attempt_id text not null,
    stopping text,
    run_id text,
    spec text not null,
    private_data text not null,
    queued_at bigint not null,
    started_at bigint,
    finished_at bigint,
    cpu_s double precision not null default 0,
    memory_peak_bytes bigint not null default 0,
    gpu_s double precision not null default 0
);
create index workloads_by_project on workloads (project_id, kind, id);
create index workloads_by_state on workloads (state, id);

create table workload_replicas (
    workload_id text not null references workloads (id) on delete cascade,
    position bigint not null,
    node text not null,
    gpu_ids text not null,
    primary key (workload_id, position)
);

create table workload_events (
    number bigint primary key,
    project_id text not null,
    workload_id text not null,
    name text not null,
    kind text not null,
    previous_state text,
    state text not null,
    reason text not null,
    attempt bigint not null,
    at bigint not null
);
create index workload_events_by_workload on workload_events (workload_id, number);

create table workload_usage (
    workload_id text not null references workloads (id) on delete cascade,
    at bigint not null,
    cpu_milli bigint not null,
    memory_bytes bigint not null,
    primary key (workload_id, at)
);
)sql"},
    // Numbers of events never come again, also when the last events are removed with their jobs.
    {"compute", 2, R"sql(
create table workload_event_numbers (
    only_row bigint primary key,
    last bigint not null
);
)sql"},
};

}  // namespace

const std::span<const sql::Migration> migrations = kMigrations;

}  // namespace maru::compute
