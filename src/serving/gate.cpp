#include "serving/gate.hpp"

#include <algorithm>

namespace maru::serving {

namespace {

// What the protocols need. A model's code is its author's, and its answers come from the portal's
// origin: it must not set cookies there, send people elsewhere, or let other sites read.
constexpr std::string_view kAnswerFields =
    "Content-Type, Content-Encoding, Inference-Header-Content-Length, Retry-After";

}  // namespace

void Gate::forward(std::string target, net::Responder responder, const WriteError& write_error) {
    Waiting waiting{std::move(target), std::move(responder), write_error, {}};
    std::unique_lock lock(mutex_);
    if (auto replica = choose()) {
        lock.unlock();
        waiting.responder(proxied(replica, std::move(waiting.target)));
        return;
    }
    std::optional<Error> refusal;
    if (closed_)
        refusal = Error(ErrorCode::not_found, fmt::format("the endpoint {} was deleted", name_));
    else if (state_ == EndpointState::failed)
        refusal = Error(ErrorCode::unavailable,
                        fmt::format("the endpoint {} has failed: {}", name_, reason_));
    else if (waiting_.size() >= options_.waiting_max)
        refusal = Error(
            ErrorCode::unavailable,
            fmt::format("{} requests wait already until the endpoint {} is ready; try again later",
                        waiting_.size(), name_));
    if (refusal) {
        lock.unlock();
        refuse(std::move(waiting), *refusal);
        return;
    }
    waiting.deadline = std::chrono::steady_clock::now() + options_.wait_max;
    bool first = waiting_.empty();
    waiting_.push_back(std::move(waiting));
    lock.unlock();
    if (first && on_waiting_) on_waiting_();
}

std::shared_ptr<Gate::Replica> Gate::choose() {
    std::shared_ptr<Replica> best;
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
        // Beginning at another one each time, so that idle replicas take turns.
        const auto& replica = replicas_[(turn_ + i) % replicas_.size()];
        if (!best || replica->in_flight.load() < best->in_flight.load()) best = replica;
    }
    ++turn_;
    if (best) ++best->in_flight;
    return best;
}

net::Response Gate::proxied(const std::shared_ptr<Replica>& replica, std::string target) {
    net::ProxyBody proxy;
    proxy.unix_socket = replica->socket;
    proxy.target = std::move(target);
    // The caller's credentials are the platform's business: the model's code must not see them.
    for (const char* secret : {"Authorization", "Cookie", "X-CSRF-Token"})
        proxy.set_headers.set(secret, "");
    proxy.may_upgrade = false;
    proxy.answer_fields = kAnswerFields;
    // Nor run scripts there, should a browser be led to show an answer as a page.
    proxy.answer_headers.set("Content-Security-Policy", "sandbox; default-src 'none'");
    proxy.answer_headers.set("X-Content-Type-Options", "nosniff");
    proxy.done = [self = shared_from_this(), replica](unsigned status, std::int64_t latency_us) {
        --replica->in_flight;
        self->record(status, latency_us);
    };
    net::Response response;
    response.body = std::move(proxy);
    return response;
}

void Gate::record(unsigned status, std::int64_t latency_us) {
    ++requests_;
    if (status >= 500) ++errors_;
    latencies_.record(latency_us);
}

void Gate::refuse(Waiting waiting, const Error& error) {
    ++requests_;
    ++errors_;
    auto response = waiting.write_error(error);
    if (error.code() == ErrorCode::unavailable) response.headers.set("Retry-After", "1");
    waiting.responder(std::move(response));
}

void Gate::update(EndpointState state, const std::string& reason,
                  const std::vector<std::string>& sockets) {
    std::vector<std::pair<Waiting, std::shared_ptr<Replica>>> ready;
    std::deque<Waiting> refused;
    {
        std::lock_guard lock(mutex_);
        state_ = state;
        reason_ = reason;
        std::vector<std::shared_ptr<Replica>> replicas;
        std::erase_if(leaving_, [](auto& replica) { return replica->in_flight == 0; });
        for (const auto& replica : replicas_)
            if (std::ranges::find(sockets, replica->socket) == sockets.end())
                leaving_.push_back(replica);
        for (const auto& socket : sockets) {
            auto known = std::find_if(replicas_.begin(), replicas_.end(),
                                      [&](auto& replica) { return replica->socket == socket; });
            replicas.push_back(known != replicas_.end() ? *known
                                                        : std::make_shared<Replica>(socket));
        }
        replicas_ = std::move(replicas);
        while (!replicas_.empty() && !waiting_.empty()) {
            ready.emplace_back(std::move(waiting_.front()), choose());
            waiting_.pop_front();
        }
        if (state == EndpointState::failed) refused.swap(waiting_);
    }
    for (auto& [waiting, replica] : ready)
        waiting.responder(proxied(replica, std::move(waiting.target)));
    for (auto& waiting : refused)
        refuse(std::move(waiting),
               Error(ErrorCode::unavailable,
                     fmt::format("the endpoint {} has failed: {}", name_, reason)));
}

Gate::Instant Gate::expire(Instant now) {
    std::deque<Waiting> late;
    Instant next = Instant::max();
    {
        std::lock_guard lock(mutex_);
        while (!waiting_.empty() && waiting_.front().deadline <= now) {
            late.push_back(std::move(waiting_.front()));
            waiting_.pop_front();
        }
        if (!waiting_.empty()) next = waiting_.front().deadline;
    }
    for (auto& waiting : late)
        refuse(std::move(waiting), Error(ErrorCode::unavailable,
                                         fmt::format("the endpoint {} did not become ready in {} s",
                                                     name_, options_.wait_max.count() / 1000)));
    return next;
}

void Gate::close() {
    std::deque<Waiting> refused;
    {
        std::lock_guard lock(mutex_);
        closed_ = true;
        leaving_.insert(leaving_.end(), replicas_.begin(), replicas_.end());
        replicas_.clear();
        refused.swap(waiting_);
    }
    for (auto& waiting : refused)
        refuse(std::move(waiting),
               Error(ErrorCode::not_found, fmt::format("the endpoint {} was deleted", name_)));
}

bool Gate::is_busy(std::string_view socket) const {
    std::lock_guard lock(mutex_);
    return std::ranges::any_of(leaving_, [&](auto& replica) {
        return replica->socket == socket && replica->in_flight > 0;
    });
}

bool Gate::is_ready() const {
    std::lock_guard lock(mutex_);
    return !replicas_.empty();
}

Gate::Statistics Gate::statistics() const {
    return {.requests = requests_.load(),
            .errors = errors_.load(),
            .latency_ms = {.p50 = latencies_.quantile_ms(0.5),
                           .p90 = latencies_.quantile_ms(0.9),
                           .p99 = latencies_.quantile_ms(0.99)}};
}

std::shared_ptr<Gate> RoutingTable::find(std::string_view project_id, std::string_view name) const {
    auto gates = gates_.load();
    auto project = gates->find(project_id);
    if (project == gates->end()) return nullptr;
    auto found = project->second.find(name);
    return found == project->second.end() ? nullptr : found->second;
}

void RoutingTable::set(const std::string& project_id, const std::string& name,
                       std::shared_ptr<Gate> gate) {
    auto changed = std::make_shared<Gates>(*gates_.load());
    (*changed)[project_id][name] = std::move(gate);
    gates_.store(std::move(changed));
}

void RoutingTable::remove(const std::string& project_id, const std::string& name) {
    auto changed = std::make_shared<Gates>(*gates_.load());
    (*changed)[project_id].erase(name);
    gates_.store(std::move(changed));
}

std::vector<std::string> RoutingTable::names(std::string_view project_id) const {
    std::vector<std::string> names;
    auto gates = gates_.load();
    auto project = gates->find(project_id);
    if (project == gates->end()) return names;
    for (const auto& [name, gate] : project->second) names.push_back(name);
    return names;
}

}  // namespace maru::serving
