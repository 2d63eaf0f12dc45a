#include "compute/lifecycle.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/id.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

namespace maru::compute {
namespace {

constexpr int kLaunchers = 4;
constexpr std::chrono::seconds kSampleEvery{5};
constexpr std::chrono::seconds kRetryAfter{1};

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

bool holds_resources(WorkloadState state) {
    return state == WorkloadState::starting || state == WorkloadState::running;
}

void end_attempt(Job& job, WorkloadState state, std::string reason, Time now) {
    job.state = state;
    job.reason = std::move(reason);
    job.finished_at = now;
}

}  // namespace

std::filesystem::path attempt_folder(const std::filesystem::path& data, const Workload& workload) {
    return data / "workloads" / workload.job.id / std::to_string(workload.job.attempt);
}

std::filesystem::path log_file(const std::filesystem::path& data, std::string_view workload_id,
                               std::int32_t replica) {
    return data / "workloads" / workload_id / "logs" / fmt::format("{}.log", replica);
}

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

ReplicaSpec Lifecycle::prepare(const store::Record& record) {
    const Workload& workload = record.workload;
    const Job& job = workload.job;
    // A server that was killed in the middle of an earlier preparation left it half done.
    std::filesystem::remove_all(workload.folder);
    std::filesystem::create_directories(workload.folder / "work");
    std::filesystem::create_directories(workload.folder / "run");
    auto log = log_file(data_directory_, job.id, 0);
    std::filesystem::create_directories(log.parent_path());

    ReplicaSpec spec;
    spec.attempt_id = workload.attempt_id;
    spec.workload_id = job.id;
    spec.node = record.placed.at(0).node;
    spec.command = job.command;
    spec.variables = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
                      {"HOME", "/tmp"},
                      {"LANG", "C.UTF-8"},
                      {"PYTHONUNBUFFERED", "1"},
                      {"MARU_JOB_ID", job.id},
                      {"MARU_PROJECT", job.project}};
    spec.directory = "/workspace";
    spec.mounts = {{(workload.folder / "work").native(), "/workspace", true},
                   {(workload.folder / "run").native(), "/run/maru", true}};
    spec.cpu_milli = job.resources.cpu_milli;
    spec.memory_mib = job.resources.memory_mib;
    spec.gpu_ids = record.placed.at(0).gpu_ids;
    spec.user_number = workload.user_number;
    spec.time_limit_s = job.time_limit_s;
    spec.stop_grace_s = job.stop_grace_s;
    spec.log_file = log.native();
    for (auto* contributor : contributors_) contributor->prepare(workload, spec);
    for (const auto& [name, value] : job.variables) spec.variables[name] = value;
    if (job.attempt > 1) {
        FileDescriptor file(::open(log.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
        if (file)
            write_all(file.get(),
                      fmt::format("--- attempt {} of {} ---\n", job.attempt, job.retries + 1));
    }
    return spec;
}

void Lifecycle::launch(const ActivePointer& active) {
    auto record = record_of(*active);
    if (record.workload.job.state != WorkloadState::starting) return;
    try {
        if (record.workload.stopping) {
            transition(*active, [&](store::Record& next) {
                end_attempt(next.workload.job, WorkloadState::stopped, *next.workload.stopping,
                            clock_.now());
                return true;
            });
            return;
        }
        engine_.launch(prepare(record));
    } catch (const std::exception& error) {
        log::error("workload {} could not be started: {}", record.workload.job.id, error.what());
        auto reason = fmt::format("could not be started: {}", error.what());
        // First, since it makes room where the disk is full.
        clean_up(record.workload);
        persist("write down that a workload could not be started",
                [&] { fail_workload(*active, reason); });
        return;
    }
    if (record_of(*active).workload.stopping)
        persist("stop a workload", [&] {
            engine_.stop(record.workload.attempt_id, 0, record.workload.job.stop_grace_s);
        });
}

void Lifecycle::on_status(const ReplicaStatus& status) {
    statuses_.push([this, status] {
        // The engine keeps its record until it is told to forget: a full disk delays the news, it
        // loses none.
        persist(fmt::format("write down that attempt {} {}", status.attempt_id,
                            status.state == ReplicaState::ended ? "ended" : "runs"),
                [&] { write_status(status); });
    });
}

void Lifecycle::write_status(const ReplicaStatus& status) {
    auto active = find_attempt(status.attempt_id);
    if (!active) {
        if (status.state == ReplicaState::ended) engine_.forget(status.attempt_id);
        return;
    }
    if (status.state == ReplicaState::running) on_running(*active, status, status.started_at);
    if (status.state != ReplicaState::ended || !status.exit) return;
    // A program that ends at once may have ended before the engine looked whether it runs; its
    // events say all the same that it ran.
    if (status.exit->started_at) on_running(*active, status, status.exit->started_at);
    on_exit(*active, status);
}

void Lifecycle::on_running(Active& active, const ReplicaStatus& status,
                           std::optional<Time> started_at) {
    transition(active, [&](store::Record& record) {
        Job& job = record.workload.job;
        if (job.state != WorkloadState::starting || record.workload.attempt_id != status.attempt_id)
            return false;
        job.state = WorkloadState::running;
        job.reason = "";
        if (!job.started_at) job.started_at = started_at.value_or(clock_.now());
        return true;
    });
}

void Lifecycle::on_exit(Active& active, const ReplicaStatus& status) {
    const ReplicaExit& exit = *status.exit;
    Workload ended;
    bool again = false;
    bool written = transition(active, [&](store::Record& record) {
        Job& job = record.workload.job;
        if (!holds_resources(job.state) || record.workload.attempt_id != status.attempt_id)
            return false;
        ended = record.workload;
        if (!job.started_at) job.started_at = exit.started_at;
        job.exit_code = exit.lost ? std::nullopt : std::optional(exit.exit_code);
        job.usage.cpu_s += exit.cpu_s;
        job.usage.memory_peak_bytes = std::max(job.usage.memory_peak_bytes, exit.memory_peak_bytes);
        if (exit.started_at)
            job.usage.gpu_s +=
                static_cast<double>(job.resources.gpus) *
                std::chrono::duration<double>(exit.ended_at - *exit.started_at).count();
        std::string reason = exit.reason.empty()
                                 ? fmt::format("ended with exit code {}", exit.exit_code)
                                 : exit.reason;
        if (exit.exit_code == 0 && !exit.lost && !exit.timed_out && !exit.stopped) {
            end_attempt(job, WorkloadState::succeeded, "", exit.ended_at);
        } else if (record.workload.stopping) {
            end_attempt(job, WorkloadState::stopped, *record.workload.stopping, exit.ended_at);
        } else if (job.attempt <= job.retries && !exit.timed_out) {
            again = true;
            job.state = WorkloadState::queued;
            job.reason = fmt::format("attempt {} of {}: {}; it is tried again", job.attempt,
                                     job.retries + 1, reason);
            ++job.attempt;
            record.placed.clear();
            record.workload.attempt_id.clear();
        } else {
            end_attempt(job, WorkloadState::failed, reason, exit.ended_at);
        }
        return true;
    });
    engine_.forget(status.attempt_id);
    if (written) launchers_.push([this, ended] { clean_up(ended); });
}

void Lifecycle::clean_up(const Workload& workload) {
    std::error_code error;
    std::filesystem::remove_all(attempt_folder(data_directory_, workload), error);
    if (error)
        log::warning("cannot remove the files of workload {}: {}", workload.job.id,
                     error.message());
}

/// Removes the files of attempts that ended just before an earlier server did, so that it could
/// not.
void Lifecycle::remove_leftovers() {
    std::error_code error;
    for (const auto& workload :
         std::filesystem::directory_iterator(data_directory_ / "workloads", error)) {
        auto active = find(workload.path().filename().native());
        for (const auto& folder : std::filesystem::directory_iterator(workload.path(), error)) {
            auto attempt = parse_int(folder.path().filename().native());
            if (!attempt || (active && *attempt >= record_of(*active).workload.job.attempt))
                continue;
            std::filesystem::remove_all(folder.path(), error);
            if (error)
                log::warning("cannot remove {}: {}", folder.path().native(), error.message());
        }
    }
}

void Lifecycle::sample_loop() {
    while (true) {
        {
            std::unique_lock lock(mutex_);
            if (changed_.wait_for(lock, kSampleEvery, [this] { return stopping_; })) return;
        }
        try {
            sample();
        } catch (...) {
            log::error("cannot keep what workloads use: {}", log::current_exception_message());
        }
    }
}

void Lifecycle::sample() {
    std::vector<std::pair<std::string, UsageSample>> samples;
    for (const auto& active : all_active()) {
        auto record = record_of(*active);
        if (record.workload.job.state != WorkloadState::running) continue;
        const auto& attempt_id = record.workload.attempt_id;
        auto used = engine_.usage(attempt_id, 0);
        if (!used) continue;
        Time now = clock_.now();
        Time since = record.workload.job.started_at.value_or(now);
        double cpu_s_before = 0;
        {
            std::lock_guard lock(mutex_);
            auto& last = active->sampled;
            if (last && last->attempt_id == attempt_id) {
                since = last->at;
                cpu_s_before = last->usage.cpu_s;
            }
            last = {attempt_id, now, *used};
        }
        UsageSample sampled{now, 0, used->memory_bytes};
        auto elapsed_s = std::chrono::duration<double>(now - since).count();
        if (elapsed_s > 0)
            sampled.cpu_milli = static_cast<std::int64_t>(
                std::max(0.0, used->cpu_s - cpu_s_before) / elapsed_s * 1000);
        samples.emplace_back(record.workload.job.id, sampled);
    }
    if (samples.empty()) return;
    database_.write([&](sql::Connection& connection) {
        for (const auto& [id, sampled] : samples) store::append_usage(connection, id, sampled);
    });
}

void Lifecycle::refresh(Job& job) {
    if (job.state == WorkloadState::queued) {
        auto waiting = why(job);
        if (!waiting.reason.empty()) job.reason = waiting.reason;
    } else if (job.state == WorkloadState::running) {
        auto active = find(job.id);
        std::lock_guard lock(mutex_);
        if (!active || !active->sampled ||
            active->sampled->attempt_id != active->record.workload.attempt_id)
            return;
        // What earlier attempts have used is there already.
        const auto& used = active->sampled->usage;
        job.usage.cpu_s += used.cpu_s;
        job.usage.memory_peak_bytes =
            std::max({job.usage.memory_peak_bytes, used.memory_peak_bytes, used.memory_bytes});
    }
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

void Lifecycle::count_jobs(std::int64_t& running, std::int64_t& queued) {
    std::lock_guard lock(mutex_);
    for (const auto& [id, active] : active_) {
        const auto& job = active->record.workload.job;
        if (job.kind != WorkloadKind::job) continue;
        (job.state == WorkloadState::queued ? queued : running) += 1;
    }
}

}  // namespace maru::compute
