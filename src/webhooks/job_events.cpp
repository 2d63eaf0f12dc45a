#include "webhooks/job_events.hpp"

#include "base/json.hpp"

namespace maru::webhooks {
namespace {

struct JobEnded {
    std::string id, name;
    compute::WorkloadState state = compute::WorkloadState::succeeded;
    std::string reason;
    std::optional<std::int32_t> exit_code;
    std::int32_t attempt = 1;
    std::string user;
    std::optional<std::string> run_id;
};
BOOST_DESCRIBE_STRUCT(JobEnded, (), (id, name, state, reason, exit_code, attempt, user, run_id))

std::string_view name_of(compute::WorkloadState state) {
    switch (state) {
        case compute::WorkloadState::succeeded:
            return "job.succeeded";
        case compute::WorkloadState::failed:
            return "job.failed";
        case compute::WorkloadState::stopped:
            return "job.stopped";
        default:
            return "";
    }
}

}  // namespace

void JobEvents::changed(sql::Connection& connection, const compute::Workload& workload,
                        const compute::Event& event) {
    auto name = name_of(event.state);
    if (event.kind != compute::WorkloadKind::job || name.empty()) return;
    const compute::Job& job = workload.job;
    service_.emit(connection,
                  {workload.project_id, name,
                   to_json(JobEnded{job.id, job.name, event.state, event.reason, job.exit_code,
                                    event.attempt, job.user, job.run_id})});
}

}  // namespace maru::webhooks
