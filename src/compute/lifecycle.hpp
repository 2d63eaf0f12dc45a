#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/task_queue.hpp"
#include "compute/engines/engine.hpp"
#include "compute/event_stream.hpp"
#include "compute/log_follower.hpp"
#include "compute/planner/planner.hpp"
#include "compute/service.hpp"
#include "compute/store.hpp"

namespace maru::compute {

/// Where a workload's files are below the data directory.
std::filesystem::path attempt_folder(const std::filesystem::path& data, const Workload& workload);
std::filesystem::path workload_folder(const std::filesystem::path& data, std::string_view id);
std::filesystem::path log_file(const std::filesystem::path& data, std::string_view workload_id,
                               std::int32_t replica);

/// Carries workloads from one state to the next: asks the planner, prepares and launches, hears
/// from the engine how they end.
///
/// What has not ended is also held in memory, so that a pass of the dispatcher reads no tables. A
/// transition is one transaction (state, event, what contributors add); memory follows it.
///
/// Threads: a dispatcher, a few that prepare and launch, one that writes down what the engine
/// reports, one that samples usage. Public functions from any thread.
class Lifecycle {
  public:
    Lifecycle(sql::Database& database, Engine& engine, const Clock& clock,
              std::filesystem::path data_directory);
    ~Lifecycle();

    void add_contributor(Contributor& contributor) { contributors_.push_back(&contributor); }
    /// Takes up what an earlier server left, then begins to dispatch.
    void start();
    void stop();
    void wake();

    /// Writes a new workload down and queues it.
    Workload submit(Workload workload);
    /// Asks for its end; nothing happens to one that has ended.
    void request_stop(std::string_view id, std::string_view reason);
    /// Removes one that has ended for good, with its files; false if there is none.
    bool remove_ended(std::string_view id);
    /// Whether it has not ended; quick.
    bool is_active(std::string_view id) { return find(id) != nullptr; }
    /// Fills in what only memory knows: why a queued workload waits, what a running one has used.
    void refresh(Job& job);
    Waiting why(const Job& job);
    std::vector<NodeStatus> nodes();
    /// Why no node could ever run it.
    std::optional<std::string> impossible(const Resources& resources);
    void count_jobs(std::int64_t& running, std::int64_t& queued);

    EventStream& event_stream() { return event_stream_; }
    LogFollower& log_follower() { return log_follower_; }

  private:
    struct Sample {
        std::string attempt_id;
        Time at;
        ReplicaUsage usage;
    };
    struct Active {
        std::mutex transition;          // held over a whole transition; taken before mutex_
        store::Record record;           // under mutex_
        Waiting waiting;                // under mutex_
        std::optional<Sample> sampled;  // under mutex_
    };
    using ActivePointer = std::shared_ptr<Active>;

    store::Record record_of(const Active& active);
    ActivePointer find(std::string_view id);
    ActivePointer find_attempt(const std::string& attempt_id);
    std::vector<ActivePointer> all_active();
    void keep(ActivePointer active, const store::Record& record);

    static void end_attempt(Job& job, WorkloadState state, std::string reason, Time now);
    /// What the first replica is placed on, and what it has of it; empty while it is not placed.
    std::string machine_of(const store::Record& record) const;
    /// Applies `change` to a copy of the record; where it returns true, writes the copy with its
    /// event. The record's reason becomes the event's.
    bool transition(Active& active, const std::function<bool(store::Record&)>& change);
    void fail_workload(Active& active, const std::string& reason);
    /// Does what must not be forgotten, again and again until it succeeds or the server stops: a
    /// full disk delays it only.
    void persist(std::string_view what, const std::function<void()>& work);

    void recover();

    // dispatch.cpp: what starts where.
    void dispatch_loop();
    void dispatch();
    std::optional<std::string> waits_for(const Workload& workload);
    void begin(Active& active, const planner::Placement& placement);
    planner::Snapshot snapshot(const std::vector<ActivePointer>& queued);

    // launch.cpp: the files of attempts, and their start.
    void launch(const ActivePointer& active);
    ReplicaSpec prepare(const store::Record& record);
    static void remove_files(const std::filesystem::path& folder);
    void remove_leftovers();

    // statuses.cpp: what the engine reports.
    void on_status(const ReplicaStatus& status);
    void write_status(const ReplicaStatus& status);
    void on_running(Active& active, const ReplicaStatus& status, std::optional<Time> started_at);
    void on_exit(Active& active, const ReplicaStatus& status);

    // usage.cpp: what workloads use.
    void sample_loop();
    void sample();

    static constexpr std::chrono::seconds kRetryAfter{1};

    sql::Database& database_;
    Engine& engine_;
    const Clock& clock_;
    const std::filesystem::path data_directory_;
    const std::vector<Node> nodes_;
    planner::FirstComeFirstServed policy_;
    std::vector<Contributor*> contributors_;
    EventStream event_stream_;
    LogFollower log_follower_;

    std::mutex mutex_;
    std::condition_variable changed_;
    bool dirty_ = false, stopping_ = false;
    std::map<std::string, ActivePointer, std::less<>> active_;  // by id: the order of arrival
    std::unordered_map<std::string, std::string> attempts_;     // attempt id -> workload id

    TaskQueue launchers_;
    TaskQueue statuses_;
    std::thread dispatcher_, sampler_;
};

}  // namespace maru::compute
