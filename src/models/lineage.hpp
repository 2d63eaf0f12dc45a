#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/api.hpp"
#include "compute/service.hpp"
#include "environments/service.hpp"
#include "models/service.hpp"
#include "tracking/service.hpp"

namespace maru::models {

/// A model version that an endpoint runs, or is about to.
struct EndpointUse {
    std::string endpoint, state, model;
    std::int64_t version = 0;
};
/// All of a project: serving stands above this room, so the server brings them.
using EndpointSource = std::function<std::vector<EndpointUse>(const api::ProjectRef& project)>;

/// What things were made of and what was made of them: a graph over datasets, code, environments,
/// jobs, runs, logged models, versions and endpoints, read from what each room has written down.
///
/// Lifetime: the server's. Threads: any. Tested in tests/api/test_models.py.
class LineageReader {
  public:
    LineageReader(Service& models, tracking::Service& tracking, compute::Service& compute,
                  environments::Service& environments, EndpointSource endpoints);

    /// All that the thing was made of, and all that was made of it, nearest first, up to a bound.
    /// `id`: NAME/VERSION of a version, NAME@DIGEST of a dataset, a name of an endpoint, an id
    /// else. Throws not_found, invalid_argument.
    Lineage read(const api::ProjectRef& project, NodeKind kind, const std::string& id);

  private:
    class Walk;
    Service& models_;
    tracking::Service& tracking_;
    compute::Service& compute_;
    environments::Service& environments_;
    EndpointSource endpoints_;
};

/// Declares the operation of lineage_operations.hpp.
void add_operations(api::Api& api, LineageReader& lineage);

}  // namespace maru::models
