#include "serving/controller.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "serving/replica_socket.hpp"

namespace maru::serving {

namespace {

using namespace std::chrono_literals;

constexpr auto kProbePauseFirst = 5ms;
constexpr auto kProbePauseMax = 100ms;
constexpr auto kSlowStart = 60s;  // from then on once a second is often enough
constexpr auto kRestartPauseMax = 30s;
// How long a replica that was replaced may take for the requests that it has, and how often we
// look.
constexpr auto kDrainMax = 60s;
constexpr auto kDrainPause = 20ms;
constexpr auto kStable = 60s;  // ready for so long: earlier crashes are forgotten

std::chrono::milliseconds probe_pause(int probes, std::chrono::steady_clock::duration running) {
    if (running > kSlowStart) return 1s;
    auto pause = kProbePauseFirst * (1 << std::min(probes, 5));
    return std::min<std::chrono::milliseconds>(pause, kProbePauseMax);
}

}  // namespace

Controller::Controller(sql::Database& database, compute::Service& compute, RoutingTable& routes,
                       ControllerOptions options)
    : database_(database), compute_(compute), routes_(routes), options_(std::move(options)) {}

Controller::~Controller() {
    stop();
}

void Controller::start() {
    auto records =
        database_.read([](sql::Connection& connection) { return store::all(connection); });
    // What was heard since compute began waits in the queue: it is about replicas of these rows.
    for (const auto& record : records) load(record);
    post([] {});
    thread_ = std::thread([this] { run(); });
}

void Controller::stop() {
    {
        std::lock_guard lock(queue_mutex_);
        stopping_ = true;
    }
    queued_.notify_all();
    if (thread_.joinable()) thread_.join();
    probes_.stop();
}

void Controller::post(std::function<void()> command) {
    {
        std::lock_guard lock(queue_mutex_);
        commands_.push_back(std::move(command));
    }
    queued_.notify_one();
}

void Controller::run() {
    std::unique_lock lock(queue_mutex_);
    while (!stopping_) {
        if (commands_.empty()) {
            auto ready = [this] { return stopping_ || !commands_.empty(); };
            if (next_wake_ == Instant::max())
                queued_.wait(lock, ready);
            else
                queued_.wait_until(lock, next_wake_, ready);
            if (stopping_) return;
        }
        auto commands = std::exchange(commands_, {});
        lock.unlock();
        next_wake_ = Instant::max();
        for (auto& command : commands) {
            try {
                command();
            } catch (...) {
                log::error("serving: {}", log::current_exception_message());
            }
        }
        std::vector<std::string> ids;
        for (const auto& [id, endpoint] : endpoints_) ids.push_back(id);
        for (const auto& id : ids) {
            try {
                reconcile(endpoints_.at(id));
            } catch (...) {
                log::error("serving: endpoint {}: {}", id, log::current_exception_message());
                wake_at(Clock::now() + 1s);
            }
        }
        lock.lock();
    }
}

void Controller::load(const store::Record& record) {
    std::lock_guard lock(state_mutex_);
    const auto& row = record.endpoint;
    auto& endpoint = endpoints_[row.id];
    endpoint.row = row;
    if (!endpoint.gate)
        endpoint.gate = std::make_shared<Gate>(row.name, options_.gate, [this] { post([] {}); });
    for (const auto& [variant_row, workload_ids] : record.variants) {
        auto& variant = endpoint.variants[variant_row.id];
        variant.row = variant_row;
        for (const auto& workload_id : workload_ids) {
            auto& replica = variant.replicas[workload_id];
            if (replica.running) continue;
            auto workload = compute_.get(row.project.id, workload_id);
            replica.folder = workload.folder;
            replica.running = workload.job.state == compute::WorkloadState::running;
            replica.running_since = Clock::now();
        }
    }
    if (row.deleting) {
        // Only its own door: the name may be another endpoint's by now.
        if (routes_.find(row.project.id, row.name) == endpoint.gate)
            routes_.remove(row.project.id, row.name);
        endpoint.gate->close();
    } else {
        routes_.set(row.project.id, row.name, endpoint.gate);
    }
}

void Controller::adopt(const std::string& endpoint_id) {
    auto done = std::make_shared<std::promise<void>>();
    auto result = done->get_future();
    post([this, endpoint_id, done] {
        try {
            auto records =
                database_.read([](sql::Connection& connection) { return store::all(connection); });
            for (const auto& record : records)
                if (record.endpoint.id == endpoint_id) load(record);
            reconcile(endpoints_.at(endpoint_id));
            done->set_value();
        } catch (...) {
            done->set_exception(std::current_exception());
        }
    });
    result.get();
}

void Controller::on_workload(const compute::Workload& workload, const compute::Event& event) {
    auto variant_id = from_json<ReplicaData>(workload.private_data.text).variant_id;
    if (event.state == compute::WorkloadState::running) {
        post([this, variant_id, id = workload.job.id, folder = workload.folder] {
            on_running(variant_id, id, folder);
        });
    } else if (compute::is_final(event.state)) {
        // Read at once: the folder is removed soon after.
        auto reason = event.state == compute::WorkloadState::failed ? replica_error(workload.folder)
                                                                    : std::nullopt;
        // A signal the replica cannot explain itself: its own words end with the kernel's reason.
        if (reason && event.reason.starts_with("killed"))
            reason = fmt::format("{}: {}", *reason, event.reason);
        post([this, variant_id, id = workload.job.id, state = event.state,
              reason = reason.value_or(event.reason)] { on_ended(variant_id, id, state, reason); });
    }
}

std::pair<Controller::Managed*, Controller::Variant*> Controller::find_variant(
    const std::string& variant_id) {
    for (auto& [id, endpoint] : endpoints_) {
        auto found = endpoint.variants.find(variant_id);
        if (found != endpoint.variants.end()) return {&endpoint, &found->second};
    }
    return {nullptr, nullptr};
}

void Controller::on_running(const std::string& variant_id, const std::string& workload_id,
                            const std::filesystem::path& folder) {
    auto* variant = find_variant(variant_id).second;
    if (variant == nullptr) return;
    auto found = variant->replicas.find(workload_id);
    if (found == variant->replicas.end() || found->second.running) return;
    std::lock_guard lock(state_mutex_);
    found->second.running = true;
    found->second.folder = folder;
    found->second.running_since = Clock::now();
}

void Controller::on_ended(const std::string& variant_id, const std::string& workload_id,
                          compute::WorkloadState state, const std::string& reason) {
    auto [endpoint, variant] = find_variant(variant_id);
    if (variant == nullptr || !variant->replicas.contains(workload_id)) return;
    auto now = Clock::now();
    bool was_stable = variant->ready_since != Instant{} && now - variant->ready_since > kStable;
    {
        std::lock_guard lock(state_mutex_);
        variant->replicas.erase(workload_id);
        if (ready_count(*variant) == 0) variant->ready_since = {};
    }
    if (variant->row.role == store::Role::retiring) return;
    // Somebody stopped it by hand: that is no fault of the model's, another takes its place.
    bool stopped = state == compute::WorkloadState::stopped;
    auto failure = reason.empty() ? std::string("the replica ended by itself") : reason;
    if (!stopped && !variant->row.was_ready) {
        give_up(*variant, failure);
        return;
    }
    if (was_stable) variant->crashes = 0;
    if (!stopped) ++variant->crashes;
    if (variant->crashes > options_.crashes_max) {
        give_up(*variant, fmt::format("ended {} times in a row, the last time: {}",
                                      variant->crashes, failure));
        return;
    }
    auto pause = options_.restart_pause * (1 << std::clamp(variant->crashes - 1, 0, 10));
    variant->start_after = now + std::min<std::chrono::milliseconds>(pause, kRestartPauseMax);
    std::lock_guard lock(state_mutex_);
    variant->last_failure = failure;
}

void Controller::give_up(Variant& variant, const std::string& reason) {
    database_.write([&](sql::Connection& connection) {
        store::set_failure(connection, variant.row.id, reason);
    });
    std::lock_guard lock(state_mutex_);
    variant.row.failure = reason;
}

std::int64_t Controller::ready_count(const Variant& variant) {
    return std::ranges::count_if(variant.replicas, [](auto& entry) { return entry.second.ready; });
}

void Controller::reconcile(Managed& endpoint) {
    std::vector<std::string> ids;
    for (const auto& [id, variant] : endpoint.variants) ids.push_back(id);
    for (const auto& id : ids) reconcile(endpoint, endpoint.variants.at(id));
    for (const auto& id : ids) {
        auto& variant = endpoint.variants.at(id);
        if (variant.row.role != store::Role::retiring || !variant.replicas.empty()) continue;
        database_.write(
            [&](sql::Connection& connection) { store::remove_variant(connection, id); });
        std::lock_guard lock(state_mutex_);
        endpoint.variants.erase(id);
    }
    if (endpoint.row.deleting && endpoint.variants.empty()) {
        auto id = endpoint.row.id;
        database_.write(
            [&](sql::Connection& connection) { store::remove_endpoint(connection, id); });
        std::lock_guard lock(state_mutex_);
        endpoints_.erase(id);
        return;
    }
    publish(endpoint);
}

void Controller::reconcile(Managed& endpoint, Variant& variant) {
    auto now = Clock::now();
    if (variant.row.role == store::Role::retiring || !variant.row.failure.empty()) {
        stop_replicas(endpoint, variant);
        return;
    }
    while (std::ssize(variant.replicas) < variant.row.replicas) {
        if (now < variant.start_after) {
            wake_at(variant.start_after);
            break;
        }
        start_replica(endpoint, variant);
    }
    for (auto& [workload_id, replica] : variant.replicas) {
        if (!replica.running || replica.ready || replica.probing) continue;
        if (now < replica.next_probe)
            wake_at(replica.next_probe);
        else
            probe(endpoint.row.id, variant.row.id, workload_id, replica);
    }
    if (variant.row.role == store::Role::next && ready_count(variant) >= variant.row.replicas)
        promote(endpoint, variant);
}

void Controller::start_replica(Managed& endpoint, Variant& variant) {
    compute::Submission submission;
    submission.project = endpoint.row.project;
    submission.user = endpoint.row.user;
    submission.name = endpoint.row.name;
    submission.kind = compute::WorkloadKind::endpoint_replica;
    submission.command = options_.command(endpoint.row, variant.row);
    submission.environment = variant.row.environment;
    submission.resources = variant.row.resources;
    submission.private_data.text = to_json(ReplicaData{variant.row.id});
    try {
        auto workload = compute_.submit(submission);
        std::lock_guard lock(state_mutex_);
        variant.replicas.try_emplace(workload.job.id);
    } catch (const Error& error) {
        // What is wrong with the request stays wrong; a full disk or a busy database may not.
        bool lasting = error.code() == ErrorCode::invalid_argument ||
                       error.code() == ErrorCode::not_found ||
                       error.code() == ErrorCode::failed_precondition;
        if (lasting) give_up(variant, error.message());
        variant.start_after = Clock::now() + 1s;
        throw;
    }
}

void Controller::stop_replicas(Managed& endpoint, Variant& variant) {
    for (auto& [workload_id, replica] : variant.replicas) {
        if (replica.stopping) continue;
        auto now = Clock::now();
        if (replica.leaves_at == Instant{}) replica.leaves_at = now + kDrainMax;
        if (replica.ready && now < replica.leaves_at &&
            endpoint.gate->is_busy(pinned_socket(replica.folder).native())) {
            wake_at(now + kDrainPause);
            continue;
        }
        auto reason = endpoint.row.deleting
                          ? fmt::format("the endpoint {} was deleted", endpoint.row.name)
                      : variant.row.failure.empty() ? "another model took its place"
                                                    : "the endpoint has failed";
        compute_.stop_workload(endpoint.row.project.id, workload_id, reason);
        std::lock_guard lock(state_mutex_);
        replica.stopping = true;
    }
}

void Controller::promote(Managed& endpoint, Variant& next) {
    std::vector<Variant*> old;
    for (auto& [id, variant] : endpoint.variants)
        if (variant.row.role == store::Role::serving) old.push_back(&variant);
    database_.write([&](sql::Connection& connection) {
        for (auto* variant : old)
            store::set_role(connection, variant->row.id, store::Role::retiring);
        store::set_role(connection, next.row.id, store::Role::serving);
    });
    {
        std::lock_guard lock(state_mutex_);
        for (auto* variant : old) variant->row.role = store::Role::retiring;
        next.row.role = store::Role::serving;
    }
    // Requests go to the new replicas before the old ones are told to end.
    publish(endpoint);
    for (auto* variant : old) stop_replicas(endpoint, *variant);
}

void Controller::publish(Managed& endpoint) {
    wake_at(endpoint.gate->expire(Clock::now()));
    if (endpoint.row.deleting) return;
    std::vector<std::string> sockets;
    for (const auto& [id, variant] : endpoint.variants) {
        if (variant.row.role != store::Role::serving) continue;
        for (const auto& [workload_id, replica] : variant.replicas)
            if (replica.ready) sockets.push_back(pinned_socket(replica.folder));
    }
    auto now = status(endpoint);
    endpoint.gate->update(now.state, now.reason, sockets);
}

void Controller::probe(const std::string& endpoint_id, const std::string& variant_id,
                       const std::string& workload_id, Replica& replica) {
    replica.probing = true;
    ++replica.probes;
    probes_.push([this, endpoint_id, variant_id, workload_id, folder = replica.folder] {
        bool ready = false;
        try {
            ready = is_ready(folder);
        } catch (const Error& error) {
            log::error("serving: workload {}: {}", workload_id, error.message());
        }
        post([this, endpoint_id, variant_id, workload_id, ready] {
            on_probe(endpoint_id, variant_id, workload_id, ready);
        });
    });
}

void Controller::on_probe(const std::string& endpoint_id, const std::string& variant_id,
                          const std::string& workload_id, bool ready) {
    auto endpoint = endpoints_.find(endpoint_id);
    if (endpoint == endpoints_.end()) return;
    auto found = endpoint->second.variants.find(variant_id);
    if (found == endpoint->second.variants.end() || !found->second.replicas.contains(workload_id))
        return;
    auto& variant = found->second;
    auto& replica = variant.replicas.at(workload_id);
    auto now = Clock::now();
    replica.probing = false;
    replica.next_probe = now + probe_pause(replica.probes, now - replica.running_since);
    if (!ready) return;
    if (!variant.row.was_ready)
        database_.write(
            [&](sql::Connection& connection) { store::set_ready(connection, variant_id); });
    std::lock_guard lock(state_mutex_);
    variant.row.was_ready = true;
    replica.ready = true;
    if (variant.ready_since == Instant{}) variant.ready_since = now;
}

EndpointStatus Controller::status(const Managed& endpoint) const {
    EndpointStatus status{.endpoint = endpoint.row};
    const Variant *serving = nullptr, *next = nullptr;
    for (const auto& [id, variant] : endpoint.variants) {
        if (variant.row.role == store::Role::retiring) continue;
        bool is_next = variant.row.role == store::Role::next;
        (is_next ? next : serving) = &variant;
        EndpointVariant shown{.model = variant.row.model,
                              .version = variant.row.version,
                              .weight = is_next ? 0 : 100,
                              .replicas = variant.row.replicas,
                              .replicas_ready = ready_count(variant)};
        for (const auto& [workload_id, replica] : variant.replicas)
            shown.workload_ids.push_back(workload_id);
        status.variants.push_back(std::move(shown));
    }
    const auto* shown = serving != nullptr ? serving : next;
    if (shown != nullptr) {
        status.signature = shown->row.signature;
        status.input_example = shown->row.input_example;
    }
    auto named = [](const Variant& variant) {
        return fmt::format("{} version {}", variant.row.model, variant.row.version);
    };
    bool next_failed = next != nullptr && !next->row.failure.empty();
    if (serving != nullptr && ready_count(*serving) > 0) {
        status.state = EndpointState::ready;
        if (next_failed)
            status.reason =
                fmt::format("{} could not take its place: {}", named(*next), next->row.failure);
        else if (next != nullptr)
            status.reason = fmt::format("{} is starting to take its place", named(*next));
    } else if (next != nullptr && !next_failed) {
        status.reason = fmt::format("{} is starting", named(*next));
    } else if (serving != nullptr && !serving->row.failure.empty()) {
        status.state = EndpointState::failed;
        status.reason = serving->row.failure;
    } else if (serving != nullptr) {
        status.reason = fmt::format("{} is starting", named(*serving));
        if (!serving->last_failure.empty())
            status.reason += fmt::format(" again; before that: {}", serving->last_failure);
    }
    return status;
}

std::vector<EndpointStatus> Controller::list(std::string_view project_id) const {
    std::vector<EndpointStatus> statuses;
    std::lock_guard lock(state_mutex_);
    for (const auto& [id, endpoint] : endpoints_) {
        if (endpoint.row.deleting || endpoint.row.project.id != project_id) continue;
        statuses.push_back(status(endpoint));
        statuses.back().statistics = endpoint.gate->statistics();
    }
    std::ranges::sort(statuses, {}, [](auto& entry) { return entry.endpoint.name; });
    return statuses;
}

}  // namespace maru::serving
