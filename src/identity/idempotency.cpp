#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "identity/audit_scope.hpp"
#include "identity/state.hpp"

namespace maru::identity {

namespace {

constexpr std::size_t kKeyBytesMax = 255;
constexpr std::size_t kAnswerBytesMax = 1 << 20;

struct StoredAnswer {
    std::string operation, request_sha256;
    std::optional<std::int64_t> status;
    std::optional<std::string> content_type, text;
};

void check_key(std::string_view key) {
    bool good = key.size() <= kKeyBytesMax;
    for (char c : key) good = good && c > ' ' && c <= '~';
    if (!good)
        fail(ErrorCode::invalid_argument,
             "the Idempotency-Key must be 1 to {} printable ASCII characters without spaces, such "
             "as "
             "a UUID",
             kKeyBytesMax);
}

/// A key that this process is working on, so that two requests with it don't run side by side.
class RunningKey {
  public:
    RunningKey(std::mutex& mutex, std::set<std::string>& keys, std::string key)
        : mutex_(mutex), keys_(keys), key_(std::move(key)) {
        std::lock_guard lock(mutex_);
        if (!keys_.insert(key_).second)
            fail(ErrorCode::aborted,
                 "a request with this Idempotency-Key is being worked on; ask again in a moment");
    }
    ~RunningKey() {
        std::lock_guard lock(mutex_);
        keys_.erase(key_);
    }
    RunningKey(const RunningKey&) = delete;
    RunningKey& operator=(const RunningKey&) = delete;

  private:
    std::mutex& mutex_;
    std::set<std::string>& keys_;
    std::string key_;
};

net::Response replay(const StoredAnswer& stored, std::string_view operation,
                     std::string_view request_digest) {
    if (stored.operation != operation || stored.request_sha256 != request_digest)
        fail(ErrorCode::failed_precondition,
             "this Idempotency-Key was used for another request ({}); use a new key for each",
             stored.operation);
    if (!stored.status || !stored.text)
        fail(
            ErrorCode::aborted,
            "a request with this Idempotency-Key was accepted before, but its answer was not kept; "
            "look whether what it creates exists");
    return net::Response::text(*stored.text, static_cast<unsigned>(*stored.status),
                               stored.content_type.value_or("application/json"));
}

/// Secrets are told once and not kept.
bool may_be_kept(const net::Response& response) {
    const auto* text = std::get_if<std::string>(&response.body);
    return text != nullptr && text->size() <= kAnswerBytesMax && is_utf8(*text) &&
           !response.headers.has("Set-Cookie") &&
           response.headers.get("Cache-Control").find("no-store") == std::string_view::npos;
}

}  // namespace

net::Response Service::idempotent(const api::Context& context, std::string_view key,
                                  std::string_view operation, std::string_view request_digest,
                                  const std::function<net::Response()>& call) {
    if (key.empty() || context.user_id.empty()) return call();
    check_key(key);
    State& state = *state_;
    RunningKey running(state.idempotency_mutex, state.idempotency_running,
                       context.user_id + '\n' + std::string(key));
    const Time now = state.clock.now();
    const Time oldest = now - state.options.idempotency_age_max;
    auto stored = state.database.read([&](sql::Connection& connection) {
        return connection.first(
            "SELECT operation, request_sha256, status, content_type, response FROM "
            "idempotency_keys "
            "WHERE user_id = $1 AND idempotency_key = $2 AND created_at > $3",
            {context.user_id, key, oldest}, [](const sql::Row& row) {
                return StoredAnswer{row.string(0), row.string(1), row.optional_integer(2),
                                    row.optional_string(3), row.optional_string(4)};
            });
    });
    if (stored) return replay(*stored, operation, request_digest);

    bool inserted = false;
    HookSwitch hook_switch;
    sql::ScopedWriteHook hook([&](sql::Connection& connection) {
        if (!hook_switch.on()) return;
        connection.execute(
            "DELETE FROM idempotency_keys WHERE user_id = $1 AND idempotency_key = $2",
            {context.user_id, key});
        connection.execute(
            "INSERT INTO idempotency_keys (user_id, idempotency_key, operation, request_sha256, "
            "created_at) VALUES ($1, $2, $3, $4, $5)",
            {context.user_id, key, operation, request_digest, now});
        inserted = true;
    });
    net::Response response = call();
    if (!inserted || !hook.ran() || !may_be_kept(response)) return response;
    try {
        state.database.write([&](sql::Connection& connection) {
            connection.execute(
                "UPDATE idempotency_keys SET status = $3, content_type = $4, response = $5 "
                "WHERE user_id = $1 AND idempotency_key = $2",
                {context.user_id, key, static_cast<std::int64_t>(response.status),
                 response.headers.get("Content-Type"), std::get<std::string>(response.body)});
        });
    } catch (const Error& error) {
        // The change itself is made and durable; a replay will be told that the answer was not
        // kept.
        log::warning("cannot keep the answer of {} for its Idempotency-Key: {}", operation,
                     error.message());
    }
    return response;
}

}  // namespace maru::identity
