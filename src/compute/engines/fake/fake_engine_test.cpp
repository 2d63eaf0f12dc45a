#include "compute/engines/fake/fake_engine.hpp"

#include <gtest/gtest.h>

#include <mutex>

namespace maru::compute {
namespace {

class FakeEngineTest : public testing::Test {
  protected:
    FakeEngineTest() { listen(); }

    void listen() {
        engine_.set_listener([this](const ReplicaStatus& status) {
            std::lock_guard lock(mutex_);
            told_.push_back(status);
        });
    }
    std::vector<ReplicaStatus> told() {
        engine_.settle();
        std::lock_guard lock(mutex_);
        return std::exchange(told_, {});
    }
    static ReplicaSpec spec(std::string attempt, std::int32_t index = 0) {
        return {.attempt_id = std::move(attempt), .index = index, .node = "n1"};
    }

    std::mutex mutex_;
    std::vector<ReplicaStatus> told_;
    FakeEngine engine_{{{.name = "n1", .cpu_milli = 4000, .memory_mib = 8192},
                        {.name = "n2", .cpu_milli = 4000, .memory_mib = 8192}}};
};

TEST_F(FakeEngineTest, TellsOfTheWholeLife) {
    engine_.launch(spec("a"));
    engine_.begin("a");
    engine_.end("a", 0, 3);
    auto statuses = told();
    ASSERT_EQ(statuses.size(), 3u);
    EXPECT_EQ(statuses[0].state, ReplicaState::starting);
    EXPECT_EQ(statuses[1].state, ReplicaState::running);
    EXPECT_TRUE(statuses[1].started_at);
    EXPECT_EQ(statuses[2].exit->exit_code, 3);
    EXPECT_EQ(statuses[2].exit->started_at, statuses[1].started_at);
    EXPECT_TRUE(engine_.alive().empty());
}

TEST_F(FakeEngineTest, LaunchingTwiceLaunchesOnce) {
    engine_.launch(spec("a"));
    engine_.launch(spec("a"));
    engine_.launch(spec("a", 1));
    EXPECT_EQ(engine_.launched().size(), 2u);
}

TEST_F(FakeEngineTest, FailsALaunchAsTold) {
    engine_.fail_next_launch(Error(ErrorCode::resource_exhausted, "disk full"));
    EXPECT_THROW(engine_.launch(spec("a")), Error);
    engine_.launch(spec("a"));
    EXPECT_EQ(engine_.launched().size(), 1u);
}

TEST_F(FakeEngineTest, OutlivesTheServer) {
    engine_.launch(spec("a"));
    engine_.begin("a");
    engine_.launch(spec("b"));
    engine_.forget_listener();
    engine_.end("a", 0, 0);
    EXPECT_TRUE(!told().empty());
    listen();
    EXPECT_EQ(engine_.recover({"a", "b", "c"}), std::vector<std::string>{"c"});
    auto statuses = told();
    ASSERT_EQ(statuses.size(), 2u);
    EXPECT_EQ(statuses[0].state, ReplicaState::ended);
    EXPECT_EQ(statuses[1].state, ReplicaState::starting);
}

TEST_F(FakeEngineTest, StopsUnlessToldNotTo) {
    engine_.launch(spec("a"));
    engine_.launch(spec("b"));
    engine_.stop("a", 0, 5);
    engine_.obey_stop(false);
    engine_.stop("b", 0, 7);
    engine_.settle();
    ASSERT_EQ(engine_.alive().size(), 1u);
    EXPECT_EQ(engine_.alive()[0].attempt_id, "b");
    EXPECT_EQ(engine_.stop_requests()[1], (FakeEngine::StopRequest{"b", 0, 7}));
}

TEST_F(FakeEngineTest, LosesANode) {
    engine_.begin_at_launch(true);
    engine_.launch(spec("a"));
    engine_.lose_node("n1");
    EXPECT_TRUE(told().back().exit->lost);
    EXPECT_EQ(engine_.fingerprint().size(), 1u);
    EXPECT_THROW(engine_.launch(spec("b")), Error);
    engine_.restore_node("n1");
    engine_.launch(spec("b"));
}

TEST_F(FakeEngineTest, ForgetsWhatHasEnded) {
    engine_.launch(spec("a"));
    engine_.end("a", 0, 0);
    engine_.forget("a");
    EXPECT_EQ(engine_.recover({"a"}), std::vector<std::string>{"a"});
    EXPECT_EQ(engine_.forgotten(), std::vector<std::string>{"a"});
}

TEST_F(FakeEngineTest, RefusesToDriveWhatDoesNotRun) {
    EXPECT_THROW(engine_.begin("a"), Error);
    engine_.launch(spec("a"));
    engine_.end("a", 0, 0);
    EXPECT_THROW(engine_.end("a", 0, 0), Error);
}

}  // namespace
}  // namespace maru::compute
