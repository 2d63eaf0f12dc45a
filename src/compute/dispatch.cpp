#include "compute/lifecycle.hpp"

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/log.hpp"

namespace maru::compute {
namespace {

planner::Amount amount_of(const Resources& resources) {
    return {resources.cpu_milli, resources.memory_mib, resources.gpus};
}

std::vector<planner::Node> planner_nodes(const std::vector<Node>& nodes) {
    std::vector<planner::Node> list;
    for (const auto& node : nodes) {
        planner::Node made{node.name, {node.cpu_milli, node.memory_mib, 0}, {}};
        for (const auto& gpu : node.gpus) made.gpu_ids.push_back(gpu.id);
        made.capacity.gpus = static_cast<std::int64_t>(made.gpu_ids.size());
        list.push_back(std::move(made));
    }
    return list;
}

}  // namespace

void Lifecycle::dispatch_loop() {
    while (true) {
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return dirty_ || stopping_; });
            if (stopping_) return;
            dirty_ = false;
        }
        try {
            dispatch();
        } catch (...) {
            log::error("a pass of the dispatcher failed, and is made again: {}",
                       log::current_exception_message());
            std::unique_lock lock(mutex_);
            changed_.wait_for(lock, kRetryAfter, [this] { return stopping_; });
            dirty_ = true;
        }
    }
}

std::optional<std::string> Lifecycle::waits_for(const Workload& workload) {
    for (auto* contributor : contributors_)
        if (auto reason = contributor->waits_for(workload)) return reason;
    return std::nullopt;
}

planner::Snapshot Lifecycle::snapshot(const std::vector<ActivePointer>& queued) {
    planner::Snapshot made;
    made.nodes = planner_nodes(nodes_);
    for (const auto& active : all_active()) {
        auto record = record_of(*active);
        if (!holds_resources(record.workload.job.state)) continue;
        for (const auto& placed : record.placed)
            made.allocations.push_back(
                {placed.node, amount_of(record.workload.job.resources), placed.gpu_ids});
    }
    for (const auto& active : queued) {
        auto record = record_of(*active);
        made.queue.push_back({record.workload.job.id, record.workload.job.replica_count,
                              amount_of(record.workload.job.resources)});
    }
    return made;
}

void Lifecycle::dispatch() {
    std::vector<ActivePointer> queued;
    for (const auto& active : all_active()) {
        auto record = record_of(*active);
        if (record.workload.job.state != WorkloadState::queued) continue;
        try {
            auto reason = waits_for(record.workload);
            if (!reason) {
                queued.push_back(active);
                continue;
            }
            std::lock_guard lock(mutex_);
            active->waiting = {std::move(*reason), std::nullopt, std::nullopt};
        } catch (const Error& error) {
            fail_workload(*active, error.message());
        }
    }
    if (queued.empty()) return;
    auto plan = policy_.plan(snapshot(queued));
    for (const auto& placement : plan.start) {
        auto active = find(placement.workload_id);
        if (!active) continue;
        begin(*active, placement);
        launchers_.push([this, active] { launch(active); });
    }
    for (auto& waiting : plan.waiting) {
        auto active = find(waiting.workload_id);
        if (!active) continue;
        std::lock_guard lock(mutex_);
        active->waiting = {std::move(waiting.reason), waiting.position, std::nullopt};
    }
}

void Lifecycle::begin(Active& active, const planner::Placement& placement) {
    transition(active, [&](store::Record& record) {
        if (record.workload.job.state != WorkloadState::queued) return false;
        record.workload.job.state = WorkloadState::starting;
        record.workload.job.reason = "placed on " + placement.replicas.at(0).node;
        record.workload.attempt_id = new_id();
        record.placed.clear();
        for (const auto& replica : placement.replicas)
            record.placed.push_back({replica.node, replica.gpu_ids});
        return true;
    });
}

Waiting Lifecycle::why(const Job& job) {
    auto active = find(job.id);
    if (!active) return {job.reason, std::nullopt, std::nullopt};
    std::lock_guard lock(mutex_);
    if (job.state != WorkloadState::queued || active->waiting.reason.empty())
        return {job.reason, std::nullopt, std::nullopt};
    return active->waiting;
}

std::vector<NodeStatus> Lifecycle::nodes() {
    std::vector<NodeStatus> list;
    auto now = snapshot({});
    for (const auto& node : now.nodes) {
        NodeStatus status{node.name,
                          node.capacity.cpu_milli,
                          node.capacity.cpu_milli,
                          node.capacity.memory_mib,
                          node.capacity.memory_mib,
                          node.capacity.gpus,
                          node.capacity.gpus};
        for (const auto& allocation : now.allocations) {
            if (allocation.node != node.name) continue;
            status.cpu_free_milli -= allocation.amount.cpu_milli;
            status.memory_free_mib -= allocation.amount.memory_mib;
            status.gpus_free -= allocation.amount.gpus;
        }
        list.push_back(std::move(status));
    }
    return list;
}

std::optional<std::string> Lifecycle::impossible(const Resources& resources) {
    return planner::impossible(planner_nodes(nodes_), {"", 1, amount_of(resources)});
}

}  // namespace maru::compute
