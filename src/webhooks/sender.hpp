#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "base/task_queue.hpp"
#include "base/time.hpp"
#include "http/client.hpp"
#include "sql/database.hpp"
#include "webhooks/outbox.hpp"

namespace maru::webhooks {

/// A request to a receiver, before it has headers.
struct Letter {
    std::string url, delivery_id, body;
    std::string secret;  // empty: not signed
};

/// Sends what waits in the outbox, at least once each: what was sent but not yet written down when
/// the server died is sent again, under the same id.
///
/// One request at a time to a webhook, a few webhooks at once: one that answers slowly holds a
/// thread, and nothing of others. A receiver that does not answer at all is left alone for a
/// while, longer each time, a minute at most.
///
/// Lifetime: `start`, then `stop`, which ends requests that are under way. Threads: any.
class Sender {
  public:
    /// Makes a delivery's letter; throws Error for one that can't be sent.
    using Write = std::function<Letter(const outbox::Parcel&)>;

    /// Why a URL may not lead to an address, or nothing.
    using Check =
        std::function<std::optional<std::string>(const std::string& url, const http::Address&)>;

    Sender(sql::Database& database, const Clock& clock, Write write, Check check,
           std::filesystem::path ca_file);
    ~Sender() { stop(); }
    void start();
    void stop();
    /// Something was put into the outbox; may be called before its transaction ends.
    void wake();
    /// Sends one letter now, on this thread.
    http::Answer send(const Letter& letter, std::chrono::milliseconds time_max);

  private:
    using Moment = std::chrono::steady_clock::time_point;
    struct Rest {
        int silences = 0;  // one after the other
        Moment until{};
    };

    void run();
    /// Hands out what is due; returns how long until the next is.
    std::chrono::milliseconds hand_out();
    void deliver(std::int64_t webhook);
    void attempt(std::int64_t webhook);
    void note_silence(std::int64_t webhook, bool silent);

    sql::Database& database_;
    const Clock& clock_;
    const Write write_;
    const Check check_;
    http::Client http_;

    std::mutex mutex_;
    std::condition_variable changed_;
    bool woken_ = true;                     // guarded by mutex_
    std::set<std::int64_t> busy_;           // webhooks with a request under way; guarded by mutex_
    std::map<std::int64_t, Rest> resting_;  // guarded by mutex_
    std::atomic<bool> stopping_ = false;
    std::optional<TaskQueue> tasks_;
    std::thread thread_;
};

}  // namespace maru::webhooks
