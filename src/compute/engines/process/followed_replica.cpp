#include "compute/engines/process/followed_replica.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "compute/engines/process/machine.hpp"

namespace maru::compute::process {

namespace {

constexpr JsonReadOptions kOfAnyVersion{.ignore_unknown_fields = true};

std::optional<SupervisorSpec> read_spec(const std::filesystem::path& folder) {
    try {
        return from_json<SupervisorSpec>(read_file(folder / kSpecFile), kOfAnyVersion);
    } catch (const Error&) {
        return std::nullopt;  // the machine crashed before it was on the disk
    }
}

/// Nothing if there is none, or one that a crash of the machine left half on the disk.
std::optional<Time> read_start(const std::string& text) {
    try {
        return from_json<StartedRecord>(text, kOfAnyVersion).started_at;
    } catch (const Error&) {
        return std::nullopt;
    }
}

void send_terminate(int supervisor) {
    syscall(SYS_pidfd_send_signal, supervisor, SIGTERM, nullptr, 0);
}

}  // namespace

bool was_never_started(const std::filesystem::path& folder, const std::string& boot_id) {
    if (!is_abandoned(folder)) return false;
    if (read_if_present(folder / kStartedFile) || read_if_present(folder / kExitFile)) return false;
    // After a restart of the machine the file that says so may not have reached the disk.
    auto spec = read_spec(folder);
    return spec && spec->boot_id == boot_id;
}

FollowedReplica::FollowedReplica(ReplicaKey key, std::filesystem::path folder)
    : key_(std::move(key)), folder_(std::move(folder)) {
    status_ = {.attempt_id = key_.first, .index = key_.second};
    if (auto spec = read_spec(folder_)) {
        cgroups_ = std::move(spec->cgroups);
        launch_boot_id_ = std::move(spec->boot_id);
    }
}

bool FollowedReplica::look(const std::string& boot_id, FileDescriptor& found) {
    if (status_.state == ReplicaState::ended) return false;
    if (status_.state == ReplicaState::starting) {
        if (auto text = read_if_present(folder_ / kStartedFile)) {
            status_.state = ReplicaState::running;
            status_.started_at = read_start(*text);
        }
    }
    if (take_exit_record()) return false;
    if (orphaned_) return bury(boot_id);
    if (!supervisor) return find_supervisor(found);
    return false;
}

bool FollowedReplica::take_exit_record() {
    auto text = read_if_present(folder_ / kExitFile);
    if (!text) return false;
    try {
        end(from_json<ReplicaExit>(*text, kOfAnyVersion));
    } catch (const Error& error) {
        end({.exit_code = 137,
             .lost = true,
             .reason = fmt::format("lost: its exit record can't be read: {}", error.message()),
             .ended_at = SystemClock().now()});
    }
    return true;
}

/// A supervisor that an earlier engine started. True: ask again soon.
bool FollowedReplica::find_supervisor(FileDescriptor& found) {
    if (is_abandoned(folder_)) {
        // The record of its end may have come between the look and the test of the lock.
        if (take_exit_record()) return false;
        orphaned_ = true;
        return true;
    }
    auto text = read_if_present(folder_ / kLockFile).value_or("");
    if (text.empty()) return true;  // just started
    auto record = from_json<SupervisorRecord>(text, kOfAnyVersion);
    FileDescriptor process(static_cast<int>(syscall(SYS_pidfd_open, record.pid, 0)));
    if (!process || process_start_ticks(record.pid) != record.start_ticks) {
        orphaned_ = true;  // and its sandbox, which holds the lock, is dying
        return true;
    }
    supervisor_pid_ = record.pid;
    if (read_if_present(folder_ / kStopFile)) send_terminate(process.get());
    found = std::move(process);
    return false;
}

/// True until all that was inside is dead.
bool FollowedReplica::bury(const std::string& boot_id) {
    kill_cgroups(cgroups_);
    if (!is_abandoned(folder_) || !remove_cgroups(cgroups_)) return true;
    if (take_exit_record()) return false;
    ReplicaExit exit{.exit_code = 137,
                     .lost = true,
                     .reason = launch_boot_id_ == boot_id
                                   ? "lost: its supervisor was killed, and the command with it"
                                   : "lost: the machine was restarted",
                     .started_at = status_.started_at,
                     .ended_at = SystemClock().now()};
    auto words = read_if_present(folder_ / kOutputFile).value_or("");
    if (!words.empty()) exit.reason += fmt::format(" ({})", trim(words));
    try {
        ReservedRecord(folder_ / kExitFile).commit(to_json(exit));
    } catch (const Error& error) {
        log::warning("replica {} of attempt {}: {}", key_.second, key_.first, error.message());
    }
    end(std::move(exit));
    return false;
}

void FollowedReplica::end(ReplicaExit exit) {
    status_.state = ReplicaState::ended;
    if (exit.started_at) status_.started_at = exit.started_at;
    status_.exit = std::move(exit);
}

void FollowedReplica::supervisor_ended() {
    reap();
    supervisor.reset();
    orphaned_ = true;
}

void FollowedReplica::reap() {
    if (!supervisor) return;
    siginfo_t ignored{};
    waitid(P_PIDFD, static_cast<id_t>(supervisor.get()), &ignored, WEXITED | WNOHANG);
}

void FollowedReplica::ask_to_stop(std::int64_t grace_s) {
    if (status_.state == ReplicaState::ended) return;
    publish_file(folder_ / kStopFile,
                 to_json(StopRecord{.grace_s = std::max<std::int64_t>(0, grace_s)}));
    if (supervisor) send_terminate(supervisor.get());
}

std::optional<ReplicaUsage> FollowedReplica::usage() {
    if (status_.state != ReplicaState::running) return std::nullopt;
    CgroupUsage used;
    if (!cgroups_.empty()) {
        used = read_cgroups(cgroups_);
    } else {
        if (supervisor_pid_ == 0) {
            auto text = read_if_present(folder_ / kLockFile).value_or("");
            if (!text.empty())
                supervisor_pid_ = from_json<SupervisorRecord>(text, kOfAnyVersion).pid;
        }
        used = read_process_tree(supervisor_pid_);
    }
    memory_peak_bytes_ = std::max({memory_peak_bytes_, used.memory_peak_bytes, used.memory_bytes});
    return ReplicaUsage{.cpu_s = used.cpu_s,
                        .memory_bytes = used.memory_bytes,
                        .memory_peak_bytes = memory_peak_bytes_};
}

}  // namespace maru::compute::process
