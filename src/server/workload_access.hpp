#pragma once

#include <functional>
#include <string>

#include "compute/service.hpp"
#include "identity/service.hpp"

namespace maru::server {

/// Gives every workload the way back to the platform: its URL, MLflow's tracking URI, and a token
/// that is its own, ends with it, and is nowhere but in its environment.
class WorkloadAccess final : public compute::Contributor {
  public:
    explicit WorkloadAccess(identity::Service& identity) : identity_(identity) {}
    /// Where workloads reach the server; known once it listens.
    void set_url(std::string url) { url_ = std::move(url); }

    void prepare(const compute::Workload& workload, compute::ReplicaSpec& spec) override;
    void changed(sql::Connection& connection, const compute::Workload& workload,
                 const compute::Event& event) override;

  private:
    identity::Service& identity_;
    std::string url_;
};

}  // namespace maru::server
