#include <memory>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "retention/operations.hpp"
#include "tracking/operations.hpp"

namespace maru::cli {
namespace {

struct RetentionOptions {
    bool dry_run = false, server = false, reset = false, permanently = false;
    std::optional<std::string> keep, set;
    std::string grace = "1h", run;
};

int collect(Session& session, const RetentionOptions& options) {
    retention::Collect request{.dry_run = options.dry_run,
                               .keep_deleted_s = std::nullopt,
                               .grace_s = parse_duration_s(options.grace)};
    if (options.keep) request.keep_deleted_s = parse_duration_s(*options.keep);
    auto result = session.client().call(retention::collect, request,
                                        {.idempotency_key = "", .timeout = std::chrono::hours(6)});
    if (session.json()) {
        session.print_json(result);
        return 0;
    }
    Table table({{result.dry_run ? "WOULD GO" : "REMOVED"}, {"COUNT", Table::Align::right}});
    const auto& removed = result.removed;
    table.row({"runs", removed.runs});
    table.row({"experiments", removed.experiments});
    table.row({"logged models", removed.logged_models});
    table.row({"deleted projects", removed.projects});
    table.row({"code snapshots", removed.code_snapshots});
    table.row({"files", result.files_removed});
    print_out(table.render(session.out()));
    session.say(fmt::format(
        "{} {}; {} files with {} are in use.", result.dry_run ? "It would free" : "Freed",
        format_bytes(result.bytes_freed), result.files_kept, format_bytes(result.bytes_kept)));
    return 0;
}

int retention_rule(Session& session, const RetentionOptions& options) {
    auto& client = session.client();
    retention::Retention rule;
    std::optional<std::int64_t> keep_s;
    if (options.set) keep_s = parse_duration_s(*options.set);
    if (options.server && options.reset)
        fail(ErrorCode::invalid_argument, "--reset is for a project; set the server's with --set");
    if (options.server)
        rule = keep_s ? client.call(retention::set_retention, {.keep_deleted_s = *keep_s})
                      : client.call(retention::collection_status, {}).retention;
    else if (options.reset)
        rule = client.call(retention::reset_project_retention, {.project = session.project()});
    else if (keep_s)
        rule = client.call(retention::set_project_retention,
                           {.project = session.project(), .keep_deleted_s = *keep_s});
    else
        rule = client.call(retention::get_project_retention, {.project = session.project()});
    if (session.json()) {
        session.print_json(rule);
        return 0;
    }
    session.say(fmt::format("{} keeps what was deleted for {}{}.",
                            options.server ? "The server" : "Project " + session.project(),
                            format_duration_s(rule.keep_deleted_s),
                            rule.inherited ? ", as the server does" : ""));
    return 0;
}

int remove_run(Session& session, const RetentionOptions& options) {
    tracking::NameRun name{.project = session.project(), .id = options.run};
    if (options.permanently)
        session.client().call(tracking::remove_run, name);
    else
        session.client().call(tracking::delete_run, name);
    if (session.json()) session.print_json(api::Nothing{});
    session.say(
        options.permanently
            ? fmt::format("Removed run {} for good; its files are freed by maru gc.", options.run)
            : fmt::format("Deleted run {}. To have it back: maru runs restore {}", options.run,
                          options.run));
    return 0;
}

int restore_run(Session& session, const RetentionOptions& options) {
    auto run = session.client().call(tracking::restore_run,
                                     {.project = session.project(), .id = options.run});
    if (session.json()) session.print_json(run);
    session.say(fmt::format("Restored run {}.", options.run));
    return 0;
}

}  // namespace

std::vector<Command> retention_commands() {
    auto options = std::make_shared<RetentionOptions>();
    return {
        {.name = "runs rm",
         .summary = "Delete a run; it can be restored until it is removed for good",
         .configure =
             [options](Arguments& arguments) {
                 arguments.positional("RUN", &options->run, "The run's id");
                 arguments.flag("--permanently", options->permanently,
                                "Remove it now with its metrics and artifacts");
             },
         .run = [options](Session& session) { return remove_run(session, *options); }},
        {.name = "runs restore",
         .summary = "Restore a deleted run",
         .configure =
             [options](Arguments& arguments) {
                 arguments.positional("RUN", &options->run, "The run's id");
             },
         .run = [options](Session& session) { return restore_run(session, *options); }},
        {.name = "gc",
         .summary = "Remove for good what was deleted long enough ago, and free its space",
         .details = "The server does this once a day by itself. For administrators.",
         .configure =
             [options](Arguments& arguments) {
                 arguments.flag("--dry-run", options->dry_run, "Only say what would go");
                 arguments.option("--keep", "TIME", &options->keep,
                                  "For this once, what was deleted longer ago goes, in every "
                                  "project; 0 for all");
                 arguments.option("--grace", "TIME", &options->grace,
                                  "Files that are younger stay, 1h if not given");
             },
         .run = [options](Session& session) { return collect(session, *options); }},
        {.name = "retention",
         .summary = "Show or set how long what was deleted is kept",
         .configure =
             [options](Arguments& arguments) {
                 arguments.option("--set", "TIME", &options->set, "For example 14d");
                 arguments.flag("--reset", options->reset, "Let the project do as the server does");
                 arguments.flag("--server", options->server,
                                "The server's, for all projects without a rule of their own");
             },
         .run = [options](Session& session) { return retention_rule(session, *options); }},
    };
}

}  // namespace maru::cli
