#pragma once

#include "compute/service.hpp"
#include "webhooks/service.hpp"

namespace maru::webhooks {

/// Tells of the ends of jobs, in the transaction of the end. Lifetime: the server's. Threads: any.
class JobEvents final : public compute::Contributor {
  public:
    explicit JobEvents(Service& service) : service_(service) {}
    void changed(sql::Connection& connection, const compute::Workload& workload,
                 const compute::Event& event) override;

  private:
    Service& service_;
};

}  // namespace maru::webhooks
