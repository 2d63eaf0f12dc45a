#include "tracking/job_contributor.hpp"

#include "base/json.hpp"

namespace maru::tracking {
namespace {

constexpr std::size_t kVariableMax = 120'000;

bool has_run(const compute::Workload& workload) {
    return workload.job.kind == compute::WorkloadKind::job;
}

std::string command_line(const std::vector<std::string>& command) {
    constexpr std::size_t kShownMax = 1000;
    std::string line;
    for (const auto& word : command) line += (line.empty() ? "" : " ") + word;
    if (line.size() <= kShownMax) return line;
    std::size_t cut = kShownMax;
    while (cut > 0 && (static_cast<unsigned char>(line[cut]) & 0xc0) == 0x80) --cut;
    return line.substr(0, cut) + "...";
}

}  // namespace

void JobContributor::created(sql::Connection& connection, compute::Workload& workload) {
    if (!has_run(workload)) return;
    auto& job = workload.job;
    NewRun run{.experiment = job.experiment.value_or("Default"),
               .name = job.name,
               .user = job.user,
               .job_id = job.id,
               .status = RunStatus::SCHEDULED,
               .parameters = job.parameters,
               .tags = {{"mlflow.user", job.user},
                        {"mlflow.source.name", command_line(job.command)},
                        {"mlflow.source.type", "JOB"},
                        {"maru.job_id", job.id}}};
    for (const auto& [key, value] : job.tags) run.tags.try_emplace(key, value);
    job.run_id = service_.create_run(connection, workload.project_id, run);
}

void JobContributor::prepare(const compute::Workload& workload, compute::ReplicaSpec& replica) {
    if (!has_run(workload) || !workload.job.run_id) return;
    replica.variables.try_emplace("MARU_RUN_ID", *workload.job.run_id);
    // Linux has a limit for one variable, and programs need not be kept from starting by it.
    if (auto parameters = to_json(workload.job.parameters); parameters.size() <= kVariableMax)
        replica.variables.try_emplace("MARU_PARAMETERS", parameters);
    // A program that chooses no experiment logs into its job's; one that does, where it likes.
    replica.variables.try_emplace(
        "MLFLOW_EXPERIMENT_ID",
        service_.get_run(workload.project_id, *workload.job.run_id).experiment_id);
}

void JobContributor::changed(sql::Connection& connection, const compute::Workload& workload,
                             const compute::Event& event) {
    using compute::WorkloadState;
    if (!has_run(workload)) return;
    switch (event.state) {
        case WorkloadState::running:
            return service_.workload_started(connection, workload.job.id, workload.machine,
                                             event.at);
        case WorkloadState::succeeded:
            return service_.workload_ended(connection, workload.job.id, RunStatus::FINISHED,
                                           event.at);
        case WorkloadState::failed:
            return service_.workload_ended(connection, workload.job.id, RunStatus::FAILED,
                                           event.at);
        case WorkloadState::stopped:
            return service_.workload_ended(connection, workload.job.id, RunStatus::KILLED,
                                           event.at);
        case WorkloadState::queued:
            // Another attempt's program goes on with the same run.
            if (workload.job.run_id) service_.await_client(connection, *workload.job.run_id);
            return;
        case WorkloadState::starting:
        case WorkloadState::preempted:
            return;
    }
}

}  // namespace maru::tracking
