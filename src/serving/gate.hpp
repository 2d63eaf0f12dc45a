#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "net/http.hpp"
#include "serving/latency.hpp"
#include "serving/types.hpp"

namespace maru::serving {

using WriteError = std::function<net::Response(const Error&)>;

/// The door of one endpoint: hands each request to the replica with the fewest in flight, keeps
/// requests that come while none is ready, counts.
///
/// Lifetime: shared by the routing table and requests in flight. Threads: any; forward() holds a
/// lock for the choice of a replica only.
class Gate : public std::enable_shared_from_this<Gate> {
  public:
    using Instant = std::chrono::steady_clock::time_point;

    struct Options {
        std::size_t waiting_max = 1000;
        std::chrono::milliseconds wait_max{300'000};
    };
    struct Statistics {
        std::int64_t requests = 0, errors = 0;
        LatencyMs latency_ms;
    };

    /// `on_waiting` is called when a first request begins to wait, so that somebody calls expire()
    /// in time.
    Gate(std::string name, Options options, std::function<void()> on_waiting)
        : name_(std::move(name)), options_(options), on_waiting_(std::move(on_waiting)) {}

    /// Sends a request on to `target` (path and query) of a replica, at once or once one is ready;
    /// answers 503 if the endpoint has failed, too many wait, or it waited too long.
    void forward(std::string target, net::Responder responder, const WriteError& write_error);
    /// The replicas that are ready, as paths of their sockets. Sends on what waits, or refuses it
    /// if the state is failed.
    void update(EndpointState state, const std::string& reason,
                const std::vector<std::string>& sockets);
    /// Refuses what has waited too long; returns when to call again.
    Instant expire(Instant now);
    /// Refuses what waits and whatever comes: the endpoint is gone.
    void close();

    /// Whether a replica that gets no new requests any more still has some to answer.
    bool is_busy(std::string_view socket) const;
    bool is_ready() const;
    Statistics statistics() const;

  private:
    struct Replica {
        explicit Replica(std::string path) : socket(std::move(path)) {}
        const std::string socket;
        std::atomic<std::int64_t> in_flight{0};
    };
    struct Waiting {
        std::string target;
        net::Responder responder;
        WriteError write_error;
        Instant deadline;
    };

    std::shared_ptr<Replica> choose();
    net::Response proxied(const std::shared_ptr<Replica>& replica, std::string target);
    void refuse(Waiting waiting, const Error& error);
    void record(unsigned status, std::int64_t latency_us);

    const std::string name_;
    const Options options_;
    const std::function<void()> on_waiting_;
    mutable std::mutex mutex_;
    EndpointState state_ = EndpointState::starting;
    std::string reason_;
    bool closed_ = false;
    std::vector<std::shared_ptr<Replica>> replicas_, leaving_;
    std::size_t turn_ = 0;
    std::deque<Waiting> waiting_;
    std::atomic<std::int64_t> requests_{0}, errors_{0};
    LatencyHistogram latencies_;
};

/// The doors by project and name: an immutable map that is replaced whole, so that a request reads
/// it without waiting for anybody. Threads: any; set and remove from one at a time.
class RoutingTable {
  public:
    std::shared_ptr<Gate> find(std::string_view project_id, std::string_view name) const;
    void set(const std::string& project_id, const std::string& name, std::shared_ptr<Gate> gate);
    void remove(const std::string& project_id, const std::string& name);
    /// Names of a project's endpoints, in order.
    std::vector<std::string> names(std::string_view project_id) const;

  private:
    using Gates = std::map<std::string, std::map<std::string, std::shared_ptr<Gate>, std::less<>>,
                           std::less<>>;
    std::atomic<std::shared_ptr<const Gates>> gates_{std::make_shared<const Gates>()};
};

}  // namespace maru::serving
