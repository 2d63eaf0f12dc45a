#include <algorithm>
#include <memory>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "webhooks/operations.hpp"

namespace maru::cli {
namespace {

struct WebhookOptions {
    std::string webhook, name, url, event, delivery;
    std::optional<std::string> new_name, new_url, description, secret, state;
    std::vector<std::string> events;
    std::int64_t count = 20;
};

std::vector<webhooks::Webhook> all_webhooks(Session& session) {
    return fetch_all(session.client(), webhooks::list_webhooks,
                     {.project = session.project(), .page_token = {}, .page_size = 1000});
}

/// A webhook by its id or, where only one has it, its name.
webhooks::Webhook find(Session& session, const std::string& named) {
    std::vector<webhooks::Webhook> found;
    for (auto& webhook : all_webhooks(session)) {
        if (webhook.id == named) return webhook;
        if (webhook.name == named) found.push_back(std::move(webhook));
    }
    if (found.empty())
        fail(ErrorCode::not_found, "project {} has no webhook {}; see maru webhook ls",
             session.project(), named);
    if (found.size() > 1)
        fail(ErrorCode::invalid_argument, "{} webhooks are named {}; give an id of maru webhook ls",
             found.size(), named);
    return std::move(found.front());
}

std::optional<std::string> read_secret(const WebhookOptions& options) {
    if (options.secret == "-") return read_line_from_stdin("the secret");
    return options.secret;
}

/// "delivered 3m ago", "failed: the receiver answered 404".
std::string last_of(const webhooks::Webhook& webhook, Time now) {
    if (!webhook.last_delivery) return "";
    const auto& last = *webhook.last_delivery;
    std::string text = fmt::format("{} {}", enum_name(last.state),
                                   relative_time(last.attempted_at.value_or(last.created_at), now));
    return last.error ? text + ": " + *last.error : text;
}

int list(Session& session) {
    auto all = all_webhooks(session);
    if (session.json()) {
        session.print_json(api::Page<webhooks::Webhook>{std::move(all), {}});
        return 0;
    }
    auto now = SystemClock().now();
    Table table({{"ID"},
                 {"NAME", Table::Align::left, true},
                 {"STATE"},
                 {"URL", Table::Align::left, true},
                 {"EVENTS", Table::Align::left, true},
                 {"WAITING", Table::Align::right},
                 {"LAST DELIVERY", Table::Align::left, true}});
    for (const auto& webhook : all)
        table.row({webhook.id, webhook.name, enum_name(webhook.state), webhook.url,
                   fmt::format("{}", fmt::join(webhook.events, ", ")), webhook.waiting,
                   last_of(webhook, now)});
    print_out(table.render(session.out()));
    return 0;
}

int create(Session& session, const WebhookOptions& options) {
    if (options.events.empty())
        fail(ErrorCode::invalid_argument,
             "--event is missing: what shall it be told of? model_version.created, for example");
    webhooks::CreateWebhook request{.project = session.project(),
                                    .name = options.name,
                                    .url = options.url,
                                    .events = options.events,
                                    .description = options.description.value_or(""),
                                    .secret = read_secret(options).value_or("")};
    auto webhook = session.client().call(webhooks::create_webhook, request);
    if (session.json()) session.print_json(webhook);
    session.say(fmt::format("Created webhook {}. To try it: maru webhook test {}", webhook.name,
                            webhook.name));
    return 0;
}

int update(Session& session, const WebhookOptions& options) {
    webhooks::UpdateWebhook request{.project = session.project(),
                                    .webhook = find(session, options.webhook).id,
                                    .name = options.new_name,
                                    .url = options.new_url,
                                    .description = options.description,
                                    .secret = read_secret(options)};
    if (!options.events.empty()) request.events = options.events;
    if (options.state) request.state = enum_from<webhooks::WebhookState>(*options.state);
    auto webhook = session.client().call(webhooks::update_webhook, request);
    if (session.json()) session.print_json(webhook);
    session.say(fmt::format("Changed webhook {}.", webhook.name));
    return 0;
}

int remove(Session& session, const WebhookOptions& options) {
    auto webhook = find(session, options.webhook);
    session.client().call(webhooks::delete_webhook,
                          {.project = session.project(), .webhook = webhook.id});
    if (session.json()) session.print_json(api::Nothing{});
    session.say(fmt::format("Removed webhook {} with {} deliveries that waited.", webhook.name,
                            webhook.waiting));
    return 0;
}

int test(Session& session, const WebhookOptions& options) {
    auto webhook = find(session, options.webhook);
    auto result = session.client().call(
        webhooks::test_webhook,
        {.project = session.project(), .webhook = webhook.id, .event = options.event});
    if (session.json())
        session.print_json(result);
    else if (result.success)
        session.say(fmt::format("{} answered {}.", webhook.url, *result.response_status));
    else
        print_err(fmt::format("error: {} did not take it: {}\n", webhook.url,
                              result.error.value_or("no reason")));
    return result.success ? 0 : 1;
}

int deliveries(Session& session, const WebhookOptions& options) {
    webhooks::ListDeliveries request{.project = session.project(),
                                     .webhook = find(session, options.webhook).id,
                                     .page_token = "",
                                     .page_size = options.count};
    if (options.state) request.state = enum_from<webhooks::DeliveryState>(*options.state);
    auto page = session.client().call(webhooks::list_deliveries, request);
    if (session.json()) {
        session.print_json(page);
        return 0;
    }
    auto now = SystemClock().now();
    Table table({{"ID"},
                 {"EVENT"},
                 {"STATE"},
                 {"HAPPENED"},
                 {"ATTEMPTS", Table::Align::right},
                 {"NEXT"},
                 {"ANSWER", Table::Align::right},
                 {"ERROR", Table::Align::left, true}});
    for (const auto& one : page.items) {
        auto state = enum_name(one.state);
        table.row({one.id,
                   one.event,
                   {state, state_colour(state)},
                   relative_time(one.created_at, now),
                   one.attempts,
                   one.next_attempt_at ? relative_time(*one.next_attempt_at, now) : "",
                   one.response_status ? std::to_string(*one.response_status) : "",
                   one.error.value_or("")});
    }
    print_out(table.render(session.out()));
    return 0;
}

int redeliver(Session& session, const WebhookOptions& options) {
    auto delivery =
        session.client().call(webhooks::redeliver, {.project = session.project(),
                                                    .webhook = find(session, options.webhook).id,
                                                    .delivery = options.delivery});
    if (session.json()) session.print_json(delivery);
    session.say(fmt::format("Delivery {} goes out again.", delivery.id));
    return 0;
}

void describe_content(Arguments& arguments, const std::shared_ptr<WebhookOptions>& options) {
    arguments.option("--event", "EVENT", &options->events,
                     "What it is told of, for example model_version.created");
    arguments.option("--secret", "SECRET|-", &options->secret,
                     "Signs requests; - reads it from standard input, \"\" is none");
    arguments.option("--description", "TEXT", &options->description, "What it is for");
}

}  // namespace

std::vector<Command> webhook_commands() {
    auto options = std::make_shared<WebhookOptions>();
    auto name_it = [options](Arguments& arguments) {
        arguments.positional("WEBHOOK", &options->webhook, "The webhook's name or id");
    };
    return {
        {.name = "webhook ls", .summary = "List webhooks of the project", .run = list},
        {.name = "webhook create",
         .summary = "Send a request to a URL whenever something happens in the project",
         .details = "For owners of the project. docs/webhooks.md lists the events, and says how "
                    "a receiver checks signatures.",
         .configure =
             [options](Arguments& arguments) {
                 arguments.positional("NAME", &options->name, "The webhook's name");
                 arguments.positional("URL", &options->url, "Where requests go");
                 describe_content(arguments, options);
             },
         .run = [options](Session& session) { return create(session, *options); }},
        {.name = "webhook update",
         .summary = "Change a webhook; what is not named stays",
         .configure =
             [options, name_it](Arguments& arguments) {
                 name_it(arguments);
                 arguments.option("--name", "NAME", &options->new_name, "Its new name");
                 arguments.option("--target", "URL", &options->new_url, "Where requests go");
                 describe_content(arguments, options);
                 arguments.option("--state", "STATE", &options->state,
                                  "disabled: what happens is not sent, nor kept for later",
                                  {"active", "disabled"});
             },
         .run = [options](Session& session) { return update(session, *options); }},
        {.name = "webhook rm",
         .summary = "Remove a webhook with what waits for it",
         .configure = name_it,
         .run = [options](Session& session) { return remove(session, *options); }},
        {.name = "webhook test",
         .summary = "Send an example now, and show what the receiver answers",
         .details = "Exits with 1 if the receiver does not take it.",
         .configure =
             [options, name_it](Arguments& arguments) {
                 name_it(arguments);
                 arguments.option("--event", "EVENT", &options->event,
                                  "Of which event; else the webhook's first");
             },
         .run = [options](Session& session) { return test(session, *options); }},
        {.name = "webhook deliveries",
         .summary = "List what was sent to a webhook and what waits, the newest first",
         .configure =
             [options, name_it](Arguments& arguments) {
                 name_it(arguments);
                 arguments.option("--state", "STATE", &options->state, "Only those in this state",
                                  {"waiting", "delivered", "failed"});
                 arguments.option("--count", "N", &options->count, "How many at most");
             },
         .run = [options](Session& session) { return deliveries(session, *options); }},
        {.name = "webhook redeliver",
         .summary = "Send a delivery again, with the same id",
         .configure =
             [options, name_it](Arguments& arguments) {
                 name_it(arguments);
                 arguments.positional("DELIVERY", &options->delivery, "The delivery's id");
             },
         .run = [options](Session& session) { return redeliver(session, *options); }},
    };
}

}  // namespace maru::cli
