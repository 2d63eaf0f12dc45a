#include "webhooks/mlflow/routes.hpp"

#include <algorithm>
#include <array>

#include "base/error.hpp"
#include "base/text.hpp"
#include "tracking/mlflow/protocol.hpp"
#include "tracking/search/conditions.hpp"

namespace maru::webhooks {
namespace {

using api::Context;
using tracking::mlflow::answer;
using tracking::mlflow::empty_answer;
using tracking::mlflow::JsonWriter;
using tracking::mlflow::Message;
using Parameters = api::PathParameters;

// In the order of their numbers on the wire.
constexpr std::array<std::string_view, 11> kEntities = {
    "entity_unspecified",  "registered_model", "model_version",  "model_version_tag",
    "model_version_alias", "prompt",           "prompt_version", "prompt_tag",
    "prompt_version_tag",  "prompt_alias",     "budget_policy"};
constexpr std::array<std::string_view, 6> kActions = {
    "action_unspecified", "created", "updated", "deleted", "set", "exceeded"};

std::string upper(std::string_view text) {
    std::string result(text);
    for (char& c : result)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return result;
}

/// The words of an enumerator, sent by name or by number.
template <std::size_t N>
std::string enumerator(const Message& message, std::string_view field,
                       const std::array<std::string_view, N>& words) {
    std::string sent = message.enumerator(field);
    if (auto number = parse_int(sent); number && *number >= 0 && *number < std::ssize(words))
        return std::string(words[static_cast<std::size_t>(*number)]);
    if (std::ranges::any_of(words, [&](std::string_view word) { return upper(word) == sent; }))
        return to_lower(sent);
    fail(ErrorCode::invalid_argument, "Invalid value '{}' for parameter '{}' supplied", sent,
         field);
}

std::vector<std::string> read_events(const Message& message) {
    std::vector<std::string> events;
    for (const auto& item : message.list("events")) {
        auto entity = enumerator(item, "entity", kEntities);
        auto action = enumerator(item, "action", kActions);
        events.push_back(entity + "." + action);
        if (events.back() == "budget_policy.exceeded")
            fail(ErrorCode::invalid_argument,
                 "budget_policy.exceeded never happens here: this server has no AI gateway");
        if (find_event(events.back()) != nullptr) continue;
        std::vector<std::string> valid;
        for (const auto& kind : event_kinds())
            if (kind.entity == entity) valid.push_back(fmt::format("'{}'", kind.action));
        std::ranges::sort(valid);
        fail(ErrorCode::invalid_argument,
             "Invalid action '{}' for entity '{}'. Valid actions are: [{}]", action, entity,
             fmt::join(valid, ", "));
    }
    return events;
}

bool is_mlflows(const std::string& event) {
    const EventKind* kind = find_event(event);
    return kind != nullptr && kind->of_mlflow;
}

std::optional<WebhookState> read_state(const Message& message) {
    auto sent = message.optional_text("status");
    if (!sent || sent->empty()) return std::nullopt;
    auto state = enum_from<WebhookState>(to_lower(*sent));
    if (!state)
        fail(ErrorCode::invalid_argument,
             "Invalid value '{}' for parameter 'status' supplied; expected ACTIVE or DISABLED",
             *sent);
    return state;
}

void write_webhook(JsonWriter& writer, const Webhook& webhook) {
    writer.begin_object().field("webhook_id", webhook.id).field("name", webhook.name);
    if (!webhook.description.empty()) writer.field("description", webhook.description);
    writer.field("url", webhook.url).key("events").begin_list();
    for (const auto& event : webhook.events)
        if (is_mlflows(event)) {
            const EventKind* kind = find_event(event);
            writer.begin_object()
                .field("entity", upper(kind->entity))
                .field("action", upper(kind->action))
                .end_object();
        }
    writer.end_list()
        .field("status", upper(enum_name(webhook.state)))
        .field("creation_timestamp", to_ms(webhook.created_at))
        .field("last_updated_timestamp", to_ms(webhook.updated_at))
        .end_object();
}

net::Response answer_webhook(const Webhook& webhook) {
    JsonWriter writer;
    writer.begin_object().key("webhook");
    write_webhook(writer, webhook);
    writer.end_object();
    return answer(writer);
}

net::Response create(Service& service, const Context& context, const Message& message) {
    NewWebhook webhook{.name = message.required_text("name"),
                       .url = message.required_text("url"),
                       .description = message.text("description"),
                       .secret = message.text("secret"),
                       .user = context.user};
    message.require("events");
    webhook.events = read_events(message);
    webhook.state = read_state(message).value_or(WebhookState::active);
    return answer_webhook(service.create(context.in_project().id, webhook));
}

net::Response list(Service& service, const Context& context, const Message& message) {
    auto limit = message.integer("max_results").value_or(0);
    if (limit == 0) limit = 100;
    if (limit < 1 || limit > 1000)
        fail(ErrorCode::invalid_argument, "max_results must be between 1 and 1000.");
    auto offset = tracking::search::decode_offset(message.text("page_token"));
    auto webhooks = service.list(context.in_project().id, offset, limit + 1, true);
    bool more = static_cast<std::int64_t>(webhooks.size()) > limit;
    if (more) webhooks.pop_back();
    JsonWriter writer;
    writer.begin_object();
    if (!webhooks.empty()) {
        writer.key("webhooks").begin_list();
        for (const auto& webhook : webhooks) write_webhook(writer, webhook);
        writer.end_list();
    }
    if (more) writer.field("next_page_token", tracking::search::encode_offset(offset + limit));
    writer.end_object();
    return answer(writer);
}

/// The webhook of a path, if MLflow's clients can read it.
Webhook find(Service& service, const Context& context, const Parameters& parameters) {
    Webhook webhook = service.get(context.in_project().id, parameters.at("webhook_id"));
    if (std::ranges::none_of(webhook.events, is_mlflows))
        fail(ErrorCode::not_found, "Webhook with ID {} not found.", webhook.id);
    return webhook;
}

net::Response update(Service& service, const Context& context, const Message& message,
                     const Parameters& parameters) {
    Webhook webhook = find(service, context, parameters);
    WebhookChange change;
    // An empty name or URL is none to MLflow; an empty description or secret is.
    if (auto name = message.text("name"); !name.empty()) change.name = name;
    if (auto url = message.text("url"); !url.empty()) change.url = url;
    change.description = message.optional_text("description");
    change.secret = message.optional_text("secret");
    change.state = read_state(message);
    if (auto events = read_events(message); !events.empty()) {
        for (const auto& event : webhook.events)
            if (!is_mlflows(event)) events.push_back(event);
        change.events = std::move(events);
    }
    return answer_webhook(service.update(context.in_project().id, webhook.id, change));
}

net::Response test(Service& service, const Context& context, const Message& message,
                   const Parameters& parameters) {
    Webhook webhook = find(service, context, parameters);
    std::string event = *std::ranges::find_if(webhook.events, is_mlflows);
    if (auto sent = message.object("event")) {
        auto wanted =
            Message::from_json(fmt::format(R"({{"events":[{}]}})", message.json("event")));
        event = read_events(wanted).front();
    }
    TestResult result = service.test(context.in_project().id, webhook.id, event);
    JsonWriter writer;
    writer.begin_object().key("result").begin_object().field("success", result.success);
    if (result.response_status) writer.field("response_status", *result.response_status);
    if (result.response_body) writer.field("response_body", *result.response_body);
    if (result.error) writer.field("error_message", *result.error);
    writer.end_object().end_object();
    return answer(writer);
}

}  // namespace

void add_mlflow_routes(api::Api& api, Service& service) {
    auto add = [&](std::string_view method, std::string_view path, auto handle) {
        tracking::mlflow::add_route(
            api, {.method = method,
                  .path = path,
                  .permission = api::Permission::project_administer,
                  .handle =
                      [&service, handle](const Context& context, const Message& message,
                                         const Parameters& parameters) {
                          return handle(service, context, message, parameters);
                      },
                  .audited = method != "GET"});
    };
    add("POST", "/mlflow/webhooks",
        [](Service& s, const Context& context, const Message& message, const Parameters&) {
            return create(s, context, message);
        });
    add("GET", "/mlflow/webhooks",
        [](Service& s, const Context& context, const Message& message, const Parameters&) {
            return list(s, context, message);
        });
    constexpr std::string_view kOne = "/mlflow/webhooks/{webhook_id}";
    add("GET", kOne,
        [](Service& s, const Context& context, const Message&, const Parameters& parameters) {
            return answer_webhook(find(s, context, parameters));
        });
    add("PATCH", kOne, update);
    add("DELETE", kOne,
        [](Service& s, const Context& context, const Message&, const Parameters& parameters) {
            s.remove(context.in_project().id, find(s, context, parameters).id);
            return empty_answer();
        });
    add("POST", "/mlflow/webhooks/{webhook_id}/test", test);
}

}  // namespace maru::webhooks
