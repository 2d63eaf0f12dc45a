#include "compute/lifecycle.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/files.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

namespace maru::compute {

std::filesystem::path attempt_folder(const std::filesystem::path& data, const Workload& workload) {
    return workload_folder(data, workload.job.id) / std::to_string(workload.job.attempt);
}

std::filesystem::path workload_folder(const std::filesystem::path& data, std::string_view id) {
    return data / "workloads" / id;
}

std::filesystem::path log_file(const std::filesystem::path& data, std::string_view workload_id,
                               std::int32_t replica) {
    return workload_folder(data, workload_id) / "logs" / fmt::format("{}.log", replica);
}

ReplicaSpec Lifecycle::prepare(const store::Record& record) {
    const Workload& workload = record.workload;
    const Job& job = workload.job;
    // A server that was killed in the middle of an earlier preparation left it half done.
    std::filesystem::remove_all(workload.folder);
    std::filesystem::create_directories(workload.folder / "work");
    std::filesystem::create_directories(workload.folder / "run");
    auto log = log_file(data_directory_, job.id, 0);
    std::filesystem::create_directories(log.parent_path());

    ReplicaSpec spec;
    spec.attempt_id = workload.attempt_id;
    spec.workload_id = job.id;
    spec.node = record.placed.at(0).node;
    spec.command = job.command;
    spec.variables = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
                      {"HOME", "/tmp"},
                      {"LANG", "C.UTF-8"},
                      {"PYTHONUNBUFFERED", "1"},
                      {"MARU_JOB_ID", job.id},
                      {"MARU_PROJECT", job.project}};
    spec.directory = "/workspace";
    spec.mounts = {{(workload.folder / "work").native(), "/workspace", true},
                   {(workload.folder / "run").native(), "/run/maru", true}};
    spec.cpu_milli = job.resources.cpu_milli;
    spec.memory_mib = job.resources.memory_mib;
    spec.gpu_ids = record.placed.at(0).gpu_ids;
    spec.user_number = workload.user_number;
    spec.time_limit_s = job.time_limit_s;
    spec.stop_grace_s = job.stop_grace_s;
    spec.log_file = log.native();
    for (auto* contributor : contributors_) contributor->prepare(workload, spec);
    for (const auto& [name, value] : job.variables) spec.variables[name] = value;
    if (job.attempt > 1) {
        FileDescriptor file(::open(log.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
        if (file)
            write_all(file.get(),
                      fmt::format("--- attempt {} of {} ---\n", job.attempt, job.retries + 1));
    }
    return spec;
}

void Lifecycle::launch(const ActivePointer& active) {
    auto record = record_of(*active);
    if (record.workload.job.state != WorkloadState::starting) return;
    try {
        if (record.workload.stopping) {
            transition(*active, [&](store::Record& next) {
                end_attempt(next.workload.job, WorkloadState::stopped, *next.workload.stopping,
                            clock_.now());
                return true;
            });
            return;
        }
        engine_.launch(prepare(record));
    } catch (const std::exception& error) {
        log::error("workload {} could not be started: {}", record.workload.job.id, error.what());
        auto reason = fmt::format("could not be started: {}", error.what());
        // First, since it makes room where the disk is full.
        remove_files(attempt_folder(data_directory_, record.workload));
        persist("write down that a workload could not be started",
                [&] { fail_workload(*active, reason); });
        return;
    }
    if (record_of(*active).workload.stopping)
        persist("stop a workload", [&] {
            engine_.stop(record.workload.attempt_id, 0, record.workload.job.stop_grace_s);
        });
}

bool Lifecycle::remove_ended(std::string_view id) {
    bool removed = database_.write(
        [&](sql::Connection& connection) { return store::remove_ended(connection, id); });
    // After a crash here, the next start removes them.
    if (removed) remove_files(workload_folder(data_directory_, id));
    return removed;
}

void Lifecycle::remove_files(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::remove_all(folder, error);
    if (error) log::warning("cannot remove {}: {}", folder.native(), error.message());
}

/// Removes the files of attempts that ended, and of workloads that were removed, just before an
/// earlier server did, so that it could not.
void Lifecycle::remove_leftovers() {
    std::error_code error;
    std::vector<std::filesystem::path> folders;
    for (const auto& workload :
         std::filesystem::directory_iterator(data_directory_ / "workloads", error))
        folders.push_back(workload.path());
    // Asked after looking: a workload has its row before its folder.
    auto known = database_.read(store::all_ids);
    for (const auto& folder : folders) {
        auto id = folder.filename().native();
        if (!known.contains(id)) {
            remove_files(folder);
            continue;
        }
        auto active = find(id);
        for (const auto& attempt : std::filesystem::directory_iterator(folder, error)) {
            auto number = parse_int(attempt.path().filename().native());
            if (number && (!active || *number < record_of(*active).workload.job.attempt))
                remove_files(attempt.path());
        }
    }
}

}  // namespace maru::compute
