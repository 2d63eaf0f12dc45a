#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/task_queue.hpp"
#include "compute/service.hpp"
#include "serving/gate.hpp"
#include "serving/store.hpp"
#include "sql/database.hpp"

namespace maru::serving {

struct ControllerOptions {
    /// The command of a replica, given what it is a replica of.
    std::function<std::vector<std::string>(const store::Endpoint&, const store::Variant&)> command;
    Gate::Options gate;
    std::chrono::milliseconds restart_pause{
        500};             // after a crash; doubles with each in a row, up to 30 s
    int crashes_max = 5;  // in a row, before an endpoint counts as failed
};

/// What an endpoint is at one moment, for people.
struct EndpointStatus {
    store::Endpoint endpoint;
    EndpointState state = EndpointState::starting;
    std::string reason;
    std::vector<EndpointVariant> variants;
    Json input_example, signature;
    Gate::Statistics statistics;
};

/// Keeps every endpoint's replicas running and its door (gate.hpp) up to date: starts workloads,
/// asks them whether they are ready, switches to a new variant once all of its replicas are, starts
/// again what ended.
///
/// Lifetime: start() takes up what the tables say and runs; stop() leaves the replicas running.
/// Threads: one of its own does all of it, in the order in which things come; public functions from
/// any.
class Controller {
  public:
    Controller(sql::Database& database, compute::Service& compute, RoutingTable& routes,
               ControllerOptions options);
    ~Controller();
    void start();
    void stop();

    /// Takes up what was written about an endpoint (a new one, a new variant, its deletion), and
    /// returns once it is under way. Throws what submitting its workloads threw, once.
    void adopt(const std::string& endpoint_id);
    /// A replica's workload runs, or has ended. Never blocks.
    void on_workload(const compute::Workload& workload, const compute::Event& event);

    std::vector<EndpointStatus> list(std::string_view project_id) const;

  private:
    using Clock = std::chrono::steady_clock;
    using Instant = Clock::time_point;
    struct Replica {
        std::filesystem::path folder;  // once it runs
        bool running = false, ready = false, stopping = false, probing = false;
        int probes = 0;
        Instant running_since{}, next_probe{};
        Instant leaves_at{};  // at the latest
    };
    struct Variant {
        store::Variant row;
        std::map<std::string, Replica> replicas;  // by workload
        int crashes = 0;
        Instant start_after{}, ready_since{};
        std::string last_failure;
    };
    struct Managed {
        store::Endpoint row;
        std::shared_ptr<Gate> gate;
        std::map<std::string, Variant> variants;  // by id: oldest first
    };

    void post(std::function<void()> command);
    void run();
    void load(const store::Record& record);
    void reconcile(Managed& endpoint);
    void reconcile(Managed& endpoint, Variant& variant);
    void start_replica(Managed& endpoint, Variant& variant);
    void stop_replicas(Managed& endpoint, Variant& variant);
    void promote(Managed& endpoint, Variant& next);
    void give_up(Variant& variant, const std::string& reason);
    void publish(Managed& endpoint);
    void probe(const std::string& endpoint_id, const std::string& variant_id,
               const std::string& workload_id, Replica& replica);
    void on_probe(const std::string& endpoint_id, const std::string& variant_id,
                  const std::string& workload_id, bool ready);
    void on_running(const std::string& variant_id, const std::string& workload_id,
                    const std::filesystem::path& folder);
    void on_ended(const std::string& variant_id, const std::string& workload_id,
                  compute::WorkloadState state, const std::string& reason);
    std::pair<Managed*, Variant*> find_variant(const std::string& variant_id);
    static std::int64_t ready_count(const Variant& variant);
    void wake_at(Instant instant) { next_wake_ = std::min(next_wake_, instant); }
    EndpointStatus status(const Managed& endpoint) const;

    sql::Database& database_;
    compute::Service& compute_;
    RoutingTable& routes_;
    const ControllerOptions options_;

    std::mutex queue_mutex_;
    std::condition_variable queued_;
    std::deque<std::function<void()>> commands_;
    bool stopping_ = false;

    // Written by the controller's thread only, under the lock; read by it without, by others with.
    mutable std::mutex state_mutex_;
    std::map<std::string, Managed> endpoints_;
    Instant next_wake_ = Instant::max();
    TaskQueue probes_{2};
    std::thread thread_;
};

/// What a replica's workload keeps of its endpoint.
struct ReplicaData {
    std::string variant_id;
};
BOOST_DESCRIBE_STRUCT(ReplicaData, (), (variant_id))

}  // namespace maru::serving
