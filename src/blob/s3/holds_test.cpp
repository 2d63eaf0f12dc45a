#include "blob/s3/holds.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace maru::blob::s3 {
namespace {

bool removes(Holds::Collection& collection, const std::string& name) {
    return collection.remove(name, [] {});
}

TEST(HoldsTest, what_is_held_or_was_during_the_collection_stays) {
    auto holds = std::make_shared<Holds>();
    auto before = holds->hold("before"), twice = holds->hold("before");
    holds->hold("released").reset();
    {
        Holds::Collection collection(*holds);
        before.reset();
        twice.reset();
        holds->hold("meanwhile").reset();
        EXPECT_FALSE(removes(collection, "before"));
        EXPECT_FALSE(removes(collection, "meanwhile"));
        EXPECT_TRUE(removes(collection, "released"));
    }
    Holds::Collection later(*holds);
    EXPECT_TRUE(removes(later, "before"));
    EXPECT_TRUE(removes(later, "meanwhile"));
}

// Writers find or make an object, "commit" a row and drop it, while a collector goes round: no row
// may ever name what is not there.
TEST(HoldsTest, writers_beside_the_collector_lose_nothing) {
    auto holds = std::make_shared<Holds>();
    std::mutex mutex;
    std::set<std::string> there;
    std::multiset<std::string> rows;
    std::atomic<int> lost = 0, left = 4, removed = 0;
    auto has = [&](const std::string& name) {
        std::lock_guard lock(mutex);
        return there.contains(name);
    };
    std::vector<std::jthread> writers;
    for (int writer = 0; writer < 4; ++writer)
        writers.emplace_back([&, writer] {
            for (int round = 0; round < 3000; ++round) {
                auto name = std::to_string((round + writer) % 3);
                auto hold = holds->hold(name);
                if (!has(name)) {
                    std::lock_guard lock(mutex);
                    there.insert(name);
                }
                std::multiset<std::string>::iterator row;
                {
                    std::lock_guard lock(mutex);
                    row = rows.insert(name);
                }
                hold.reset();
                lost += !has(name);
                std::this_thread::yield();
                lost += !has(name);
                std::lock_guard lock(mutex);
                rows.erase(row);
            }
            --left;
        });
    while (left > 0) {
        Holds::Collection collection(*holds);
        std::set<std::string> named, listed;
        {
            std::lock_guard lock(mutex);
            named.insert(rows.begin(), rows.end());
        }
        {
            std::lock_guard lock(mutex);
            listed = there;
        }
        for (const auto& name : listed)
            if (!named.contains(name))
                removed += collection.remove(name, [&] {
                    std::this_thread::yield();
                    std::lock_guard lock(mutex);
                    there.erase(name);
                });
    }
    writers.clear();
    EXPECT_EQ(lost, 0);
    EXPECT_GT(removed, 0);
}

}  // namespace
}  // namespace maru::blob::s3
