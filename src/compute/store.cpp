#include "compute/store.hpp"

#include "base/error.hpp"
#include "base/json.hpp"

namespace maru::compute::store {
namespace {

/// What a workload was asked to be: it never changes, so it stands in one column.
struct Spec {
    std::vector<std::string> command;
    std::optional<std::string> environment, code;
    Resources resources;
    std::int32_t retries = 0;
    std::optional<std::int64_t> time_limit_s;
    std::int64_t stop_grace_s = 10;
    std::map<std::string, std::string> variables, parameters, tags;
    std::optional<std::string> experiment;
};
BOOST_DESCRIBE_STRUCT(Spec, (),
                      (command, environment, code, resources, retries, time_limit_s, stop_grace_s,
                       variables, parameters, tags, experiment))

constexpr std::string_view kColumns =
    "id, project_id, project, user_number, kind, name, user_name, state, reason, exit_code, "
    "attempt, attempt_id,"
    " stopping, run_id, spec, private_data, queued_at, started_at, finished_at, cpu_s, "
    "memory_peak_bytes, gpu_s";

std::string spec_of(const Job& job) {
    return to_json(Spec{job.command, job.environment, job.code, job.resources, job.retries,
                        job.time_limit_s, job.stop_grace_s, job.variables, job.parameters, job.tags,
                        job.experiment});
}

void take_spec(Job& job, std::string_view text) {
    auto spec = from_json<Spec>(text, {.ignore_unknown_fields = true});
    job.command = std::move(spec.command);
    job.environment = std::move(spec.environment);
    job.code = std::move(spec.code);
    job.resources = spec.resources;
    job.retries = spec.retries;
    job.time_limit_s = spec.time_limit_s;
    job.stop_grace_s = spec.stop_grace_s;
    job.variables = std::move(spec.variables);
    job.parameters = std::move(spec.parameters);
    job.tags = std::move(spec.tags);
    job.experiment = std::move(spec.experiment);
}

Workload workload_of(const sql::Row& row) {
    Workload workload;
    Job& job = workload.job;
    job.id = row.string(0);
    workload.project_id = row.string(1);
    job.project = row.string(2);
    workload.user_number = row.integer(3);
    job.kind = enum_from<WorkloadKind>(row.text(4)).value_or(WorkloadKind::job);
    job.name = row.string(5);
    job.user = row.string(6);
    job.state = enum_from<WorkloadState>(row.text(7)).value_or(WorkloadState::failed);
    job.reason = row.string(8);
    if (auto code = row.optional_integer(9)) job.exit_code = static_cast<std::int32_t>(*code);
    job.attempt = static_cast<std::int32_t>(row.integer(10));
    workload.attempt_id = row.string(11);
    workload.stopping = row.optional_string(12);
    job.run_id = row.optional_string(13);
    take_spec(job, row.text(14));
    workload.private_data.text = row.string(15);
    job.queued_at = row.time(16);
    job.started_at = row.optional_time(17);
    job.finished_at = row.optional_time(18);
    job.usage = {row.real(19), row.integer(20), row.real(21)};
    return workload;
}

/// The replicas that people see, from where they were placed and how the workload stands.
std::vector<Replica> replicas_of(const Job& job, const std::vector<Placed>& placed) {
    std::vector<Replica> replicas;
    for (std::int32_t i = 0; i < job.replica_count; ++i) {
        Replica replica{
            .index = i, .node = std::nullopt, .state = job.state, .exit_code = job.exit_code};
        if (static_cast<std::size_t>(i) < placed.size())
            replica.node = placed[static_cast<std::size_t>(i)].node;
        replicas.push_back(std::move(replica));
    }
    return replicas;
}

Record complete(sql::Connection& connection, Workload workload) {
    Record record{std::move(workload), {}};
    record.placed = connection.all(
        "select node, gpu_ids from workload_replicas where workload_id = $1 order by position",
        {record.workload.job.id}, [](const sql::Row& row) {
            return Placed{row.string(0), from_json<std::vector<std::string>>(row.text(1))};
        });
    record.workload.job.replicas = replicas_of(record.workload.job, record.placed);
    return record;
}

Event event_of(const sql::Row& row) {
    Event event;
    event.number = row.integer(0);
    event.workload_id = row.string(2);
    event.name = row.string(3);
    event.kind = enum_from<WorkloadKind>(row.text(4)).value_or(WorkloadKind::job);
    if (!row.is_null(5)) event.previous_state = enum_from<WorkloadState>(row.text(5));
    event.state = enum_from<WorkloadState>(row.text(6)).value_or(WorkloadState::failed);
    event.reason = row.string(7);
    event.attempt = static_cast<std::int32_t>(row.integer(8));
    event.at = row.time(9);
    return event;
}

void write_placed(sql::Connection& connection, const Record& record) {
    const auto& id = record.workload.job.id;
    connection.execute("delete from workload_replicas where workload_id = $1", {id});
    for (std::size_t i = 0; i < record.placed.size(); ++i)
        connection.execute(
            "insert into workload_replicas (workload_id, position, node, gpu_ids) values ($1, $2, "
            "$3, $4)",
            {id, i, record.placed[i].node, to_json(record.placed[i].gpu_ids)});
}

}  // namespace

void insert(sql::Connection& connection, const Record& record) {
    const auto& workload = record.workload;
    const auto& job = workload.job;
    connection.execute(
        "insert into workloads (id, project_id, project, user_number, kind, name, user_name, "
        "state, reason, exit_code,"
        " attempt, attempt_id, stopping, run_id, spec, private_data, queued_at) values"
        " ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        {job.id, workload.project_id, job.project, workload.user_number, enum_name(job.kind),
         job.name, job.user, enum_name(job.state), job.reason, job.exit_code, job.attempt,
         workload.attempt_id, workload.stopping, job.run_id, spec_of(job),
         workload.private_data.text, job.queued_at});
}

void update(sql::Connection& connection, const Record& record) {
    const auto& workload = record.workload;
    const auto& job = workload.job;
    connection.execute(
        "update workloads set state = $2, reason = $3, exit_code = $4, attempt = $5, attempt_id = "
        "$6, stopping = $7,"
        " started_at = $8, finished_at = $9, cpu_s = $10, memory_peak_bytes = $11, gpu_s = $12 "
        "where id = $1",
        {job.id, enum_name(job.state), job.reason, job.exit_code, job.attempt, workload.attempt_id,
         workload.stopping, job.started_at, job.finished_at, job.usage.cpu_s,
         job.usage.memory_peak_bytes, job.usage.gpu_s});
    write_placed(connection, record);
}

Record get(sql::Connection& connection, std::string_view id) {
    auto workload = connection.first(
        fmt::format("select {} from workloads where id = $1", kColumns), {id}, workload_of);
    if (!workload) fail(ErrorCode::not_found, "the job {} does not exist", id.substr(0, 80));
    return complete(connection, std::move(*workload));
}

std::vector<Record> active(sql::Connection& connection) {
    auto workloads =
        connection.all(fmt::format("select {} from workloads where state in ('queued', 'starting', "
                                   "'running', 'preempted') order by id",
                                   kColumns),
                       {}, workload_of);
    std::vector<Record> records;
    for (auto& workload : workloads) records.push_back(complete(connection, std::move(workload)));
    return records;
}

std::vector<Job> list(sql::Connection& connection, const ListFilter& filter) {
    std::string where = "project_id = $1";
    if (filter.kind != "all") where += " and kind = $2";
    if (filter.state == "active")
        where += " and state in ('queued', 'starting', 'running', 'preempted')";
    else if (filter.state != "all")
        where += " and state = $3";
    if (!filter.before_id.empty()) where += " and id < $4";
    auto workloads = connection.all(
        fmt::format("select {} from workloads where {} order by id desc limit $5", kColumns, where),
        {filter.project_id, filter.kind, filter.state, filter.before_id, filter.limit},
        workload_of);
    std::vector<Job> jobs;
    for (auto& workload : workloads)
        jobs.push_back(std::move(complete(connection, std::move(workload)).workload.job));
    return jobs;
}

std::vector<Job> active_in(sql::Connection& connection, std::string_view project_id,
                           std::int64_t limit) {
    auto jobs = list(connection, {.project_id = std::string(project_id),
                                  .state = "active",
                                  .kind = "all",
                                  .before_id = "",
                                  .limit = limit});
    return {jobs.rbegin(), jobs.rend()};
}

std::vector<std::string> ended_in(sql::Connection& connection, std::string_view project_id,
                                  std::int64_t limit) {
    return connection.all(
        "select id from workloads where project_id = $1 and state in ('succeeded', 'failed', "
        "'stopped') limit $2",
        {project_id, limit}, [](const sql::Row& row) { return row.string(0); });
}

std::set<std::string> all_ids(sql::Connection& connection) {
    std::set<std::string> ids;
    connection.query("select id from workloads", {},
                     [&](const sql::Row& row) { ids.insert(row.string(0)); });
    return ids;
}

bool remove_ended(sql::Connection& connection, std::string_view id) {
    // With its replicas and samples, which go with their row.
    if (connection.execute("delete from workloads where id = $1 and state in ('succeeded', "
                           "'failed', 'stopped')",
                           {id}) == 0)
        return false;
    connection.execute(
        "insert into workload_event_numbers (only_row, last) values (1, $1) on conflict "
        "(only_row) do update set last = excluded.last",
        {last_event_number(connection)});
    connection.execute("delete from workload_events where workload_id = $1", {id});
    return true;
}

std::set<std::string> codes(sql::Connection& connection) {
    std::set<std::string> codes;
    connection.query("select spec from workloads where kind = 'job'", {}, [&](const sql::Row& row) {
        auto spec = from_json<Spec>(row.text(0), {.ignore_unknown_fields = true});
        if (spec.code) codes.insert(std::move(*spec.code));
    });
    return codes;
}

void append_event(sql::Connection& connection, std::string_view project_id, Event& event) {
    event.number = last_event_number(connection) + 1;
    std::optional<std::string_view> previous;
    if (event.previous_state) previous = enum_name(*event.previous_state);
    connection.execute(
        "insert into workload_events (number, project_id, workload_id, name, kind, previous_state, "
        "state, reason,"
        " attempt, at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        {event.number, project_id, event.workload_id, event.name, enum_name(event.kind), previous,
         enum_name(event.state), event.reason, event.attempt, event.at});
}

std::vector<ProjectEvent> events_after(sql::Connection& connection, std::int64_t number,
                                       std::string_view project_id, std::string_view workload_id,
                                       std::int64_t limit) {
    std::string where = "number > $1";
    if (!project_id.empty()) where += " and project_id = $2";
    if (!workload_id.empty()) where += " and workload_id = $3";
    return connection.all(fmt::format("select number, project_id, workload_id, name, kind, "
                                      "previous_state, state, reason, attempt, at"
                                      " from workload_events where {} order by number limit $4",
                                      where),
                          {number, project_id, workload_id, limit}, [](const sql::Row& row) {
                              return ProjectEvent{row.string(1), event_of(row)};
                          });
}

std::int64_t last_event_number(sql::Connection& connection) {
    return *connection.first(
        "select coalesce(max(number), 0) from (select max(number) as number from workload_events "
        "union all select last from workload_event_numbers) numbers",
        {}, [](const sql::Row& row) { return row.integer(0); });
}

void append_usage(sql::Connection& connection, std::string_view workload_id,
                  const UsageSample& sample) {
    connection.execute(
        "insert into workload_usage (workload_id, at, cpu_milli, memory_bytes) values ($1, $2, $3, "
        "$4)"
        " on conflict do nothing",
        {workload_id, sample.at, sample.cpu_milli, sample.memory_bytes});
}

std::vector<UsageSample> usage(sql::Connection& connection, std::string_view workload_id,
                               std::int64_t limit) {
    return connection.all(
        "select at, cpu_milli, memory_bytes from workload_usage where workload_id = $1 order by at "
        "limit $2",
        {workload_id, limit}, [](const sql::Row& row) {
            return UsageSample{row.time(0), row.integer(1), row.integer(2)};
        });
}

}  // namespace maru::compute::store
