#include <memory>
#include <set>

#include "cli/commands/commands.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "compute/operations.hpp"

namespace maru::cli {
namespace {

constexpr std::int64_t kShown = 50;

struct JobsOptions {
    bool all = false;
    std::string state = "all", kind = "job";
};

/// The newest jobs, and every active one however old, in at most two requests.
api::Page<compute::Job> newest(Session& session, compute::ListJobs request) {
    auto& client = session.client();
    request.page_size = kShown;
    auto page = client.call(compute::list_jobs, request);
    if (!page.next_page_token || request.state != "all") return page;
    request.state = "active";
    request.page_size = 1000;
    std::set<std::string> seen;
    for (const auto& job : page.items) seen.insert(job.id);
    for (auto& job : client.call(compute::list_jobs, request).items)
        if (seen.insert(job.id).second) page.items.push_back(std::move(job));
    return page;
}

std::string duration_of(const compute::Job& job, Time now) {
    if (!job.started_at) return {};
    return short_duration(job.finished_at.value_or(now) - *job.started_at);
}

int list(Session& session, const JobsOptions& options) {
    compute::ListJobs request{.project = session.project(),
                              .state = options.state,
                              .kind = options.kind,
                              .page_token = {}};
    api::Page<compute::Job> page;
    if (options.all) {
        request.page_size = 1000;
        page.items = fetch_all(session.client(), compute::list_jobs, request);
    } else {
        page = newest(session, request);
    }
    if (session.json()) {
        session.print_json(page);
        return 0;
    }
    if (page.items.empty()) {
        session.note(options.state.empty() || options.state == "all"
                         ? fmt::format("No jobs in project {}. Run one: maru run python3 train.py",
                                       session.project())
                         : fmt::format("No jobs in project {} are in state {}.", session.project(),
                                       options.state));
        return 0;
    }
    auto now = SystemClock().now();
    Table table({{"ID"},
                 {"NAME", Table::Align::left, true},
                 {"STATE"},
                 {"EXIT", Table::Align::right},
                 {"QUEUED"},
                 {"RAN", Table::Align::right},
                 {"USER"}});
    for (const auto& job : page.items) {
        auto state = enum_name(job.state);
        table.row({job.id,
                   job.name,
                   {state, state_colour(state)},
                   job.exit_code ? std::to_string(*job.exit_code) : "",
                   relative_time(job.queued_at, now),
                   duration_of(job, now),
                   job.user});
    }
    print_out(table.render(session.out()));
    if (page.next_page_token) session.note("These are the newest; every one: maru jobs --all");
    return 0;
}

}  // namespace

std::vector<Command> jobs_commands() {
    auto options = std::make_shared<JobsOptions>();
    return {
        {.name = "jobs",
         .summary = "List jobs, the newest first",
         .details = "Shows the newest 50 and all that are active; --all shows every one.",
         .configure =
             [options](Arguments& arguments) {
                 arguments.flag("--all", options->all, "Every job, not the newest only");
                 arguments.option("--state", "STATE", &options->state, "Only jobs in this state",
                                  {"all", "active", "queued", "starting", "running", "succeeded",
                                   "failed", "stopped", "preempted"});
                 arguments.option("--kind", "KIND", &options->kind, "job, or other things that run",
                                  {"job", "environment_build", "endpoint_replica", "all"});
             },
         .run = [options](Session& session) { return list(session, *options); }}};
}

}  // namespace maru::cli
