#include "webhooks/service.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/text.hpp"
#include "webhooks/outbox.hpp"
#include "webhooks/validation.hpp"

namespace maru::webhooks {
namespace {

constexpr std::int64_t kWebhooksMax = 100;  // of a project: each event is written down for each
constexpr std::size_t kDescriptionMax = 1000, kSecretMax = 1000;
constexpr std::chrono::minutes kTrimEvery{10};
constexpr std::chrono::days kKept{30};
constexpr std::chrono::days kWaitsAtMost{3};
constexpr std::int64_t kKeptMax = 1000;  // of a webhook
/// A test waits on one of the threads that answer requests.
constexpr std::chrono::seconds kTestTimeMax{10};
constexpr int kTestsMax = 4;

constexpr std::string_view kColumns =
    "w.number, w.id, w.name, w.description, w.url, w.events, w.state, w.secret IS NOT NULL, "
    "w.user_name, w.created_at, w.updated_at, (SELECT COUNT(*) FROM webhook_deliveries d WHERE "
    "d.webhook = w.number AND d.state = 'waiting')";

/// Each once and by name, as MLflow's server has them.
std::string joined(const std::vector<std::string>& events) {
    std::set<std::string> sorted(events.begin(), events.end());
    return fmt::format("{}", fmt::join(sorted, " "));
}

std::vector<std::string> separated(std::string_view text) {
    auto parts = split(text, ' ');
    return {parts.begin(), parts.end()};
}

struct Row {
    std::int64_t number = 0;
    Webhook webhook;
};

Row read_webhook(const sql::Row& row) {
    return {row.integer(0),
            {.id = row.string(1),
             .name = row.string(2),
             .description = row.string(3),
             .url = row.string(4),
             .events = separated(row.text(5)),
             .state = enum_from<WebhookState>(row.text(6)).value_or(WebhookState::disabled),
             .has_secret = row.boolean(7),
             .user = row.string(8),
             .created_at = row.time(9),
             .updated_at = row.time(10),
             .waiting = row.integer(11)}};
}

void add_last_delivery(sql::Connection& connection, Row& row) {
    row.webhook.last_delivery = connection.first(
        fmt::format("SELECT {} FROM webhook_deliveries d WHERE d.webhook = $1 AND d.attempted_at "
                    "IS NOT NULL ORDER BY d.attempted_at DESC LIMIT 1",
                    outbox::kDeliveryColumns),
        {row.number}, outbox::read_delivery);
}

Row load(sql::Connection& connection, std::string_view project_id, std::string_view id) {
    auto row = connection.first(
        fmt::format("SELECT {} FROM webhooks w WHERE w.project_id = $1 AND w.id = $2", kColumns),
        {project_id, id}, read_webhook);
    if (!row) fail(ErrorCode::not_found, "Webhook with ID {} not found.", id);
    add_last_delivery(connection, *row);
    return *row;
}

}  // namespace

Service::Service(sql::Database& database, SecretKey key, const Clock& clock,
                 ProjectName project_name, ServiceOptions options)
    : database_(database),
      key_(std::move(key)),
      clock_(clock),
      project_name_(std::move(project_name)),
      options_(std::move(options)),
      sender_(
          database, clock,
          [this](const outbox::Parcel& parcel) {
              const EventKind* kind = find_event(parcel.event);
              auto workspace = project_name_(parcel.project_id);
              if (kind == nullptr || !workspace)
                  fail(ErrorCode::failed_precondition, "{} is no more",
                       kind == nullptr ? "this kind of event" : "the project");
              return Letter{.url = parcel.url,
                            .delivery_id = parcel.id,
                            .body = payload(*kind, parcel.created_at, *workspace, parcel.data),
                            .secret = parcel.sealed_secret
                                          ? key_.open(*parcel.sealed_secret, parcel.webhook_id)
                                          : ""};
          },
          [this](const std::string& url, const http::Address& address) {
              return refusal(options_.networks, url, address);
          },
          options_.ca_file) {}

void Service::start() {
    sender_.start();
}

void Service::stop() {
    sender_.stop();
}

void Service::maintain() {
    Time now = clock_.now();
    if (now < next_trim_) return;
    next_trim_ = now + kTrimEvery;
    database_.write([&](sql::Connection& connection) {
        outbox::trim(connection, now - kWaitsAtMost, now - kKept, kKeptMax);
    });
}

void Service::emit(sql::Connection& connection, const Event& event) {
    auto active = connection.all(
        "SELECT number, events FROM webhooks WHERE project_id = $1 AND state = 'active'",
        {event.project_id},
        [](const sql::Row& row) { return std::pair(row.integer(0), row.string(1)); });
    bool any = false;
    for (const auto& [number, names] : active) {
        auto events = split(names, ' ');
        if (std::ranges::find(events, event.name) == events.end()) continue;
        outbox::add(connection, number, event.name, event.data, clock_.now());
        any = true;
    }
    if (any) sender_.wake();
}

void Service::check(const std::optional<std::string>& name, const std::optional<std::string>& url,
                    const std::optional<std::string>& description,
                    const std::optional<std::string>& secret,
                    const std::optional<std::vector<std::string>>& events) const {
    if (name) check_webhook_name(*name);
    if (url) check_url(*url, options_.networks);
    if (events) check_events(*events);
    if (description) check_text("description", *description, kDescriptionMax);
    if (secret) check_text("secret", *secret, kSecretMax);
}

Webhook Service::create(const std::string& project_id, const NewWebhook& request) {
    check(request.name, request.url, request.description, request.secret, request.events);
    std::string id = new_id();
    std::optional<std::string> sealed;
    if (!request.secret.empty()) sealed = key_.seal(request.secret, id);
    return database_.write([&](sql::Connection& connection) {
        auto count =
            connection.first("SELECT COUNT(*) FROM webhooks WHERE project_id = $1", {project_id},
                             [](const sql::Row& row) { return row.integer(0); });
        if (count.value_or(0) >= kWebhooksMax)
            fail(ErrorCode::resource_exhausted,
                 "the project has {} webhooks, which is the most; delete one", kWebhooksMax);
        connection.execute(
            "INSERT INTO webhooks (number, id, project_id, name, description, url, events, state, "
            "secret, user_name, created_at, updated_at) VALUES ((SELECT COALESCE(MAX(number), 0) "
            "+ 1 FROM webhooks), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)",
            {id, project_id, request.name, request.description, request.url, joined(request.events),
             enum_name(request.state), sealed, request.user, clock_.now()});
        return load(connection, project_id, id).webhook;
    });
}

Webhook Service::get(std::string_view project_id, std::string_view id) {
    return database_.read(
        [&](sql::Connection& connection) { return load(connection, project_id, id).webhook; });
}

Webhook Service::update(std::string_view project_id, std::string_view id,
                        const WebhookChange& change) {
    get(project_id, id);  // what is not there is said before what is wrong
    check(change.name, change.url, change.description, change.secret, change.events);
    auto webhook = database_.write([&](sql::Connection& connection) {
        Row row = load(connection, project_id, id);
        Webhook& webhook = row.webhook;
        if (change.name) webhook.name = *change.name;
        if (change.url) webhook.url = *change.url;
        if (change.description) webhook.description = *change.description;
        if (change.events) webhook.events = *change.events;
        if (change.state) webhook.state = *change.state;
        connection.execute(
            "UPDATE webhooks SET name = $1, url = $2, description = $3, events = $4, state = $5, "
            "updated_at = $6 WHERE number = $7",
            {webhook.name, webhook.url, webhook.description, joined(webhook.events),
             enum_name(webhook.state), clock_.now(), row.number});
        if (change.secret) {
            std::optional<std::string> sealed;
            if (!change.secret->empty()) sealed = key_.seal(*change.secret, webhook.id);
            connection.execute("UPDATE webhooks SET secret = $1 WHERE number = $2",
                               {sealed, row.number});
        }
        return load(connection, project_id, id).webhook;
    });
    sender_.wake();  // it may be active again
    return webhook;
}

void Service::remove(std::string_view project_id, std::string_view id) {
    database_.write([&](sql::Connection& connection) {
        std::int64_t number = load(connection, project_id, id).number;
        connection.execute("DELETE FROM webhook_deliveries WHERE webhook = $1", {number});
        connection.execute("DELETE FROM webhooks WHERE number = $1", {number});
    });
}

std::vector<Webhook> Service::list(std::string_view project_id, std::int64_t offset,
                                   std::int64_t limit, bool of_mlflow) {
    std::vector<Webhook> webhooks;
    database_.read([&](sql::Connection& connection) {
        auto rows = connection.all(fmt::format("SELECT {} FROM webhooks w WHERE w.project_id = $1 "
                                               "ORDER BY w.created_at DESC, w.number DESC",
                                               kColumns),
                                   {project_id}, read_webhook);
        if (of_mlflow)
            std::erase_if(rows, [](const Row& row) {
                return std::ranges::none_of(row.webhook.events, [](const std::string& event) {
                    const EventKind* kind = find_event(event);
                    return kind != nullptr && kind->of_mlflow;
                });
            });
        for (auto& row : rows) {
            if (offset-- > 0) continue;
            if (limit-- <= 0) break;
            add_last_delivery(connection, row);
            webhooks.push_back(std::move(row.webhook));
        }
    });
    return webhooks;
}

TestResult Service::test(const std::string& project_id, std::string_view id,
                         const std::string& event) {
    Webhook webhook = get(project_id, id);
    const EventKind* kind = find_event(event.empty() ? webhook.events.front() : event);
    if (kind == nullptr) check_events({event});
    auto sealed = database_.read([&](sql::Connection& connection) {
        return connection.first("SELECT secret FROM webhooks WHERE id = $1", {id},
                                [](const sql::Row& row) { return row.optional_string(0); });
    });
    struct Running {
        std::atomic<int>& count;
        bool too_many = ++count > kTestsMax;
        ~Running() { --count; }
    } running{tests_running_};
    if (running.too_many)
        fail(ErrorCode::resource_exhausted,
             "{} tests of webhooks are under way; try again in some seconds", kTestsMax);
    Letter letter{
        .url = webhook.url,
        .delivery_id = new_id(),
        .body = payload(*kind, clock_.now(), project_name_(project_id).value_or(""), kind->example),
        .secret = sealed && *sealed ? key_.open(**sealed, webhook.id) : ""};
    http::Answer answer = sender_.send(letter, kTestTimeMax);
    Outcome outcome = judge(answer, 1, 0);
    TestResult result{.success = outcome.state == DeliveryState::delivered,
                      .response_status = outcome.response_status,
                      .error = outcome.error};
    if (answer.status != 0)
        result.response_body =
            is_utf8(answer.body) ? answer.body : "(an answer that is not UTF-8 text)";
    return result;
}

api::Page<Delivery> Service::deliveries(std::string_view project_id,
                                        const ListDeliveries& request) {
    std::int64_t limit = api::check_page_size(request.page_size);
    std::int64_t before = std::numeric_limits<std::int64_t>::max();
    if (!request.page_token.empty()) {
        auto position = parse_int(api::decode_page_token(request.page_token));
        if (!position) fail_field("page_token", "is not one that a list gave");
        before = *position;
    }
    api::Page<Delivery> page;
    std::vector<std::int64_t> numbers;
    database_.read([&](sql::Connection& connection) {
        std::int64_t webhook = load(connection, project_id, request.webhook).number;
        std::vector<sql::Value> values{webhook, before, limit + 1};
        std::string_view condition;
        if (request.state) {
            condition = "AND d.state = $4 ";
            values.emplace_back(enum_name(*request.state));
        }
        page.items = connection.all(
            fmt::format("SELECT {} FROM webhook_deliveries d WHERE d.webhook = $1 AND d.number < "
                        "$2 {}ORDER BY d.number DESC LIMIT $3",
                        outbox::kDeliveryColumns, condition),
            values, [&](const sql::Row& row) {
                numbers.push_back(row.integer(0));
                return outbox::read_delivery(row);
            });
    });
    if (static_cast<std::int64_t>(page.items.size()) > limit) {
        page.items.pop_back();
        page.next_page_token =
            api::encode_page_token(std::to_string(numbers[page.items.size() - 1]));
    }
    return page;
}

Delivery Service::redeliver(std::string_view project_id, std::string_view id,
                            std::string_view delivery) {
    auto again = database_.write([&](sql::Connection& connection) {
        std::int64_t webhook = load(connection, project_id, id).number;
        auto changed = connection.execute(
            "UPDATE webhook_deliveries SET state = 'waiting', attempts = 0, next_attempt_at = $1 "
            "WHERE webhook = $2 AND id = $3",
            {clock_.now(), webhook, delivery});
        if (changed == 0)
            fail(ErrorCode::not_found, "delivery {} of webhook {} does not exist", delivery, id);
        return *connection.first(fmt::format("SELECT {} FROM webhook_deliveries d WHERE d.id = $1",
                                             outbox::kDeliveryColumns),
                                 {delivery}, outbox::read_delivery);
    });
    sender_.wake();
    return again;
}

void Service::remove_project(const api::ProjectRef& project) {
    database_.write([&](sql::Connection& connection) {
        connection.execute(
            "DELETE FROM webhook_deliveries WHERE webhook IN (SELECT number FROM webhooks WHERE "
            "project_id = $1)",
            {project.id});
        connection.execute("DELETE FROM webhooks WHERE project_id = $1", {project.id});
    });
}

}  // namespace maru::webhooks
