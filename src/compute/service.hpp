#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/api.hpp"
#include "compute/engines/engine.hpp"
#include "compute/operations.hpp"
#include "sql/database.hpp"

namespace maru::compute {

/// A workload as the platform's own code submits it; jobs of people come through CreateJob.
struct Submission {
    api::ProjectRef project;
    /// Runs as another user number than the project's, where what it writes is shared by all
    /// projects.
    std::optional<std::int64_t> user_number;
    std::string user;
    std::string name;
    WorkloadKind kind = WorkloadKind::job;
    std::vector<std::string> command;
    std::optional<std::string> environment, code;
    Resources resources;
    std::int32_t retries = 0;
    std::optional<std::int64_t> time_limit_s;
    std::int64_t stop_grace_s = 10;
    std::map<std::string, std::string> variables, parameters;
    std::map<std::string, std::string> tags;  // of its run
    std::optional<std::string> experiment;
    /// What its own capability needs at launch; kept, never shown.
    Json private_data;
};

/// A workload with all that is kept of it.
struct Workload {
    Job job;
    std::string project_id;
    std::int64_t user_number = 0;
    std::string attempt_id;  // of the attempt that runs or ran last; empty before the first
    std::optional<std::string> stopping;  // the reason, once a stop was asked for
    std::string machine;                  // what it runs on, for people; set while it does
    Json private_data;
    /// The attempt's own folder: work/ (its working directory, /workspace inside) and run/ (its
    /// sockets, /run/maru inside).
    std::filesystem::path folder;
};

/// How another capability takes part in the life of workloads. Threads: any. All functions may
/// throw Error: from `created` it refuses the submission, from `prepare` it fails the workload with
/// that reason.
class Contributor {
  public:
    virtual ~Contributor() = default;
    /// In the transaction that creates it: checks references, resolves names to ids, adds what
    /// belongs to it (tracking: the run). May change `workload.job`.
    virtual void created(sql::Connection&, Workload&) {}
    /// Why it can't start yet ("environment digits is being built"), or nothing. Called often:
    /// quick.
    virtual std::optional<std::string> waits_for(const Workload&) { return std::nullopt; }
    /// Before each replica's launch: files in the working directory, mounts, variables. May take
    /// long.
    virtual void prepare(const Workload&, ReplicaSpec&) {}
    /// In the transaction of each transition.
    virtual void changed(sql::Connection&, const Workload&, const Event&) {}
    /// After that transaction, on the dispatcher's thread: must not block.
    virtual void committed(const Workload&, const Event&) {}
};

struct ServiceOptions {
    std::filesystem::path data_directory;
};

/// Workloads: their durable state, their start, their end. What decides where and when is planner/;
/// what runs them is engines/; this carries decisions out and writes down what happened.
///
/// Lifetime: constructed, contributors added, then `start` (recovers what an earlier server left
/// and begins to dispatch) until `stop`, which leaves workloads running. Threads: any after start.
class Service {
  public:
    Service(sql::Database& database, Engine& engine, const Clock& clock, ServiceOptions options);
    ~Service();
    /// Order matters: `created` and `prepare` are called in it.
    void add_contributor(Contributor& contributor);
    void start();
    void stop();

    /// Queues a workload, durably. Throws invalid_argument for a request that no node could ever
    /// hold.
    Workload submit(const Submission& submission);
    /// Throws not_found.
    Workload get(std::string_view project_id, std::string_view id);
    Workload get(sql::Connection& connection, std::string_view id);
    api::Page<Job> list(std::string_view project_id, const ListJobs& request);
    /// Idempotent; a workload that has ended stays as it is. `reason`: "stopped by admin".
    Job stop_workload(std::string_view project_id, std::string_view id, std::string_view reason);
    Job retry(const api::ProjectRef& project, std::string_view id, std::string_view user);
    api::Page<Event> events(std::string_view project_id, const ListJobEvents& request);
    Waiting why(std::string_view project_id, std::string_view id);
    UsageHistory usage(std::string_view project_id, std::string_view id);
    net::Response read_log(std::string_view project_id, const ReadJobLog& request,
                           std::string_view last_event_id);
    net::Response follow_events(std::string_view project_id, const FollowEvents& request,
                                std::string_view last_event_id);
    Status status();
    /// Removes one that has ended for good, with its events, log and files. Throws
    /// failed_precondition for one that has not.
    void remove(std::string_view project_id, std::string_view id);

    // The deletion of projects (identity::ProjectRoom).
    std::vector<std::string> project_contents(sql::Connection& connection,
                                              const std::string& project_id);
    std::optional<std::string> running(sql::Connection& connection, const std::string& project_id);
    /// What has not ended is stopped, and removed by a later call.
    void remove_project(const api::ProjectRef& project);
    /// The code snapshots that workloads were submitted with.
    std::set<std::string> codes_in_use();
    /// Something that a waits_for depends on has changed: look again.
    void wake();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

extern const std::span<const sql::Migration> migrations;

/// Declares the operations of operations.hpp over a service.
void add_operations(api::Api& api, Service& service);

}  // namespace maru::compute
