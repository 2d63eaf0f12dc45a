#include "webhooks/sender.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "webhooks/schedule.hpp"
#include "webhooks/signature.hpp"

namespace maru::webhooks {
namespace {

constexpr int kThreads = 16;
constexpr std::chrono::seconds kTimeMax{30};
constexpr std::chrono::minutes kIdle{10};
constexpr std::chrono::seconds kAfterFailure{5};
constexpr std::chrono::seconds kLongestRest{60};
/// What is kept of an answer; a receiver has nothing to say but its status.
constexpr std::size_t kAnswerBytesMax = 16 << 10;

double chance() {
    thread_local std::minstd_rand random(std::random_device{}());
    return std::uniform_real_distribution<double>(0, 1)(random);
}

}  // namespace

Sender::Sender(sql::Database& database, const Clock& clock, Write write, Check check,
               std::filesystem::path ca_file)
    : database_(database),
      clock_(clock),
      write_(std::move(write)),
      check_(std::move(check)),
      http_(std::move(ca_file)) {}

void Sender::start() {
    tasks_.emplace(kThreads);
    thread_ = std::thread([this] { run(); });
}

void Sender::stop() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
    if (tasks_) tasks_->stop();
}

void Sender::wake() {
    {
        std::lock_guard lock(mutex_);
        woken_ = true;
    }
    changed_.notify_all();
}

void Sender::run() {
    while (!stopping_) {
        {
            std::lock_guard lock(mutex_);
            woken_ = false;
        }
        std::chrono::milliseconds pause = kAfterFailure;
        try {
            pause = hand_out();
        } catch (...) {
            log::error("looking for webhooks' deliveries failed: {}",
                       log::current_exception_message());
        }
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, pause, [this] { return stopping_ || woken_; });
    }
}

std::chrono::milliseconds Sender::hand_out() {
    // A write, though it changes nothing: it comes after the one in which wake was called.
    auto all = database_.write([](sql::Connection& connection) { return outbox::due(connection); });
    Time now = clock_.now();
    auto moment = std::chrono::steady_clock::now();
    std::chrono::milliseconds pause = kIdle;
    std::lock_guard lock(mutex_);
    for (const auto& one : all) {
        if (busy_.contains(one.webhook)) continue;  // wakes this when it is done
        auto wait = std::max<std::chrono::milliseconds>(one.at - now, std::chrono::milliseconds(0));
        if (auto rest = resting_.find(one.webhook); rest != resting_.end())
            wait = std::max(
                wait, std::chrono::ceil<std::chrono::milliseconds>(rest->second.until - moment));
        if (wait.count() > 0) {
            pause = std::min(pause, wait);
            continue;
        }
        busy_.insert(one.webhook);
        tasks_->push([this, webhook = one.webhook] { deliver(webhook); });
    }
    return pause;
}

void Sender::note_silence(std::int64_t webhook, bool silent) {
    std::lock_guard lock(mutex_);
    if (!silent) {
        resting_.erase(webhook);
        return;
    }
    Rest& rest = resting_[webhook];
    rest.silences = std::min(rest.silences + 1, 10);
    auto pause = std::min<std::chrono::milliseconds>(kLongestRest,
                                                     kFirstPause * (1 << (rest.silences - 1)) / 2);
    rest.until = std::chrono::steady_clock::now() + pause;
}

void Sender::deliver(std::int64_t webhook) {
    struct Done {
        Sender& sender;
        std::int64_t webhook;
        ~Done() {
            {
                std::lock_guard lock(sender.mutex_);
                sender.busy_.erase(webhook);
            }
            sender.wake();
        }
    } done{*this, webhook};
    try {
        attempt(webhook);
    } catch (...) {
        // Of what could not be written down nothing is sent again at once.
        note_silence(webhook, true);
        throw;
    }
}

void Sender::attempt(std::int64_t webhook) {
    auto parcel = database_.read([&](sql::Connection& connection) {
        return outbox::first_due(connection, webhook, clock_.now());
    });
    if (!parcel) return;
    Time began = clock_.now();
    Outcome outcome;
    try {
        http::Answer answer = send(write_(*parcel), kTimeMax);
        if (answer.was_cancelled) return;
        outcome = judge(answer, parcel->attempts + 1, chance());
    } catch (const Error& error) {
        outcome.state = DeliveryState::failed;
        outcome.error = error.message();
    }
    note_silence(webhook, outcome.silent);
    if (outcome.state == DeliveryState::failed)
        log::warning("webhook {} did not get delivery {} ({}): {}", parcel->webhook_id, parcel->id,
                     parcel->event, *outcome.error);
    database_.write([&](sql::Connection& connection) {
        outbox::record(connection, parcel->id, outcome, began, clock_.now());
    });
}

http::Answer Sender::send(const Letter& letter, std::chrono::milliseconds time_max) {
    // The time of this attempt, also where the event is older: receivers refuse old ones, so that
    // nobody sends them again what was overheard.
    std::string timestamp = std::to_string(to_ms(clock_.now()) / 1000);
    http::Request request{
        .method = "POST",
        .url = letter.url,
        .headers = {"Content-Type: application/json", "User-Agent: maru",
                    "X-MLflow-Delivery-Id: " + letter.delivery_id,
                    "X-MLflow-Timestamp: " + timestamp},
        .body = letter.body,
        .answer_bytes_max = kAnswerBytesMax,
        .silence_max = std::chrono::ceil<std::chrono::seconds>(time_max),
        .time_max = time_max,
        .check_address =
            [this, &letter](const http::Address& address) { return check_(letter.url, address); },
        .cancelled = [this] { return stopping_.load(); }};
    if (!letter.secret.empty())
        request.headers.push_back("X-MLflow-Signature: " +
                                  sign(letter.secret, letter.delivery_id, timestamp, letter.body));
    return http_.send(request);
}

}  // namespace maru::webhooks
