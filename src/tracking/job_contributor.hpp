#pragma once

#include "compute/service.hpp"
#include "tracking/service.hpp"

namespace maru::tracking {

/// Gives each job a run of its own, and ends it with the job.
///
/// The run is made in the job's transaction, so that neither is without the other. MLFLOW_RUN_ID is
/// not set: MLflow's client refuses a run of another experiment than its program chooses. Instead
/// the first run that the job's program makes (known by its token) is this one; see
/// Service::create_run_of_workload. Its id is in MARU_RUN_ID.
///
/// Lifetime: the server's. Threads: any.
class JobContributor final : public compute::Contributor {
  public:
    explicit JobContributor(Service& service) : service_(service) {}
    void created(sql::Connection& connection, compute::Workload& workload) override;
    void prepare(const compute::Workload& workload, compute::ReplicaSpec& replica) override;
    void changed(sql::Connection& connection, const compute::Workload& workload,
                 const compute::Event& event) override;

  private:
    Service& service_;
};

}  // namespace maru::tracking
