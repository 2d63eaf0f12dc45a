#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/reflection.hpp"
#include "base/time.hpp"

namespace maru::compute {

/// What a workload asks for, for each of its replicas.
struct Resources {
    std::int64_t cpu_milli = 1000;  // 1000 is one core
    std::int64_t memory_mib = 2048;
    std::int64_t gpus = 0;
    bool operator==(const Resources&) const = default;
};
BOOST_DESCRIBE_STRUCT(Resources, (), (cpu_milli, memory_mib, gpus))

enum class WorkloadKind { job, environment_build, endpoint_replica };
BOOST_DESCRIBE_ENUM(WorkloadKind, job, environment_build, endpoint_replica)

enum class WorkloadState { queued, starting, running, succeeded, failed, stopped, preempted };
BOOST_DESCRIBE_ENUM(WorkloadState, queued, starting, running, succeeded, failed, stopped, preempted)

constexpr bool is_final(WorkloadState state) {
    return state == WorkloadState::succeeded || state == WorkloadState::failed ||
           state == WorkloadState::stopped;
}
constexpr bool holds_resources(WorkloadState state) {
    return state == WorkloadState::starting || state == WorkloadState::running;
}

struct Replica {
    std::int32_t index = 0;
    std::optional<std::string> node;
    WorkloadState state = WorkloadState::queued;
    std::optional<std::int32_t> exit_code;
};
BOOST_DESCRIBE_STRUCT(Replica, (), (index, node, state, exit_code))

struct Usage {
    double cpu_s = 0;
    std::int64_t memory_peak_bytes = 0;
    double gpu_s = 0;
};
BOOST_DESCRIBE_STRUCT(Usage, (), (cpu_s, memory_peak_bytes, gpu_s))

/// Anything that runs: a job, the build of an environment, a replica of an endpoint.
struct Job {
    std::string id, name, project;
    WorkloadKind kind = WorkloadKind::job;
    WorkloadState state = WorkloadState::queued;
    std::string reason;  // why it is in this state, for people
    std::optional<std::int32_t> exit_code;
    std::vector<std::string> command;
    std::optional<std::string> environment;  // id
    std::optional<std::string> code;         // id of a code snapshot
    Resources resources;
    std::int32_t replica_count = 1;
    std::int32_t retries = 0;
    std::int32_t attempt = 1;  // 1, 2, ... up to retries + 1
    std::optional<std::int64_t> time_limit_s;
    std::int64_t stop_grace_s = 10;
    std::map<std::string, std::string> variables;
    std::map<std::string, std::string> parameters;
    std::map<std::string, std::string> tags;  // of its run
    std::optional<std::string> experiment;
    std::optional<std::string> run_id;
    std::string user;
    Time queued_at{};
    std::optional<Time> started_at, finished_at;
    std::vector<Replica> replicas;
    Usage usage;
};
BOOST_DESCRIBE_STRUCT(Job, (),
                      (id, name, project, kind, state, reason, exit_code, command, environment,
                       code, resources, replica_count, retries, attempt, time_limit_s, stop_grace_s,
                       variables, parameters, tags, experiment, run_id, user, queued_at, started_at,
                       finished_at, replicas, usage))

/// One transition of a workload's state, durable; numbers rise over the whole platform.
struct Event {
    std::int64_t number = 0;
    Time at{};
    std::string workload_id, name;
    WorkloadKind kind = WorkloadKind::job;
    std::optional<WorkloadState> previous_state;
    WorkloadState state = WorkloadState::queued;
    std::string reason;
    std::int32_t attempt = 1;
};
BOOST_DESCRIBE_STRUCT(Event, (),
                      (number, at, workload_id, name, kind, previous_state, state, reason, attempt))

struct UsageSample {
    Time at{};
    std::int64_t cpu_milli = 0;  // mean since the sample before
    std::int64_t memory_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(UsageSample, (), (at, cpu_milli, memory_bytes))

struct UsageHistory {
    std::vector<UsageSample> samples;
};
BOOST_DESCRIBE_STRUCT(UsageHistory, (), (samples))

/// Why a workload waits.
struct Waiting {
    std::string reason;
    std::optional<std::int64_t> position;  // 1 is next
    std::optional<Time> estimated_start_at;
};
BOOST_DESCRIBE_STRUCT(Waiting, (), (reason, position, estimated_start_at))

struct NodeStatus {
    std::string name;
    std::int64_t cpu_milli = 0, cpu_free_milli = 0, memory_mib = 0, memory_free_mib = 0;
    std::int64_t gpus = 0, gpus_free = 0;
};
BOOST_DESCRIBE_STRUCT(NodeStatus, (),
                      (name, cpu_milli, cpu_free_milli, memory_mib, memory_free_mib, gpus,
                       gpus_free))

struct Status {
    std::string version;
    std::vector<NodeStatus> nodes;
    std::int64_t jobs_running = 0, jobs_queued = 0;
};
BOOST_DESCRIBE_STRUCT(Status, (), (version, nodes, jobs_running, jobs_queued))

}  // namespace maru::compute
