#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/reflection.hpp"
#include "base/time.hpp"

/// Webhooks: requests to a program elsewhere when something happens in a project.
namespace maru::webhooks {

enum class WebhookState { active, disabled };
BOOST_DESCRIBE_ENUM(WebhookState, active, disabled)

/// `waiting`: for its first attempt or the next; `failed`: given up.
enum class DeliveryState { waiting, delivered, failed };
BOOST_DESCRIBE_ENUM(DeliveryState, waiting, delivered, failed)

/// One event on its way to one webhook, with what its last attempt met.
struct Delivery {
    std::string id;     // X-MLflow-Delivery-Id, the same at each attempt
    std::string event;  // "model_version.created"
    DeliveryState state = DeliveryState::waiting;
    std::int64_t attempts = 0;
    Time created_at{};  // when it happened
    std::optional<Time> attempted_at, next_attempt_at;
    std::optional<std::int64_t> response_status, duration_ms;
    std::optional<std::string> error;
};
BOOST_DESCRIBE_STRUCT(Delivery, (),
                      (id, event, state, attempts, created_at, attempted_at, next_attempt_at,
                       response_status, duration_ms, error))

struct Webhook {
    std::string id, name, description, url;
    std::vector<std::string> events;
    WebhookState state = WebhookState::active;
    bool has_secret = false;  // the secret itself is never answered
    std::string user;         // who made it
    Time created_at{}, updated_at{};
    std::int64_t waiting = 0;               // deliveries
    std::optional<Delivery> last_delivery;  // whose attempt was the last
};
BOOST_DESCRIBE_STRUCT(Webhook, (),
                      (id, name, description, url, events, state, has_secret, user, created_at,
                       updated_at, waiting, last_delivery))

/// What the receiver answered to a test.
struct TestResult {
    bool success = false;
    std::optional<std::int64_t> response_status;
    std::optional<std::string> response_body;  // its beginning
    std::optional<std::string> error;
};
BOOST_DESCRIBE_STRUCT(TestResult, (), (success, response_status, response_body, error))

}  // namespace maru::webhooks
