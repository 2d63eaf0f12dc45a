#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "environments/build.hpp"
#include "environments/service.hpp"
#include "environments/store.hpp"

namespace maru::environments {

/// What the dispatcher must know of environments at once, without a transaction of its own.
/// Threads: any.
class StateCache {
  public:
    struct Entry {
        EnvironmentState state = EnvironmentState::building;
        std::string label;  // name or short id
        std::string error;
    };
    /// Takes the environment's state from its row.
    void refresh(sql::Database& database, const std::string& id);
    void set(const Environment& environment);
    std::optional<Entry> find(const std::string& id) const;

  private:
    std::mutex refresh_;  // held over reading and keeping, so that a later row is not replaced by
                          // an earlier
    mutable std::mutex mutex_;
    std::map<std::string, Entry> entries_;
};

/// Removes a folder; what can't be removed is logged, and tried again at the next start.
void remove_folder(const std::filesystem::path& folder);
/// The name of an environment for people: its own, or the start of its id.
std::string label(const Environment& environment);

/// Takes part in the life of workloads: builds end here, jobs get their environment and their code
/// here.
class Contributor final : public compute::Contributor {
  public:
    Contributor(sql::Database& database, blob::BlobStore& blobs, compute::Service& compute,
                const Clock& clock, const ServiceOptions& options);

    void created(sql::Connection& connection, compute::Workload& workload) override;
    std::optional<std::string> waits_for(const compute::Workload& workload) override;
    void prepare(const compute::Workload& workload, compute::ReplicaSpec& replica) override;
    void changed(sql::Connection& connection, const compute::Workload& workload,
                 const compute::Event& event) override;
    void committed(const compute::Workload& workload, const compute::Event& event) override;

    StateCache& cache() { return cache_; }
    /// Of downloaded packages.
    std::filesystem::path cache_folder(std::int64_t user_number) const;
    /// True where the cache of packages is not below the data directory.
    bool shares_cache() const { return !options_.cache_directory.empty(); }
    /// Folder of one build.
    std::filesystem::path folder(std::string_view build_id) const;

  private:
    BuildPlaces places(const compute::Workload& workload, std::string_view build_id) const;
    void prepare_code(const compute::Workload& workload);

    sql::Database& database_;
    blob::BlobStore& blobs_;
    compute::Service& compute_;
    const Clock& clock_;
    const ServiceOptions& options_;
    std::filesystem::path python_prefix_;
    StateCache cache_;
};

struct Service::State {
    State(sql::Database& database, blob::BlobStore& blobs, compute::Service& compute,
          const Clock& clock, ServiceOptions options);

    /// Throws failed_precondition where this machine can't build.
    void check_can_build() const;
    compute::Submission submission(const api::ProjectRef& project, std::string_view user,
                                   const std::optional<std::string>& name,
                                   const BuildRequest& request);

    sql::Database& database;
    blob::BlobStore& blobs;
    compute::Service& compute;
    const Clock& clock;
    ServiceOptions options;
    std::string python_version;  // "3.11"; empty if there is no interpreter
    Contributor contributor;
    std::jthread sweeper;  // removes folders that no environment has
};

}  // namespace maru::environments
