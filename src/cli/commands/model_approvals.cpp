#include <algorithm>
#include <memory>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "models/approval_operations.hpp"

namespace maru::cli {
namespace {

struct ApprovalOptions {
    std::string id, comment, role = "owner", expires = "7d";
    std::optional<std::string> model;
    std::vector<std::string> aliases, stages;
    std::int64_t approvals = 1;
    bool all = false, remove = false;
};

std::string move_of(const models::ApprovalRequest& request) {
    switch (request.kind) {
        case models::RequestKind::alias:
            return fmt::format("{}@{} -> {}", request.model, request.target, request.version);
        case models::RequestKind::alias_removal:
            return fmt::format("remove {}@{}", request.model, request.target);
        case models::RequestKind::stage:
            return fmt::format("{}/{} -> {}", request.model, request.version, request.target);
    }
    return "";
}

std::int64_t approvals_of(const models::ApprovalRequest& request) {
    return std::ranges::count_if(request.reviews, &models::Review::approved);
}

int requests(Session& session, const ApprovalOptions& options) {
    models::ListRequests request{.project = session.project(),
                                 .model = options.model.value_or(""),
                                 .state = models::RequestState::open,
                                 .page_token = "",
                                 .page_size = 1000};
    if (options.all) request.state.reset();
    auto all = fetch_all(session.client(), models::list_requests, request);
    if (session.json()) {
        session.print_json(api::Page<models::ApprovalRequest>{std::move(all), {}});
        return 0;
    }
    auto now = SystemClock().now();
    Table table({{"ID"},
                 {"MOVE", Table::Align::left, true},
                 {"STATE"},
                 {"BY"},
                 {"APPROVALS", Table::Align::right},
                 {"ASKED"},
                 {"EXPIRES"},
                 {"COMMENT", Table::Align::left, true}});
    for (const auto& one : all) {
        auto state = enum_name(one.state);
        table.row({one.id,
                   move_of(one),
                   {state, state_colour(state)},
                   one.user,
                   fmt::format("{} of {}", approvals_of(one), one.approvals_needed),
                   relative_time(one.created_at, now),
                   relative_time(one.expires_at, now),
                   one.comment});
    }
    print_out(table.render(session.out()));
    return 0;
}

using Review = api::Operation<models::ReviewRequest, models::ApprovalRequest>;

int review(Session& session, const ApprovalOptions& options, const Review& operation) {
    auto request = session.client().call(
        operation, {.project = session.project(), .id = options.id, .comment = options.comment});
    if (session.json()) {
        session.print_json(request);
        return 0;
    }
    if (request.state == models::RequestState::open)
        session.say(fmt::format("{}: {} of {} approvals.", move_of(request), approvals_of(request),
                                request.approvals_needed));
    else
        session.say(fmt::format("{}: {}.", move_of(request), enum_name(request.state)));
    return 0;
}

int list_rules(Session& session) {
    auto page = session.client().call(models::list_approval_rules, {.project = session.project()});
    if (session.json()) {
        session.print_json(page);
        return 0;
    }
    Table table({{"MODEL", Table::Align::left, true},
                 {"ALIASES", Table::Align::left, true},
                 {"STAGES"},
                 {"APPROVALS", Table::Align::right},
                 {"ROLE"},
                 {"EXPIRE AFTER"}});
    for (const auto& rule : page.items)
        table.row({rule.model.value_or("(all)"), fmt::format("{}", fmt::join(rule.aliases, ", ")),
                   fmt::format("{}", fmt::join(rule.stages, ", ")), rule.approvals,
                   std::string(enum_name(rule.role)), format_duration_s(rule.expires_after_s)});
    print_out(table.render(session.out()));
    return 0;
}

int rule(Session& session, const ApprovalOptions& options) {
    auto& client = session.client();
    std::string whose = options.model ? "model " + *options.model : "the project";
    if (options.remove) {
        client.call(models::delete_approval_rule,
                    {.project = session.project(), .model = options.model});
        if (session.json()) session.print_json(api::Nothing{});
        session.say(fmt::format("Removed the rule of {}.", whose));
        return 0;
    }
    if (options.aliases.empty() && options.stages.empty()) return list_rules(session);
    auto role = enum_from<identity::Role>(options.role);
    if (!role) fail(ErrorCode::invalid_argument, "--role: expected developer or owner");
    auto set = client.call(models::set_approval_rule,
                           {.project = session.project(),
                            .model = options.model,
                            .aliases = options.aliases,
                            .stages = options.stages,
                            .approvals = options.approvals,
                            .role = *role,
                            .expires_after_s = parse_duration_s(options.expires)});
    if (session.json()) session.print_json(set);
    session.say(
        fmt::format("{} now needs {} of role {}.", whose,
                    set.approvals == 1 ? "an approval" : fmt::format("{} approvals", set.approvals),
                    options.role));
    return 0;
}

Command review_command(std::string_view name, std::string_view summary, const Review& operation,
                       const std::shared_ptr<ApprovalOptions>& options) {
    return {.name = name,
            .summary = summary,
            .configure =
                [options](Arguments& arguments) {
                    arguments.positional("REQUEST", &options->id, "The request's id");
                    arguments.option("--comment", "TEXT", &options->comment,
                                     "Why, for the history");
                },
            .run = [options,
                    &operation](Session& session) { return review(session, *options, operation); }};
}

}  // namespace

std::vector<Command> model_approval_commands() {
    auto options = std::make_shared<ApprovalOptions>();
    return {
        {.name = "model requests",
         .summary = "List requests to move protected aliases and stages",
         .configure =
             [options](Arguments& arguments) {
                 arguments.option("--model", "MODEL", &options->model, "Only this model's");
                 arguments.flag("--all", options->all, "Also those that have ended");
             },
         .run = [options](Session& session) { return requests(session, *options); }},
        review_command("model approve", "Approve a request; the last approval makes the move",
                       models::approve_request, options),
        review_command("model reject", "Reject a request", models::reject_request, options),
        review_command("model withdraw", "Withdraw a request", models::withdraw_request, options),
        {.name = "model rule",
         .summary = "Show or set who must approve before aliases and stages move",
         .details = "Without --alias and --stage it lists the rules. A rule of a model stands in "
                    "the place of the project's. Those who ask can't approve.",
         .configure =
             [options](Arguments& arguments) {
                 arguments.option("--model", "MODEL", &options->model,
                                  "The rule of this model; without it, of all others");
                 arguments.option("--alias", "PATTERN", &options->aliases,
                                  "An alias that moves with approval only: champion, 'prod*'");
                 arguments.option("--stage", "STAGE", &options->stages,
                                  "A stage likewise: Production");
                 arguments.option("--approvals", "N", &options->approvals,
                                  "By so many people, 1 if not given");
                 arguments.option("--role", "ROLE", &options->role,
                                  "Each with at least this role, owner if not given",
                                  {"developer", "owner"});
                 arguments.option("--expires", "TIME", &options->expires,
                                  "Requests end after this time, 7d if not given");
                 arguments.flag("--remove", options->remove, "Remove the rule");
             },
         .run = [options](Session& session) { return rule(session, *options); }},
    };
}

}  // namespace maru::cli
