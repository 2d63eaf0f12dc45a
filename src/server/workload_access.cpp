#include "server/workload_access.hpp"

namespace maru::server {

void WorkloadAccess::prepare(const compute::Workload& workload, compute::ReplicaSpec& spec) {
    // Builds run code that packages bring, and a replica that serves needs nothing from us.
    if (workload.job.kind != compute::WorkloadKind::job) return;
    std::string token =
        identity_.issue_workload_token(workload.job.id, workload.project_id, workload.job.user);
    spec.variables["MARU_URL"] = url_;
    spec.variables["MARU_TOKEN"] = token;
    spec.variables["MLFLOW_TRACKING_URI"] = url_ + "/p/" + workload.job.project;
    spec.variables["MLFLOW_TRACKING_TOKEN"] = token;
}

void WorkloadAccess::changed(sql::Connection& connection, const compute::Workload& workload,
                             const compute::Event& event) {
    bool attempt_over =
        event.state == compute::WorkloadState::queued || compute::is_final(event.state);
    if (attempt_over) identity_.revoke_workload_tokens(connection, workload.job.id);
}

}  // namespace maru::server
