#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "blob/blob_store.hpp"
#include "compute/service.hpp"
#include "serving/controller.hpp"
#include "serving/store.hpp"
#include "sql/database.hpp"

namespace maru::serving {

/// The command of a replica, with the paths that ReplicaContributor mounts.
std::vector<std::string> replica_command(const store::Endpoint& endpoint,
                                         const store::Variant& variant);

/// Serving's part in the life of its replicas' workloads: their rows, in the transactions of the
/// workloads' own; the model's files and the program in their sandboxes; the news for the
/// controller.
class ReplicaContributor final : public compute::Contributor {
  public:
    ReplicaContributor(sql::Database& database, blob::BlobStore& blobs, Controller& controller,
                       std::filesystem::path executable, std::filesystem::path onnxruntime);
    void created(sql::Connection& connection, compute::Workload& workload) override;
    void prepare(const compute::Workload& workload, compute::ReplicaSpec& replica) override;
    void changed(sql::Connection& connection, const compute::Workload& workload,
                 const compute::Event& event) override;
    void committed(const compute::Workload& workload, const compute::Event& event) override;

  private:
    sql::Database& database_;
    blob::BlobStore& blobs_;
    Controller& controller_;
    const std::filesystem::path executable_, onnxruntime_;
};

}  // namespace maru::serving
