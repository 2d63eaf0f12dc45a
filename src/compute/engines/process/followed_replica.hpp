#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "compute/engines/process/records.hpp"
#include "compute/engines/process/replica_folder.hpp"

namespace maru::compute::process {

/// True if the replica's folder was made but its command can't have run, and never will.
bool was_never_started(const std::filesystem::path& folder, const std::string& boot_id);

/// What the engine knows of one replica, read from its folder.
///
/// Lifetime: from launch or recover until forget. Threads: one at a time. Errors: a folder that
/// can't be read as it should makes the replica lost, with that as its reason.
class FollowedReplica {
  public:
    FollowedReplica(ReplicaKey key, std::filesystem::path folder);

    const ReplicaKey& key() const { return key_; }
    const std::filesystem::path& folder() const { return folder_; }
    const ReplicaStatus& status() const { return status_; }
    const std::vector<Cgroup>& cgroups() const { return cgroups_; }

    /// Brings the status up to date. Hands out the supervisor's pidfd when it has found the one of
    /// an earlier engine. Returns whether to look again soon, without any event: what is dying, or
    /// hardly begun.
    bool look(const std::string& boot_id, FileDescriptor& supervisor);
    /// The pidfd told so.
    void supervisor_ended();
    void ask_to_stop(std::int64_t grace_s);
    std::optional<ReplicaUsage> usage();
    /// Takes a dead supervisor's process off the table, if it is ours.
    void reap();

    FileDescriptor supervisor;  // pidfd
    int watch = -1;

  private:
    bool find_supervisor(FileDescriptor& found);
    bool bury(const std::string& boot_id);
    void end(ReplicaExit exit);
    bool take_exit_record();

    ReplicaKey key_;
    std::filesystem::path folder_;
    ReplicaStatus status_;
    std::vector<Cgroup> cgroups_;
    std::string launch_boot_id_;
    std::int64_t supervisor_pid_ = 0;
    std::int64_t memory_peak_bytes_ = 0;
    bool orphaned_ = false;  // its supervisor is dead
};

}  // namespace maru::compute::process
