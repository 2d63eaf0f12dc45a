#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "compute/engines/engine.hpp"

namespace maru::compute {

/// Stands in for machines in tests: replicas are records whose life the test drives.
///
/// Lifetime: as long as the "machine"; a Service may be destroyed and another built over the same
/// object, which is a server's restart (call forget_listener between them). Threads: any; the
/// listener is called on the engine's own thread, and every driving function (begin, end,
/// lose_node) returns after the listener has, so that tests need no waiting. Do not call those from
/// within the listener. Errors: driving a replica that was not launched, or that has ended, throws
/// failed_precondition. Example: fake_engine_test.cpp.
class FakeEngine final : public Engine {
  public:
    explicit FakeEngine(std::vector<Node> nodes);
    ~FakeEngine() override;

    void set_listener(Listener listener) override;
    std::vector<Node> fingerprint() override;
    std::vector<std::string> recover(const std::vector<std::string>& attempt_ids) override;
    void launch(const ReplicaSpec& spec) override;
    void stop(const std::string& attempt_id, std::int32_t index, std::int64_t grace_s) override;
    std::optional<ReplicaUsage> usage(const std::string& attempt_id, std::int32_t index) override;
    void forget(const std::string& attempt_id) override;

    /// The replica runs.
    void begin(const std::string& attempt_id, std::int32_t index = 0);
    /// The replica has ended so; its start is filled in where it had begun.
    void end(const std::string& attempt_id, std::int32_t index, ReplicaExit exit);
    /// The same with an exit code alone.
    void end(const std::string& attempt_id, std::int32_t index, std::int32_t exit_code);
    /// The machine is gone: fingerprint leaves it out, what ran on it ends as lost, launches on it
    /// fail.
    void lose_node(const std::string& name);
    void restore_node(const std::string& name);
    /// The next launch throws this and records nothing.
    void fail_next_launch(Error error);
    /// Whether stop ends a replica by itself (143, stopped), as most programs do; true at first.
    /// Otherwise the request is recorded and the test ends it.
    void obey_stop(bool obeys);
    /// Whether a launched replica runs at once, without begin; false at first.
    void begin_at_launch(bool begins);
    void set_usage(const std::string& attempt_id, std::int32_t index, ReplicaUsage usage);
    /// The server is gone: what happens from here on waits for the next listener's recover.
    void forget_listener();
    /// Returns when the listener has been told everything that happened so far.
    void settle();

    struct StopRequest {
        std::string attempt_id;
        std::int32_t index = 0;
        std::int64_t grace_s = 0;
        bool operator==(const StopRequest&) const = default;
    };
    /// Every launch that started something, in order; forgotten ones too.
    std::vector<ReplicaSpec> launched() const;
    /// What has been launched and not ended, by attempt and index.
    std::vector<ReplicaSpec> alive() const;
    std::vector<StopRequest> stop_requests() const;
    /// Attempts that were forgotten, in order.
    std::vector<std::string> forgotten() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace maru::compute
