#include "compute/planner/planner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace maru::compute::planner {
namespace {

bool fits(const Amount& need, const Amount& free) {
    return need.cpu_milli <= free.cpu_milli && need.memory_mib <= free.memory_mib &&
           need.gpus <= free.gpus;
}

void subtract(Amount& from, const Amount& amount) {
    from.cpu_milli -= amount.cpu_milli;
    from.memory_mib -= amount.memory_mib;
    from.gpus -= amount.gpus;
}

struct Left {
    std::string name;
    Amount amount;
    std::vector<std::string> gpu_ids;
};

/// The fullest first.
auto rank(const Left& node) {
    return std::tie(node.amount.gpus, node.amount.cpu_milli, node.amount.memory_mib, node.name);
}

/// What is left of each node while a plan is made.
class Free {
  public:
    explicit Free(const std::vector<Node>& nodes, const std::vector<Allocation>& allocations = {}) {
        for (const auto& node : nodes) {
            left_.push_back({node.name, node.capacity, node.gpu_ids});
            left_.back().amount.gpus = static_cast<std::int64_t>(node.gpu_ids.size());
        }
        for (const auto& allocation : allocations) {
            for (auto& node : left_) {
                if (node.name != allocation.node) continue;
                subtract(node.amount, allocation.amount);
                std::erase_if(node.gpu_ids, [&](const auto& id) {
                    return std::ranges::find(allocation.gpu_ids, id) != allocation.gpu_ids.end();
                });
                node.amount.gpus = static_cast<std::int64_t>(node.gpu_ids.size());
            }
        }
    }

    /// Takes room for all replicas, or for none.
    std::optional<Placement> take(const Pending& request) {
        Placement placement{request.workload_id, {}};
        auto before = left_;
        for (std::int32_t i = 0; i < request.replica_count; ++i) {
            Left* best = nullptr;
            for (auto& node : left_)
                if (fits(request.amount, node.amount) &&
                    (best == nullptr || rank(node) < rank(*best)))
                    best = &node;
            if (best == nullptr) {
                left_ = std::move(before);
                return std::nullopt;
            }
            subtract(best->amount, request.amount);
            auto gpus = static_cast<std::ptrdiff_t>(request.amount.gpus);
            placement.replicas.push_back(
                {best->name, {best->gpu_ids.begin(), best->gpu_ids.begin() + gpus}});
            best->gpu_ids.erase(best->gpu_ids.begin(), best->gpu_ids.begin() + gpus);
        }
        return placement;
    }

    /// The resource that no node has enough of, or that all of them have but none together.
    std::string shortage(const Pending& request) const {
        Amount most;
        for (const auto& node : left_) {
            most.cpu_milli = std::max(most.cpu_milli, node.amount.cpu_milli);
            most.memory_mib = std::max(most.memory_mib, node.amount.memory_mib);
            most.gpus = std::max(most.gpus, node.amount.gpus);
        }
        const auto& need = request.amount;
        if (need.gpus > most.gpus)
            return fmt::format("needs {} GPUs on one node; the most that is free on one is {}",
                               need.gpus, most.gpus);
        if (need.memory_mib > most.memory_mib)
            return fmt::format(
                "needs {} MiB of memory on one node; the most that is free on one is {} MiB",
                need.memory_mib, most.memory_mib);
        if (need.cpu_milli > most.cpu_milli)
            return fmt::format("needs {:g} CPUs on one node; the most that is free on one is {:g}",
                               static_cast<double>(need.cpu_milli) / 1000,
                               static_cast<double>(most.cpu_milli) / 1000);
        if (request.replica_count > 1)
            return fmt::format("needs room for {} replicas at once; there is less free",
                               request.replica_count);
        return "no single node has the CPUs, the memory and the GPUs it needs free together";
    }

  private:
    std::vector<Left> left_;
};

}  // namespace

Plan FirstComeFirstServed::plan(const Snapshot& snapshot) const {
    Plan plan;
    Free free(snapshot.nodes, snapshot.allocations);
    for (const auto& pending : snapshot.queue) {
        if (plan.waiting.empty()) {
            if (auto placement = free.take(pending)) {
                plan.start.push_back(std::move(*placement));
                continue;
            }
            plan.waiting.push_back({pending.workload_id, 1, free.shortage(pending)});
        } else {
            auto position = static_cast<std::int64_t>(plan.waiting.size()) + 1;
            plan.waiting.push_back({pending.workload_id, position,
                                    fmt::format("{} that came earlier wait too", position - 1)});
        }
    }
    return plan;
}

std::optional<std::string> impossible(const std::vector<Node>& nodes, const Pending& request) {
    Free empty(nodes);
    if (empty.take(request)) return std::nullopt;
    return empty.shortage(request);
}

}  // namespace maru::compute::planner
