#include "compute/lifecycle.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace maru::compute {
namespace {

constexpr int kLaunchers = 4;

}  // namespace

Lifecycle::Lifecycle(sql::Database& database, Engine& engine, const Clock& clock,
                     std::filesystem::path data_directory)
    : database_(database),
      engine_(engine),
      clock_(clock),
      data_directory_(std::move(data_directory)),
      nodes_(engine.fingerprint()),
      event_stream_(database),
      launchers_(kLaunchers),
      statuses_(1) {}

Lifecycle::~Lifecycle() {
    stop();
}

void Lifecycle::start() {
    engine_.set_listener([this](const ReplicaStatus& status) { on_status(status); });
    recover();
    dispatcher_ = std::thread([this] { dispatch_loop(); });
    sampler_ = std::thread([this] { sample_loop(); });
}

void Lifecycle::stop() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (dispatcher_.joinable()) dispatcher_.join();
    if (sampler_.joinable()) sampler_.join();
    launchers_.stop();
    statuses_.stop();
    event_stream_.close();
}

void Lifecycle::wake() {
    {
        std::lock_guard lock(mutex_);
        dirty_ = true;
    }
    changed_.notify_all();
}

store::Record Lifecycle::record_of(const Active& active) {
    std::lock_guard lock(mutex_);
    return active.record;
}

Lifecycle::ActivePointer Lifecycle::find(std::string_view id) {
    std::lock_guard lock(mutex_);
    auto found = active_.find(id);
    return found == active_.end() ? nullptr : found->second;
}

Lifecycle::ActivePointer Lifecycle::find_attempt(const std::string& attempt_id) {
    std::lock_guard lock(mutex_);
    auto attempt = attempts_.find(attempt_id);
    if (attempt == attempts_.end()) return nullptr;
    auto found = active_.find(attempt->second);
    return found == active_.end() ? nullptr : found->second;
}

std::vector<Lifecycle::ActivePointer> Lifecycle::all_active() {
    std::lock_guard lock(mutex_);
    std::vector<ActivePointer> list;
    for (const auto& [id, active] : active_) list.push_back(active);
    return list;
}

void Lifecycle::keep(ActivePointer active, const store::Record& record) {
    const auto& workload = record.workload;
    std::lock_guard lock(mutex_);
    if (!active->record.workload.attempt_id.empty())
        attempts_.erase(active->record.workload.attempt_id);
    active->record = record;
    if (is_final(workload.job.state)) {
        active_.erase(workload.job.id);
    } else {
        if (!workload.attempt_id.empty()) attempts_[workload.attempt_id] = workload.job.id;
        active_[workload.job.id] = std::move(active);
    }
    dirty_ = true;
    changed_.notify_all();
}

Workload Lifecycle::submit(Workload workload) {
    auto active = std::make_shared<Active>();
    Event event;
    database_.write([&](sql::Connection& connection) {
        store::Record record{workload, {}};
        for (auto* contributor : contributors_) contributor->created(connection, record.workload);
        const Job& job = record.workload.job;
        store::insert(connection, record);
        event = {0,         job.queued_at, job.id,     job.name, job.kind, std::nullopt,
                 job.state, job.reason,    job.attempt};
        store::append_event(connection, record.workload.project_id, event);
        active->record = std::move(record);
    });
    workload = active->record.workload;
    keep(active, store::Record(active->record));
    event_stream_.publish();
    return workload;
}

std::string Lifecycle::machine_of(const store::Record& record) const {
    if (record.placed.empty()) return {};
    auto found = std::ranges::find(nodes_, record.placed[0].node, &Node::name);
    if (found == nodes_.end()) return record.placed[0].node;
    const auto& resources = record.workload.job.resources;
    auto text = fmt::format("{}: {}", found->name, found->description);
    for (const auto& id : record.placed[0].gpu_ids) {
        auto gpu = std::ranges::find(found->gpus, id, &Gpu::id);
        if (gpu != found->gpus.end()) text += ", " + gpu->model;
    }
    return fmt::format("{} ({} CPUs, {} MiB)", text,
                       static_cast<double>(resources.cpu_milli) / 1000, resources.memory_mib);
}

bool Lifecycle::transition(Active& active, const std::function<bool(store::Record&)>& change) {
    std::lock_guard whole(active.transition);
    store::Record next = record_of(active);
    auto previous = next.workload.job.state;
    if (is_final(previous) || !change(next)) return false;
    Job& job = next.workload.job;
    next.workload.folder = attempt_folder(data_directory_, next.workload);
    for (auto& replica : job.replicas) {
        replica.state = job.state;
        replica.exit_code = job.exit_code;
        auto index = static_cast<std::size_t>(replica.index);
        replica.node =
            index < next.placed.size() ? std::optional(next.placed[index].node) : std::nullopt;
    }
    next.workload.machine = machine_of(next);
    Event event{0,        clock_.now(), job.id,     job.name,   job.kind,
                previous, job.state,    job.reason, job.attempt};
    database_.write([&](sql::Connection& connection) {
        store::update(connection, next);
        store::append_event(connection, next.workload.project_id, event);
        for (auto* contributor : contributors_)
            contributor->changed(connection, next.workload, event);
    });
    if (auto shared = find(job.id)) keep(std::move(shared), next);
    event_stream_.publish();
    log_follower_.wake();
    for (auto* contributor : contributors_) contributor->committed(next.workload, event);
    return true;
}

void Lifecycle::end_attempt(Job& job, WorkloadState state, std::string reason, Time now) {
    job.state = state;
    job.reason = std::move(reason);
    job.finished_at = now;
}

void Lifecycle::fail_workload(Active& active, const std::string& reason) {
    transition(active, [&](store::Record& record) {
        end_attempt(record.workload.job, WorkloadState::failed, reason, clock_.now());
        record.placed.clear();
        return true;
    });
}

void Lifecycle::persist(std::string_view what, const std::function<void()>& work) {
    while (true) {
        try {
            work();
            return;
        } catch (...) {
            log::error("cannot {}, and tries again: {}", what, log::current_exception_message());
        }
        std::unique_lock lock(mutex_);
        if (changed_.wait_for(lock, kRetryAfter, [this] { return stopping_; })) return;
    }
}

void Lifecycle::request_stop(std::string_view id, std::string_view reason) {
    auto active = find(id);
    if (!active) return;
    bool ended = transition(*active, [&](store::Record& record) {
        if (record.workload.job.state != WorkloadState::queued) return false;
        end_attempt(record.workload.job, WorkloadState::stopped, std::string(reason), clock_.now());
        return true;
    });
    if (ended) return;
    store::Record record;
    {
        // The wish itself is durable: a server that restarts before the engine heard of it tells it
        // then.
        std::lock_guard whole(active->transition);
        record = record_of(*active);
        if (is_final(record.workload.job.state)) return;
        if (!record.workload.stopping) {
            record.workload.stopping = std::string(reason);
            database_.write(
                [&](sql::Connection& connection) { store::update(connection, record); });
            keep(active, record);
        }
    }
    // Harmless for a replica that is not launched yet: launch looks at `stopping` when it has.
    engine_.stop(record.workload.attempt_id, 0, record.workload.job.stop_grace_s);
}

void Lifecycle::recover() {
    auto records =
        database_.read([](sql::Connection& connection) { return store::active(connection); });
    std::vector<std::string> attempt_ids;
    for (auto& record : records) {
        record.workload.folder = attempt_folder(data_directory_, record.workload);
        auto active = std::make_shared<Active>();
        if (holds_resources(record.workload.job.state))
            attempt_ids.push_back(record.workload.attempt_id);
        keep(active, record);
    }
    for (const auto& attempt_id : engine_.recover(attempt_ids)) {
        auto active = find_attempt(attempt_id);
        if (!active) continue;
        if (record_of(*active).workload.job.state == WorkloadState::starting) {
            launchers_.push([this, active] { launch(active); });
        } else {
            ReplicaStatus lost{.attempt_id = attempt_id,
                               .index = 0,
                               .state = ReplicaState::ended,
                               .started_at = std::nullopt,
                               .exit = ReplicaExit{}};
            lost.exit->exit_code = 137;
            lost.exit->lost = true;
            lost.exit->reason = "its supervisor is gone and has left no record of how it ended";
            lost.exit->ended_at = clock_.now();
            on_status(lost);
        }
    }
    for (const auto& active : all_active()) {
        auto record = record_of(*active);
        if (!holds_resources(record.workload.job.state) || !record.workload.stopping) continue;
        launchers_.push([this, workload = record.workload] {
            persist("stop a workload",
                    [&] { engine_.stop(workload.attempt_id, 0, workload.job.stop_grace_s); });
        });
    }
    launchers_.push([this] { remove_leftovers(); });
}

void Lifecycle::count_jobs(std::int64_t& running, std::int64_t& queued) {
    std::lock_guard lock(mutex_);
    for (const auto& [id, active] : active_) {
        const auto& job = active->record.workload.job;
        if (job.kind != WorkloadKind::job) continue;
        (job.state == WorkloadState::queued ? queued : running) += 1;
    }
}

}  // namespace maru::compute
