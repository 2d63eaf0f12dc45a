#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "compute/engines/process/process_engine.hpp"

namespace maru::compute {

/// An engine over a folder of its own, with a listener that remembers. The test program itself is
/// the supervisor's (main_test.cpp).
class EngineFixture : public testing::Test {
  protected:
    EngineFixture();
    ~EngineFixture() override;

    /// A new server over the same folder; the old one is destroyed first.
    void restart();
    ReplicaSpec spec(const std::string& attempt, std::vector<std::string> command);
    /// `sh -c script`.
    ReplicaSpec script(const std::string& attempt, const std::string& text);
    ReplicaExit run(const ReplicaSpec& replica);

    ReplicaExit wait_for_end(const std::string& attempt, std::int32_t index = 0);
    void wait_until_running(const std::string& attempt, std::int32_t index = 0);
    /// Until the replica's log holds the text.
    void wait_for_log(const std::string& attempt, const std::string& text);
    std::string log(const std::string& attempt) const;
    std::vector<ReplicaStatus> told(const std::string& attempt);
    std::filesystem::path folder(const std::string& attempt, std::int32_t index = 0) const;
    pid_t supervisor(const std::string& attempt) const;
    std::vector<std::filesystem::path> cgroup_folders() const;

    std::filesystem::path directory_;
    std::unique_ptr<Engine> engine_;

  private:
    ReplicaStatus wait(const std::string& attempt, std::int32_t index,
                       const std::function<bool(const ReplicaStatus&)>& wanted);

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<ReplicaStatus> told_;
};

/// Tries until it is so; for facts of the kernel that no event tells of.
bool eventually(const std::function<bool()>& is_so);

}  // namespace maru::compute
