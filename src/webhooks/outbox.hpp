#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sql/database.hpp"
#include "webhooks/schedule.hpp"
#include "webhooks/types.hpp"

/// The rows of what is to be sent. All functions run inside the caller's transaction.
namespace maru::webhooks::outbox {

/// A webhook that something waits for, and since when its next attempt is due.
struct Due {
    std::int64_t webhook = 0;
    Time at{};
};
std::vector<Due> due(sql::Connection& connection);

/// Everything that an attempt needs.
struct Parcel {
    std::string id, event, data, project_id, webhook_id, url;
    std::optional<std::string> sealed_secret;
    std::int64_t attempts = 0;
    Time created_at{};
};
/// What is due first of a webhook's deliveries; nothing if none is due by now.
std::optional<Parcel> first_due(sql::Connection& connection, std::int64_t webhook, Time now);

void add(sql::Connection& connection, std::int64_t webhook, std::string_view event,
         std::string_view data, Time now);
/// Writes down how an attempt ended. Without effect if the delivery is gone.
void record(sql::Connection& connection, std::string_view delivery, const Outcome& outcome,
            Time began, Time ended);

Delivery read_delivery(const sql::Row& row);
/// What read_delivery reads, of a table with the alias d.
inline constexpr std::string_view kDeliveryColumns =
    "d.number, d.id, d.event, d.state, d.attempts, d.created_at, d.attempted_at, "
    "d.next_attempt_at, d.response_status, d.duration_ms, d.error";

/// Gives up what was due before `oldest_due` and had no turn yet, and removes what ended and is
/// older than `oldest_kept` or not among a webhook's newest `kept_max`; a piece of it at a time.
void trim(sql::Connection& connection, Time oldest_due, Time oldest_kept, std::int64_t kept_max);

}  // namespace maru::webhooks::outbox
