#include "compute/engines/fake/fake_engine.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "base/log.hpp"

namespace maru::compute {

namespace {

using Key = std::pair<std::string, std::int32_t>;

struct Record {
    ReplicaSpec spec;
    ReplicaStatus status;
    std::optional<ReplicaUsage> usage;
};

}  // namespace

struct FakeEngine::State {
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::vector<Node> nodes;
    std::set<std::string> lost_nodes;
    std::map<Key, Record> records;
    std::vector<ReplicaSpec> launched;
    std::vector<StopRequest> stop_requests;
    std::vector<std::string> forgotten;
    std::optional<Error> next_failure;
    bool obeys_stop = true;
    bool begins_at_launch = false;
    SystemClock clock;

    Listener listener;
    std::deque<ReplicaStatus> queue;
    bool telling = false;
    bool ending = false;
    std::thread thread;

    void report(const ReplicaStatus& status) {
        if (!listener) return;
        queue.push_back(status);
        changed.notify_all();
    }

    /// Waits until the listener has been told all; the lock is held on entry and on return.
    void settle(std::unique_lock<std::mutex>& lock) {
        changed.wait(lock, [&] { return queue.empty() && !telling; });
    }

    Record& alive(const std::string& attempt_id, std::int32_t index) {
        auto found = records.find({attempt_id, index});
        if (found == records.end())
            fail(ErrorCode::failed_precondition, "replica {} of attempt {} was not launched", index,
                 attempt_id);
        if (found->second.status.state == ReplicaState::ended)
            fail(ErrorCode::failed_precondition, "replica {} of attempt {} has ended", index,
                 attempt_id);
        return found->second;
    }

    void begin(Record& record) {
        record.status.state = ReplicaState::running;
        record.status.started_at = clock.now();
        report(record.status);
    }

    void end(Record& record, ReplicaExit exit) {
        if (!exit.started_at) exit.started_at = record.status.started_at;
        if (exit.ended_at == Time{}) exit.ended_at = clock.now();
        record.status.state = ReplicaState::ended;
        record.status.exit = std::move(exit);
        report(record.status);
    }

    void run() {
        std::unique_lock lock(mutex);
        for (;;) {
            changed.wait(lock, [&] { return ending || !queue.empty(); });
            if (ending) return;
            ReplicaStatus status = std::move(queue.front());
            queue.pop_front();
            Listener told = listener;
            telling = true;
            lock.unlock();
            try {
                if (told) told(status);
            } catch (...) {
                log::error("fake engine: the listener failed: {}",
                           log::current_exception_message());
            }
            lock.lock();
            telling = false;
            changed.notify_all();
        }
    }
};

FakeEngine::FakeEngine(std::vector<Node> nodes) : state_(std::make_unique<State>()) {
    state_->nodes = std::move(nodes);
    state_->thread = std::thread([state = state_.get()] { state->run(); });
}

FakeEngine::~FakeEngine() {
    {
        std::lock_guard lock(state_->mutex);
        state_->ending = true;
    }
    state_->changed.notify_all();
    state_->thread.join();
}

void FakeEngine::set_listener(Listener listener) {
    std::lock_guard lock(state_->mutex);
    state_->listener = std::move(listener);
}

void FakeEngine::forget_listener() {
    std::unique_lock lock(state_->mutex);
    state_->listener = nullptr;
    state_->queue.clear();
    state_->settle(lock);
}

std::vector<Node> FakeEngine::fingerprint() {
    std::lock_guard lock(state_->mutex);
    std::vector<Node> present;
    for (const auto& node : state_->nodes)
        if (!state_->lost_nodes.contains(node.name)) present.push_back(node);
    return present;
}

std::vector<std::string> FakeEngine::recover(const std::vector<std::string>& attempt_ids) {
    std::lock_guard lock(state_->mutex);
    std::vector<std::string> unknown;
    for (const auto& attempt_id : attempt_ids) {
        bool known = false;
        for (auto record = state_->records.lower_bound({attempt_id, 0});
             record != state_->records.end() && record->first.first == attempt_id; ++record) {
            known = true;
            state_->report(record->second.status);
        }
        if (!known) unknown.push_back(attempt_id);
    }
    return unknown;
}

void FakeEngine::launch(const ReplicaSpec& spec) {
    std::lock_guard lock(state_->mutex);
    Key key{spec.attempt_id, spec.index};
    if (state_->records.contains(key)) return;
    if (state_->next_failure) throw *std::exchange(state_->next_failure, std::nullopt);
    bool present = std::ranges::any_of(state_->nodes,
                                       [&](const Node& node) { return node.name == spec.node; });
    if (!present || state_->lost_nodes.contains(spec.node))
        fail(ErrorCode::unavailable, "node \"{}\" is not there", spec.node);
    auto& record = state_->records[key];
    record.spec = spec;
    record.status = {.attempt_id = spec.attempt_id, .index = spec.index};
    state_->launched.push_back(spec);
    state_->report(record.status);
    if (state_->begins_at_launch) state_->begin(record);
}

void FakeEngine::stop(const std::string& attempt_id, std::int32_t index, std::int64_t grace_s) {
    std::lock_guard lock(state_->mutex);
    auto found = state_->records.find({attempt_id, index});
    if (found == state_->records.end() || found->second.status.state == ReplicaState::ended) return;
    state_->stop_requests.push_back({attempt_id, index, grace_s});
    if (state_->obeys_stop)
        state_->end(found->second, {.exit_code = 143, .stopped = true, .reason = "stopped"});
}

std::optional<ReplicaUsage> FakeEngine::usage(const std::string& attempt_id, std::int32_t index) {
    std::lock_guard lock(state_->mutex);
    auto found = state_->records.find({attempt_id, index});
    if (found == state_->records.end() || found->second.status.state != ReplicaState::running)
        return std::nullopt;
    return found->second.usage.value_or(ReplicaUsage{});
}

void FakeEngine::forget(const std::string& attempt_id) {
    std::lock_guard lock(state_->mutex);
    std::erase_if(state_->records, [&](const auto& entry) {
        return entry.first.first == attempt_id && entry.second.status.state == ReplicaState::ended;
    });
    state_->forgotten.push_back(attempt_id);
}

void FakeEngine::begin(const std::string& attempt_id, std::int32_t index) {
    std::unique_lock lock(state_->mutex);
    state_->begin(state_->alive(attempt_id, index));
    state_->settle(lock);
}

void FakeEngine::end(const std::string& attempt_id, std::int32_t index, ReplicaExit exit) {
    std::unique_lock lock(state_->mutex);
    state_->end(state_->alive(attempt_id, index), std::move(exit));
    state_->settle(lock);
}

void FakeEngine::end(const std::string& attempt_id, std::int32_t index, std::int32_t exit_code) {
    end(attempt_id, index,
        ReplicaExit{.exit_code = exit_code,
                    .reason = exit_code == 0 ? "" : fmt::format("exited with code {}", exit_code)});
}

void FakeEngine::lose_node(const std::string& name) {
    std::unique_lock lock(state_->mutex);
    state_->lost_nodes.insert(name);
    for (auto& [key, record] : state_->records) {
        if (record.spec.node == name && record.status.state != ReplicaState::ended)
            state_->end(record, {.exit_code = 137,
                                 .lost = true,
                                 .reason = fmt::format("lost: node {} is gone", name)});
    }
    state_->settle(lock);
}

void FakeEngine::restore_node(const std::string& name) {
    std::lock_guard lock(state_->mutex);
    state_->lost_nodes.erase(name);
}

void FakeEngine::fail_next_launch(Error error) {
    std::lock_guard lock(state_->mutex);
    state_->next_failure = std::move(error);
}

void FakeEngine::obey_stop(bool obeys) {
    std::lock_guard lock(state_->mutex);
    state_->obeys_stop = obeys;
}

void FakeEngine::begin_at_launch(bool begins) {
    std::lock_guard lock(state_->mutex);
    state_->begins_at_launch = begins;
}

void FakeEngine::set_usage(const std::string& attempt_id, std::int32_t index, ReplicaUsage usage) {
    std::lock_guard lock(state_->mutex);
    state_->alive(attempt_id, index).usage = usage;
}

void FakeEngine::settle() {
    std::unique_lock lock(state_->mutex);
    state_->settle(lock);
}

std::vector<ReplicaSpec> FakeEngine::launched() const {
    std::lock_guard lock(state_->mutex);
    return state_->launched;
}

std::vector<ReplicaSpec> FakeEngine::alive() const {
    std::lock_guard lock(state_->mutex);
    std::vector<ReplicaSpec> found;
    for (const auto& [key, record] : state_->records)
        if (record.status.state != ReplicaState::ended) found.push_back(record.spec);
    return found;
}

std::vector<FakeEngine::StopRequest> FakeEngine::stop_requests() const {
    std::lock_guard lock(state_->mutex);
    return state_->stop_requests;
}

std::vector<std::string> FakeEngine::forgotten() const {
    std::lock_guard lock(state_->mutex);
    return state_->forgotten;
}

}  // namespace maru::compute
