#include "net/upstream_pool.hpp"

namespace maru::net {

namespace {

constexpr std::size_t kIdlePerTargetMax = 64;
// Below what servers keep idle connections for (uvicorn: 5 s), so that few prove to be closed.
constexpr std::chrono::seconds kIdleTime{4};

}  // namespace

std::unique_ptr<Stream> UpstreamPool::take(const std::string& key) {
    auto found = idle_.find(key);
    if (found == idle_.end()) return nullptr;
    auto oldest = SteadyClock::now() - kIdleTime;
    while (!found->second.empty()) {
        Idle idle = std::move(found->second.back());
        found->second.pop_back();
        if (idle.since > oldest && !idle.stream->error() && !idle.stream->transport().has_input())
            return std::move(idle.stream);
    }
    return nullptr;
}

void UpstreamPool::put(const std::string& key, std::unique_ptr<Stream> stream) {
    if (closed_) return;
    auto& list = idle_[key];
    if (list.size() >= kIdlePerTargetMax) return;
    list.push_back({std::move(stream), SteadyClock::now()});
    if (!armed_) arm();
}

void UpstreamPool::close() {
    closed_ = true;
    idle_.clear();
    timer_.cancel();
}

void UpstreamPool::arm() {
    armed_ = true;
    timer_.expires_after(kIdleTime);
    timer_.async_wait([this](const boost::system::error_code& error) {
        armed_ = false;
        if (!error) purge();
    });
}

void UpstreamPool::purge() {
    auto oldest = SteadyClock::now() - kIdleTime;
    for (auto& [key, list] : idle_)
        std::erase_if(list, [&](const Idle& idle) { return idle.since <= oldest; });
    std::erase_if(idle_, [](const auto& entry) { return entry.second.empty(); });
    if (!idle_.empty()) arm();
}

}  // namespace maru::net
