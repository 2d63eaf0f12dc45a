#pragma once

#include "api/api.hpp"
#include "compute/service.hpp"
#include "tracking/reproduction/operations.hpp"
#include "tracking/service.hpp"

namespace maru::tracking {

/// Runs that are made once more, changed or not, and compared with what they were.
///
/// Lifetime: the server's. Threads: any. Errors: not_found for what isn't there,
/// failed_precondition for a run that no job of the platform made.
class Reproduction {
  public:
    Reproduction(Service& tracking, compute::Service& compute, const blob::BlobStore& blobs)
        : tracking_(tracking), compute_(compute), blobs_(blobs) {}

    /// A parameter is changed where the run's command names it, and in MARU_PARAMETERS, which every
    /// job has; one that is in neither is an invalid_argument.
    compute::Job fork(const api::ProjectRef& project, const std::string& user,
                      const ForkRun& request);
    /// What fork would queue; it has neither an id nor a run.
    compute::Job preview_fork(const api::ProjectRef& project, const std::string& user,
                              const ForkRun& request);
    compute::Job reproduce(const api::ProjectRef& project, const std::string& user,
                           const std::string& run_id);
    /// Metrics that measure the machine ("system/...") are left out. Files that tell nothing but
    /// who made them and when apart count as identical.
    RunComparison compare(std::string_view project_id, const std::string& left,
                          const std::string& right);

  private:
    compute::Submission submission_of(const api::ProjectRef& project, const std::string& user,
                                      const Run& run);
    compute::Submission fork_of(const api::ProjectRef& project, const std::string& user,
                                const ForkRun& request);
    std::optional<compute::Job> job_of(std::string_view project_id, const Run& run);
    void compare_origins(std::string_view project_id, const Run& left, const Run& right,
                         RunComparison& comparison);
    void compare_metrics(std::string_view project_id, const Run& left, const Run& right,
                         RunComparison& comparison);
    void compare_outputs(std::string_view project_id, const Run& left, const Run& right,
                         RunComparison& comparison);
    std::map<std::string, ArtifactFile> outputs_of(std::string_view project_id, const Run& run);
    bool is_same_file(std::string_view path, const ArtifactFile& left, const ArtifactFile& right);

    Service& tracking_;
    compute::Service& compute_;
    const blob::BlobStore& blobs_;
};

/// Declares the operations of operations.hpp over it.
void add_reproduction_operations(api::Api& api, Reproduction& reproduction);

}  // namespace maru::tracking
