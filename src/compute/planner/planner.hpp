#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Where and when queued workloads run. Pure: values in, values out; no clock, no tables, no
/// sockets.
namespace maru::compute::planner {

/// What one replica needs, or a node has.
struct Amount {
    std::int64_t cpu_milli = 0;
    std::int64_t memory_mib = 0;
    std::int64_t gpus = 0;
};

struct Node {
    std::string name;
    Amount capacity;  // gpus is gpu_ids.size()
    std::vector<std::string> gpu_ids;
};

/// What a replica that runs holds.
struct Allocation {
    std::string node;
    Amount amount;
    std::vector<std::string> gpu_ids;
};

/// A workload that waits: all its replicas start together or none does.
struct Pending {
    std::string workload_id;
    std::int32_t replica_count = 1;
    Amount amount;  // of each replica
};

/// The cluster at one moment. `queue` is in the order of arrival.
struct Snapshot {
    std::vector<Node> nodes;
    std::vector<Allocation> allocations;
    std::vector<Pending> queue;
};

struct Placement {
    std::string workload_id;
    struct Replica {
        std::string node;
        std::vector<std::string> gpu_ids;
    };
    std::vector<Replica> replicas;
};

struct Waiting {
    std::string workload_id;
    std::int64_t position = 0;  // 1 is next
    std::string reason;         // "needs 2 GPUs; the most that is free on one node is 1"
};

/// What to do now. `preempt` names workloads to stop in favour of `start`.
struct Plan {
    std::vector<Placement> start;
    std::vector<std::string> preempt;
    std::vector<Waiting> waiting;
};

/// Decides; never acts. Policies differ in whom they let start first.
///
/// Threads: pure, any. Errors: none; what can't start carries its reason. Equal snapshots give
/// equal plans. Example: planner_test.cpp, "starts in the order of arrival".
class Policy {
  public:
    virtual ~Policy() = default;
    virtual Plan plan(const Snapshot& snapshot) const = 0;
};

/// Strictly in the order of arrival: who can't start holds back all who came later, so nobody
/// starves. A replica goes to the fullest node that can hold it, which keeps large gaps for large
/// requests.
class FirstComeFirstServed final : public Policy {
  public:
    Plan plan(const Snapshot& snapshot) const override;
};

/// Why these nodes could never run the request, even when empty; nothing if they could.
std::optional<std::string> impossible(const std::vector<Node>& nodes, const Pending& request);

}  // namespace maru::compute::planner
