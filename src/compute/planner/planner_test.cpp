#include "compute/planner/planner.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace maru::compute::planner {
namespace {

Node node(std::string name, std::int64_t cpu_milli, std::int64_t memory_mib, int gpus = 0) {
    Node made{std::move(name), {cpu_milli, memory_mib, gpus}, {}};
    for (int i = 0; i < gpus; ++i) made.gpu_ids.push_back(std::to_string(i));
    return made;
}

Pending pending(std::string id, std::int64_t cpu_milli, std::int64_t memory_mib,
                std::int64_t gpus = 0, std::int32_t replicas = 1) {
    return {std::move(id), replicas, {cpu_milli, memory_mib, gpus}};
}

}  // namespace

TEST(FirstComeFirstServed, starts_in_the_order_of_arrival) {
    Snapshot snapshot{
        {node("a", 4000, 8000)},
        {},
        {pending("1", 2000, 1000), pending("2", 3000, 1000), pending("3", 1000, 1000)}};
    auto plan = FirstComeFirstServed().plan(snapshot);
    ASSERT_EQ(plan.start.size(), 1u);
    EXPECT_EQ(plan.start[0].workload_id, "1");
    ASSERT_EQ(plan.waiting.size(), 2u);
    EXPECT_EQ(plan.waiting[0].reason,
              "needs 3 CPUs on one node; the most that is free on one is 2");
    EXPECT_EQ(plan.waiting[1].position, 2);
}

TEST(FirstComeFirstServed, a_gang_waits_for_all_of_its_replicas) {
    Snapshot snapshot{
        {node("a", 4000, 8000, 1), node("b", 4000, 8000, 1)}, {}, {pending("1", 1000, 1000, 1, 3)}};
    auto plan = FirstComeFirstServed().plan(snapshot);
    EXPECT_TRUE(plan.start.empty());
    EXPECT_EQ(plan.waiting[0].reason, "needs room for 3 replicas at once; there is less free");
    EXPECT_TRUE(impossible(snapshot.nodes, snapshot.queue[0]));
    snapshot.nodes.push_back(node("c", 4000, 8000, 1));
    EXPECT_EQ(FirstComeFirstServed().plan(snapshot).start[0].replicas.size(), 3u);
}

TEST(FirstComeFirstServed, gives_each_gpu_once) {
    Snapshot snapshot{{node("a", 8000, 8000, 4)},
                      {{"a", {1000, 1000, 2}, {"0", "2"}}},
                      {pending("1", 1000, 1000, 2)}};
    auto plan = FirstComeFirstServed().plan(snapshot);
    ASSERT_EQ(plan.start.size(), 1u);
    EXPECT_EQ(plan.start[0].replicas[0].gpu_ids, (std::vector<std::string>{"1", "3"}));
}

TEST(Impossible, says_what_no_node_has) {
    EXPECT_EQ(impossible({node("a", 2000, 8000)}, pending("1", 1000, 1000, 1)),
              "needs 1 GPUs on one node; the most that is free on one is 0");
    EXPECT_FALSE(impossible({node("a", 2000, 8000)}, pending("1", 2000, 8000)));
}

// Random clusters and queues; the seed is in the failure's trace.
TEST(FirstComeFirstServed, never_gives_more_than_there_is) {
    for (unsigned seed = 0; seed < 2000; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937 random(seed);
        auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
        Snapshot snapshot;
        for (int i = 0, n = 1 + below(5); i < n; ++i)
            snapshot.nodes.push_back(node("n" + std::to_string(i), 1000 * (1 + below(16)),
                                          1024 * (1 + below(64)), below(9)));
        for (int i = 0, n = below(20); i < n; ++i)
            snapshot.queue.push_back(pending("w" + std::to_string(i), 100 * below(40),
                                             512 * below(20), below(4), 1 + below(3)));
        auto plan = FirstComeFirstServed().plan(snapshot);
        EXPECT_EQ(plan.start.size() + plan.waiting.size(), snapshot.queue.size());
        std::map<std::string, Amount> used;
        std::set<std::pair<std::string, std::string>> gpus;
        for (std::size_t i = 0; i < plan.start.size(); ++i) {
            const auto& placement = plan.start[i];
            const auto& request = snapshot.queue[i];
            EXPECT_EQ(placement.workload_id, request.workload_id);
            EXPECT_EQ(placement.replicas.size(), static_cast<std::size_t>(request.replica_count));
            for (const auto& replica : placement.replicas) {
                used[replica.node].cpu_milli += request.amount.cpu_milli;
                used[replica.node].memory_mib += request.amount.memory_mib;
                EXPECT_EQ(replica.gpu_ids.size(), static_cast<std::size_t>(request.amount.gpus));
                for (const auto& id : replica.gpu_ids)
                    EXPECT_TRUE(gpus.emplace(replica.node, id).second);
            }
        }
        for (const auto& have : snapshot.nodes) {
            EXPECT_LE(used[have.name].cpu_milli, have.capacity.cpu_milli);
            EXPECT_LE(used[have.name].memory_mib, have.capacity.memory_mib);
        }
    }
}

}  // namespace maru::compute::planner
