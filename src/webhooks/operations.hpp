#pragma once

#include "api/operation.hpp"
#include "webhooks/types.hpp"

namespace maru::webhooks {

// Who manages webhooks sends what happens in the project, and requests in the server's name, to
// wherever he says: the owners. Addresses often carry a key, so reading them is theirs, too.

struct ListWebhooks {
    std::string project, page_token;
    std::int64_t page_size = 0;
};
BOOST_DESCRIBE_STRUCT(ListWebhooks, (), (project, page_token, page_size))
inline constexpr api::Operation<ListWebhooks, api::Page<Webhook>> list_webhooks{
    .id = "webhooks.list",
    .method = api::Method::get,
    .path = "/projects/{project}/webhooks",
    .summary = "List webhooks, the newest first",
    .permission = api::Permission::project_administer};

struct CreateWebhook {
    std::string project, name, url;
    std::vector<std::string> events;
    std::string description, secret;
    WebhookState state = WebhookState::active;
};
BOOST_DESCRIBE_STRUCT(CreateWebhook, (), (project, name, url, events, description, secret, state))
MARU_REQUIRED(CreateWebhook, "name", "url", "events")
inline constexpr api::Operation<CreateWebhook, Webhook> create_webhook{
    .id = "webhooks.create",
    .method = api::Method::post,
    .path = "/projects/{project}/webhooks",
    .summary =
        "Send a request to a URL whenever one of these events happens; with a secret, requests are "
        "signed",
    .permission = api::Permission::project_administer};

struct NameWebhook {
    std::string project, webhook;
};
BOOST_DESCRIBE_STRUCT(NameWebhook, (), (project, webhook))
inline constexpr api::Operation<NameWebhook, Webhook> get_webhook{
    .id = "webhooks.get",
    .method = api::Method::get,
    .path = "/projects/{project}/webhooks/{webhook}",
    .summary = "Show one webhook",
    .permission = api::Permission::project_administer};
inline constexpr api::Operation<NameWebhook, api::Nothing> delete_webhook{
    .id = "webhooks.delete",
    .method = api::Method::delete_,
    .path = "/projects/{project}/webhooks/{webhook}",
    .summary = "Delete a webhook with what waits for it and its history",
    .permission = api::Permission::project_administer};

struct UpdateWebhook {
    std::string project, webhook;
    std::optional<std::string> name, url, description;
    std::optional<std::string> secret;  // empty: none any more
    std::optional<std::vector<std::string>> events;
    std::optional<WebhookState> state;
};
BOOST_DESCRIBE_STRUCT(UpdateWebhook, (),
                      (project, webhook, name, url, description, secret, events, state))
inline constexpr api::Operation<UpdateWebhook, Webhook> update_webhook{
    .id = "webhooks.update",
    .method = api::Method::patch,
    .path = "/projects/{project}/webhooks/{webhook}",
    .summary = "Change what is named of a webhook; an empty secret ends signing",
    .permission = api::Permission::project_administer};

struct TestWebhook {
    std::string project, webhook;
    std::string event;  // empty: its first
};
BOOST_DESCRIBE_STRUCT(TestWebhook, (), (project, webhook, event))
inline constexpr api::Operation<TestWebhook, TestResult> test_webhook{
    .id = "webhooks.test",
    .method = api::Method::post,
    .path = "/projects/{project}/webhooks/{webhook}/test",
    .summary = "Send an example of an event now, once, and show what the receiver answers",
    .permission = api::Permission::project_administer};

struct ListDeliveries {
    std::string project, webhook;
    std::optional<DeliveryState> state;
    std::string page_token;
    std::int64_t page_size = 0;
};
BOOST_DESCRIBE_STRUCT(ListDeliveries, (), (project, webhook, state, page_token, page_size))
inline constexpr api::Operation<ListDeliveries, api::Page<Delivery>> list_deliveries{
    .id = "webhooks.deliveries",
    .method = api::Method::get,
    .path = "/projects/{project}/webhooks/{webhook}/deliveries",
    .summary = "List what was sent to a webhook and what waits, the newest first",
    .permission = api::Permission::project_administer};

struct NameDelivery {
    std::string project, webhook, delivery;
};
BOOST_DESCRIBE_STRUCT(NameDelivery, (), (project, webhook, delivery))
inline constexpr api::Operation<NameDelivery, Delivery> redeliver{
    .id = "webhooks.redeliver",
    .method = api::Method::post,
    .path = "/projects/{project}/webhooks/{webhook}/deliveries/{delivery}/redeliver",
    .summary = "Send a delivery again, now, with the same id",
    .permission = api::Permission::project_administer};

}  // namespace maru::webhooks
