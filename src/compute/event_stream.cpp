#include "compute/event_stream.hpp"

#include "base/json.hpp"
#include "compute/store.hpp"

namespace maru::compute {
namespace {

constexpr std::int64_t kBatch = 1000;

}  // namespace

std::string EventStream::format(const Event& event) {
    return net::format_event(std::to_string(event.number), "event", to_json(event));
}

void EventStream::subscribe(std::string project_id, std::int64_t after,
                            std::shared_ptr<net::Channel> channel) {
    std::lock_guard lock(mutex_);
    auto last = database_.read([](sql::Connection& c) { return store::last_event_number(c); });
    if (published_ < 0) published_ = last;
    if (after >= 0) {
        // Up to what has been published; the rest comes to all subscribers alike.
        std::int64_t position = after;
        while (position < published_ && channel->is_open()) {
            auto events = database_.read([&](sql::Connection& c) {
                return store::events_after(c, position, project_id, "", kBatch);
            });
            if (events.empty()) break;
            for (const auto& [unused, event] : events) {
                if (event.number > published_) break;
                channel->push(format(event));
            }
            position = events.back().event.number;
        }
    }
    // Opens the stream at the client's side even where nothing happens for long.
    channel->push(": ready\n\n");
    subscribers_.push_back({std::move(project_id), std::move(channel)});
}

void EventStream::publish() {
    std::lock_guard lock(mutex_);
    std::erase_if(subscribers_,
                  [](const Subscriber& subscriber) { return !subscriber.channel->is_open(); });
    if (subscribers_.empty()) {
        published_ = -1;
        return;
    }
    while (true) {
        auto events = database_.read(
            [&](sql::Connection& c) { return store::events_after(c, published_, "", "", kBatch); });
        for (const auto& [project_id, event] : events) {
            std::string text = format(event);
            for (const auto& subscriber : subscribers_)
                if (subscriber.project_id == project_id) subscriber.channel->push(text);
            published_ = event.number;
        }
        if (events.size() < static_cast<std::size_t>(kBatch)) return;
    }
}

void EventStream::close() {
    std::lock_guard lock(mutex_);
    for (const auto& subscriber : subscribers_) subscriber.channel->close();
    subscribers_.clear();
}

}  // namespace maru::compute
