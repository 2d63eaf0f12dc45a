#include "compute/lifecycle.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace maru::compute {

void Lifecycle::on_status(const ReplicaStatus& status) {
    statuses_.push([this, status] {
        // The engine keeps its record until it is told to forget: a full disk delays the news, it
        // loses none.
        persist(fmt::format("write down that attempt {} {}", status.attempt_id,
                            status.state == ReplicaState::ended ? "ended" : "runs"),
                [&] { write_status(status); });
    });
}

void Lifecycle::write_status(const ReplicaStatus& status) {
    auto active = find_attempt(status.attempt_id);
    if (!active) {
        if (status.state == ReplicaState::ended) engine_.forget(status.attempt_id);
        return;
    }
    if (status.state == ReplicaState::running) on_running(*active, status, status.started_at);
    if (status.state != ReplicaState::ended || !status.exit) return;
    // A program that ends at once may have ended before the engine looked whether it runs; its
    // events say all the same that it ran.
    if (status.exit->started_at) on_running(*active, status, status.exit->started_at);
    on_exit(*active, status);
}

void Lifecycle::on_running(Active& active, const ReplicaStatus& status,
                           std::optional<Time> started_at) {
    transition(active, [&](store::Record& record) {
        Job& job = record.workload.job;
        if (job.state != WorkloadState::starting || record.workload.attempt_id != status.attempt_id)
            return false;
        job.state = WorkloadState::running;
        job.reason = "";
        if (!job.started_at) job.started_at = started_at.value_or(clock_.now());
        return true;
    });
}

void Lifecycle::on_exit(Active& active, const ReplicaStatus& status) {
    const ReplicaExit& exit = *status.exit;
    Workload ended;
    bool again = false;
    bool written = transition(active, [&](store::Record& record) {
        Job& job = record.workload.job;
        if (!holds_resources(job.state) || record.workload.attempt_id != status.attempt_id)
            return false;
        ended = record.workload;
        if (!job.started_at) job.started_at = exit.started_at;
        job.exit_code = exit.lost ? std::nullopt : std::optional(exit.exit_code);
        job.usage.cpu_s += exit.cpu_s;
        job.usage.memory_peak_bytes = std::max(job.usage.memory_peak_bytes, exit.memory_peak_bytes);
        if (exit.started_at)
            job.usage.gpu_s +=
                static_cast<double>(job.resources.gpus) *
                std::chrono::duration<double>(exit.ended_at - *exit.started_at).count();
        std::string reason = exit.reason.empty()
                                 ? fmt::format("ended with exit code {}", exit.exit_code)
                                 : exit.reason;
        if (exit.exit_code == 0 && !exit.lost && !exit.timed_out && !exit.stopped) {
            end_attempt(job, WorkloadState::succeeded, "", exit.ended_at);
        } else if (record.workload.stopping) {
            end_attempt(job, WorkloadState::stopped, *record.workload.stopping, exit.ended_at);
        } else if (job.attempt <= job.retries && !exit.timed_out) {
            again = true;
            job.state = WorkloadState::queued;
            job.reason = fmt::format("attempt {} of {}: {}; it is tried again", job.attempt,
                                     job.retries + 1, reason);
            ++job.attempt;
            record.placed.clear();
            record.workload.attempt_id.clear();
        } else {
            end_attempt(job, WorkloadState::failed, reason, exit.ended_at);
        }
        return true;
    });
    engine_.forget(status.attempt_id);
    if (written)
        launchers_.push(
            [folder = attempt_folder(data_directory_, ended)] { remove_files(folder); });
}

}  // namespace maru::compute
