#include "webhooks/outbox.hpp"

#include "base/id.hpp"

namespace maru::webhooks::outbox {
namespace {

/// Of one webhook, or of what is too old, in one transaction.
constexpr std::int64_t kTrimmedAtOnce = 1000;

}  // namespace

std::vector<Due> due(sql::Connection& connection) {
    return connection.all(
        "SELECT number, at FROM (SELECT w.number, (SELECT MIN(d.next_attempt_at) FROM "
        "webhook_deliveries d WHERE d.webhook = w.number AND d.state = 'waiting') AS at FROM "
        "webhooks w WHERE w.state = 'active') AS first WHERE at IS NOT NULL ORDER BY at",
        {}, [](const sql::Row& row) { return Due{row.integer(0), row.time(1)}; });
}

std::optional<Parcel> first_due(sql::Connection& connection, std::int64_t webhook, Time now) {
    return connection.first(
        "SELECT d.id, d.event, d.data, w.project_id, w.id, w.url, w.secret, "
        "d.attempts, d.created_at FROM webhook_deliveries d JOIN webhooks w ON w.number = "
        "d.webhook WHERE d.webhook = $1 AND d.state = 'waiting' AND d.next_attempt_at <= $2 AND "
        "w.state = 'active' ORDER BY d.next_attempt_at, d.number LIMIT 1",
        {webhook, now}, [](const sql::Row& row) {
            return Parcel{.id = row.string(0),
                          .event = row.string(1),
                          .data = row.string(2),
                          .project_id = row.string(3),
                          .webhook_id = row.string(4),
                          .url = row.string(5),
                          .sealed_secret = row.optional_string(6),
                          .attempts = row.integer(7),
                          .created_at = row.time(8)};
        });
}

void add(sql::Connection& connection, std::int64_t webhook, std::string_view event,
         std::string_view data, Time now) {
    connection.execute(
        "INSERT INTO webhook_deliveries (number, id, webhook, event, data, state, created_at, "
        "next_attempt_at) VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM webhook_deliveries), "
        "$1, $2, $3, $4, 'waiting', $5, $5)",
        {new_id(), webhook, event, data, now});
}

void record(sql::Connection& connection, std::string_view delivery, const Outcome& outcome,
            Time began, Time ended) {
    connection.execute(
        "UPDATE webhook_deliveries SET state = $1, attempts = attempts + 1, attempted_at = $2, "
        "next_attempt_at = $3, response_status = $4, duration_ms = $5, error = $6 WHERE id = $7",
        {enum_name(outcome.state), began, ended + outcome.pause, outcome.response_status,
         (ended - began).count(), outcome.error, delivery});
}

Delivery read_delivery(const sql::Row& row) {
    Delivery delivery{
        .id = row.string(1),
        .event = row.string(2),
        .state = enum_from<DeliveryState>(row.text(3)).value_or(DeliveryState::failed),
        .attempts = row.integer(4),
        .created_at = row.time(5),
        .attempted_at = row.optional_time(6),
        .next_attempt_at = row.optional_time(7),
        .response_status = row.optional_integer(8),
        .duration_ms = row.optional_integer(9),
        .error = row.optional_string(10)};
    if (delivery.state != DeliveryState::waiting) delivery.next_attempt_at.reset();
    return delivery;
}

void trim(sql::Connection& connection, Time oldest_due, Time oldest_kept, std::int64_t kept_max) {
    connection.execute(
        "DELETE FROM webhook_deliveries WHERE number IN (SELECT number FROM webhook_deliveries "
        "WHERE created_at < $1 AND state <> 'waiting' LIMIT $2)",
        {oldest_kept, kTrimmedAtOnce});
    auto webhooks = connection.all("SELECT number FROM webhooks", {},
                                   [](const sql::Row& row) { return row.integer(0); });
    for (std::int64_t webhook : webhooks) {
        connection.execute(
            "UPDATE webhook_deliveries SET state = 'failed', error = COALESCE(error || '; ', '') "
            "|| 'given up: it waited too long' WHERE webhook = $1 AND state = 'waiting' AND "
            "next_attempt_at < $2",
            {webhook, oldest_due});
        connection.execute(
            "DELETE FROM webhook_deliveries WHERE number IN (SELECT number FROM "
            "webhook_deliveries WHERE webhook = $1 AND state <> 'waiting' ORDER BY number DESC "
            "LIMIT $2 OFFSET $3)",
            {webhook, kTrimmedAtOnce, kept_max});
    }
}

}  // namespace maru::webhooks::outbox
