#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"

/// What runs workloads: processes on this machine, containers, pods. The same contract for all.
namespace maru::compute {

struct Gpu {
    std::string id;  // as the driver names it
    std::string model;
    std::int64_t memory_mib = 0;
};

/// What an engine has to offer, a machine at a time.
struct Node {
    std::string name;
    std::int64_t cpu_milli = 0;
    std::int64_t memory_mib = 0;
    std::vector<Gpu> gpus;
    std::string description;  // processor and system, for people
};

/// A folder or file that a replica sees. All other paths are the system's, read-only, or its own
/// /tmp.
struct Mount {
    std::string source;  // outside
    std::string target;  // inside, absolute
    bool writable = false;
};

/// One replica of one attempt, ready to run. Everything it needs is already on disk.
struct ReplicaSpec {
    std::string
        attempt_id;  // with `index`, names the replica for ever: launching it twice runs it once
    std::int32_t index = 0;
    std::string workload_id;
    std::string node;
    std::vector<std::string> command;
    std::map<std::string, std::string> variables;  // the whole environment
    std::string directory;                         // working directory inside, absolute
    std::vector<Mount> mounts;
    std::int64_t cpu_milli = 1000;
    std::int64_t memory_mib = 1024;
    std::vector<std::string> gpu_ids;
    std::int64_t user_number = 0;  // the project's; engines map it to a user id of their own range
    std::optional<std::int64_t> time_limit_s;
    std::int64_t stop_grace_s = 10;
    std::string log_file;  // stdout and stderr together, appended
};

enum class ReplicaState { starting, running, ended };

/// How a replica ended. `reason` is for people ("killed: used more than its memory limit of 512
/// MiB").
struct ReplicaExit {
    std::int32_t exit_code = 0;  // 128 + the signal where one ended it
    bool out_of_memory = false;
    bool timed_out = false;
    bool stopped = false;  // because stop was asked for
    bool lost = false;     // the engine lost sight of it: how it ended is not known
    std::string reason;
    std::optional<Time> started_at;
    Time ended_at{};
    double cpu_s = 0;
    std::int64_t memory_peak_bytes = 0;
};

struct ReplicaStatus {
    std::string attempt_id;
    std::int32_t index = 0;
    ReplicaState state = ReplicaState::starting;
    std::optional<Time> started_at;
    std::optional<ReplicaExit> exit;
};

struct ReplicaUsage {
    double cpu_s = 0;               // since its start
    std::int64_t memory_bytes = 0;  // at this moment
    std::int64_t memory_peak_bytes = 0;
};

/// Runs replicas. Threads: all functions from any thread; the listener is called on the engine's
/// own thread.
class Engine {
  public:
    using Listener = std::function<void(const ReplicaStatus&)>;
    virtual ~Engine() = default;

    /// Called for every change of a replica's state, at least once each (also again after a
    /// restart). Set once, before recover.
    virtual void set_listener(Listener listener) = 0;
    /// The machines and their devices.
    virtual std::vector<Node> fingerprint() = 0;
    /// Takes up what an earlier server left: reports every replica of `attempt_ids` that runs or
    /// has ended through the listener and returns the attempts of which the engine knows nothing
    /// (never launched).
    virtual std::vector<std::string> recover(const std::vector<std::string>& attempt_ids) = 0;
    /// Starts a replica; returns once it is certain that recover will find it, before it runs.
    /// Launching the same attempt and index again does nothing. Throws failed_precondition (no
    /// sandbox here), resource_exhausted (disk full).
    virtual void launch(const ReplicaSpec& spec) = 0;
    /// Asks a replica to end (SIGTERM), and kills it after the grace. Does nothing if it has ended.
    virtual void stop(const std::string& attempt_id, std::int32_t index, std::int64_t grace_s) = 0;
    /// What it uses now; nothing if it isn't running.
    virtual std::optional<ReplicaUsage> usage(const std::string& attempt_id,
                                              std::int32_t index) = 0;
    /// Removes what the engine keeps of an ended attempt (exit records, cgroups); not its log.
    virtual void forget(const std::string& attempt_id) = 0;
};

}  // namespace maru::compute
