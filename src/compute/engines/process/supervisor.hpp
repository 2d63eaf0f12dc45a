#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "compute/engines/process/records.hpp"
#include "compute/engines/process/sandbox_init.hpp"

namespace maru::compute::process {

/// Runs one replica to its end and writes down how it ended; process_engine.hpp says how it and the
/// engine divide the work.
///
/// Lifetime: one per process, which it owns: it reaps every child and takes SIGTERM (asked to end)
/// and SIGCHLD, blocked by the caller before anything else. Threads: one. Errors: what keeps the
/// command from running becomes the replica's exit; run throws only where not even that can be
/// written.
class Supervisor {
  public:
    /// `lock` is held already.
    Supervisor(std::filesystem::path folder, FileDescriptor lock);
    void run();

  private:
    using Clock = std::chrono::steady_clock;

    void prepare();
    void start_sandbox();
    [[noreturn]] void become_sandbox(const std::vector<std::string>& command, int errors);
    void send_spec();
    void watch();
    std::optional<Clock::time_point> next_deadline() const;
    void meet_deadlines();
    void sample_memory();
    void take_signals();
    void take_report();
    void take_errors();
    void reap();
    void obey_stop_request();
    void ask_to_end(std::int64_t grace_s);
    void kill_sandbox();
    ReplicaExit outcome();
    void judge(ReplicaExit& exit, const CgroupUsage& usage) const;
    void judge_without_report(ReplicaExit& exit) const;
    void judge_report(ReplicaExit& exit) const;
    void write_to_log(const std::string& line) const;

    std::filesystem::path folder_;
    FileDescriptor lock_;
    SupervisorSpec spec_;
    std::optional<ReservedRecord> exit_record_;
    FileDescriptor signals_, log_, control_, errors_;
    pid_t sandbox_ = -1;
    std::optional<int> sandbox_status_;
    bool children_left_ = true;
    std::string error_text_;
    std::optional<InitReport> report_;

    std::optional<Time> started_at_;
    std::optional<Clock::time_point> time_limit_at_, kill_at_, force_at_;
    /// Set where no cgroup limits memory: then we look ourselves, now and then.
    std::optional<Clock::time_point> sample_at_;
    CgroupUsage sampled_;
    std::int64_t grace_s_ = 0;
    bool stopped_ = false, timed_out_ = false, killed_ = false;
};

}  // namespace maru::compute::process
