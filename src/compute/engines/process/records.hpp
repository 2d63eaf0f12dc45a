#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.hpp"
#include "base/reflection.hpp"
#include "compute/engines/engine.hpp"
#include "compute/engines/process/cgroups.hpp"

namespace maru::compute {

BOOST_DESCRIBE_STRUCT(Mount, (), (source, target, writable))
BOOST_DESCRIBE_STRUCT(ReplicaSpec, (),
                      (attempt_id, index, workload_id, node, command, variables, directory, mounts,
                       cpu_milli, memory_mib, gpu_ids, user_number, time_limit_s, stop_grace_s,
                       log_file))
BOOST_DESCRIBE_STRUCT(ReplicaExit, (),
                      (exit_code, out_of_memory, timed_out, stopped, lost, reason, started_at,
                       ended_at, cpu_s, memory_peak_bytes))

}  // namespace maru::compute

/// What engine and supervisor leave each other in a replica's folder. The folder's existence says
/// that the replica was launched; started.json, that its command may have run; exit.json, how it
/// ended.
namespace maru::compute::process {

inline constexpr std::string_view kSpecFile = "spec.json";
inline constexpr std::string_view kStartedFile = "started.json";
inline constexpr std::string_view kExitFile = "exit.json";
inline constexpr std::string_view kStopFile = "stop.json";
/// Locked (flock) from before the folder gets its name until supervisor and sandbox are dead; holds
/// a SupervisorRecord once the supervisor runs.
inline constexpr std::string_view kLockFile = "lock";
/// What the supervisor itself prints: nothing, unless it fails.
inline constexpr std::string_view kOutputFile = "supervisor.log";

/// spec.json: all that the supervisor needs. Holds the workload's variables, so only its owner may
/// read it.
struct SupervisorSpec {
    ReplicaSpec replica;
    std::string boot_id;     // of the kernel it was launched under
    std::string executable;  // maru
    std::string bubblewrap;
    bool drop_privileges = false;  // the server is root: the command runs as user_id
    std::int64_t user_id = 0;
    std::vector<Cgroup> cgroups;
    std::vector<std::string> devices;  // device files of its GPUs
};
BOOST_DESCRIBE_STRUCT(SupervisorSpec, (),
                      (replica, boot_id, executable, bubblewrap, drop_privileges, user_id, cgroups,
                       devices))

/// A process that can't be taken for a later one with the same number.
struct SupervisorRecord {
    std::int64_t pid = 0;
    std::int64_t start_ticks = 0;  // since boot
};
BOOST_DESCRIBE_STRUCT(SupervisorRecord, (), (pid, start_ticks))

struct StartedRecord {
    Time started_at{};
};
BOOST_DESCRIBE_STRUCT(StartedRecord, (), (started_at))

struct StopRecord {
    std::int64_t grace_s = 0;
};
BOOST_DESCRIBE_STRUCT(StopRecord, (), (grace_s))

/// Replaces a file so that a reader sees all or nothing; unlike write_file_atomically it does not
/// wait for the disk: for records that mean nothing after the machine has restarted.
void publish_file(const std::filesystem::path& path, std::string_view content);

/// Its content, or nothing if it isn't there.
std::optional<std::string> read_if_present(const std::filesystem::path& path);

/// Opens (and creates) a lock file, close-on-exec.
FileDescriptor open_lock(const std::filesystem::path& path);
/// Takes the lock if no one has it.
bool try_lock(int fd);

std::string read_boot_id();
/// Nothing if there is no such process.
std::optional<std::int64_t> process_start_ticks(std::int64_t pid);

/// A file whose space is taken at once, so that the record of an end can be written on a full disk.
class ReservedRecord {
  public:
    /// Throws resource_exhausted.
    explicit ReservedRecord(std::filesystem::path path);
    ~ReservedRecord();
    ReservedRecord(const ReservedRecord&) = delete;
    ReservedRecord& operator=(const ReservedRecord&) = delete;
    /// Gives the file its content and its name, durably.
    void commit(std::string_view content);

  private:
    std::filesystem::path path_, temporary_;
    FileDescriptor file_;
};

}  // namespace maru::compute::process
