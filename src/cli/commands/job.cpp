#include <memory>

#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/follow/follow_job.hpp"
#include "cli/follow/retry.hpp"
#include "cli/output.hpp"
#include "compute/operations.hpp"

namespace maru::cli {
namespace {

struct JobOptions {
    std::string id;
    bool wait = false;
};

std::string pairs_text(const std::map<std::string, std::string>& pairs) {
    std::string text;
    for (const auto& [key, value] : pairs) text += (text.empty() ? "" : ", ") + key + "=" + value;
    return text;
}

std::string resources_text(const compute::Resources& resources) {
    auto text = fmt::format("{} CPUs, {} memory", format_cpus(resources.cpu_milli),
                            format_bytes(resources.memory_mib << 20));
    if (resources.gpus) text += fmt::format(", {} GPUs", resources.gpus);
    return text;
}

/// "0f3a... on main, changed since" of the tags that MLflow has for it.
std::string git_text(const std::map<std::string, std::string>& tags) {
    auto tag = [&](std::string_view name) {
        auto found = tags.find(fmt::format("mlflow.source.git.{}", name));
        return found == tags.end() ? std::string() : found->second;
    };
    auto text = tag("commit");
    if (text.empty()) return text;
    if (auto branch = tag("branch"); !branch.empty()) text += " on " + branch;
    if (tag("dirty") == "true") text += ", changed since";
    if (auto remote = tag("repoURL"); !remote.empty()) text += fmt::format(" ({})", remote);
    return text;
}

void print_times(Sheet& sheet, const compute::Job& job, Time now) {
    sheet.line("queued", relative_time(job.queued_at, now) + " by " + job.user);
    if (job.started_at) sheet.line("started", relative_time(*job.started_at, now));
    if (!job.finished_at) return;
    auto text = relative_time(*job.finished_at, now);
    if (job.started_at) text += ", ran " + short_duration(*job.finished_at - *job.started_at);
    sheet.line("finished", text);
}

void print_job(Session& session, const compute::Job& job) {
    auto now = SystemClock().now();
    auto state = enum_name(job.state);
    Sheet sheet;
    sheet.line("id", job.id);
    sheet.line("name", job.name);
    auto state_text = std::string(state);
    if (job.exit_code) state_text += fmt::format(", exit code {}", *job.exit_code);
    sheet.line("state", state_text, state_colour(state));
    if (!job.reason.empty()) sheet.line("reason", job.reason);
    sheet.line("command", command_text(job.command));
    print_times(sheet, job, now);
    sheet.line("resources", resources_text(job.resources));
    if (job.replica_count > 1) sheet.line("replicas", std::to_string(job.replica_count));
    if (job.retries > 0)
        sheet.line("attempt", fmt::format("{} of {}", job.attempt, job.retries + 1));
    if (job.time_limit_s) sheet.line("time limit", format_duration_s(*job.time_limit_s));
    if (job.environment) sheet.line("environment", *job.environment);
    if (job.code) sheet.line("code", *job.code);
    if (auto git = git_text(job.tags); !git.empty()) sheet.line("git", git);
    if (job.experiment) sheet.line("experiment", *job.experiment);
    if (job.run_id) sheet.line("run", *job.run_id);
    if (!job.parameters.empty()) sheet.line("parameters", pairs_text(job.parameters));
    if (!job.variables.empty()) sheet.line("variables", pairs_text(job.variables));
    if (job.started_at)
        sheet.line("used",
                   fmt::format("{} CPU seconds, {} memory at most", format_number(job.usage.cpu_s),
                               format_bytes(job.usage.memory_peak_bytes)));
    print_out(sheet.render(session.out()));
    if (job.replicas.size() < 2) return;
    Table table(
        {{"REPLICA", Table::Align::right}, {"NODE"}, {"STATE"}, {"EXIT", Table::Align::right}});
    for (const auto& replica : job.replicas) {
        auto name = enum_name(replica.state);
        table.row({replica.index,
                   replica.node.value_or(""),
                   {name, state_colour(name)},
                   replica.exit_code ? std::to_string(*replica.exit_code) : ""});
    }
    print_out("\n" + table.render(session.out()));
}

int show(Session& session, const JobOptions& options) {
    auto job = find_job(session, options.id);
    if (session.json())
        session.print_json(job);
    else
        print_job(session, job);
    return 0;
}

int wait(Session& session, const JobOptions& options) {
    auto job = wait_for_job(session, find_job(session, options.id).id);
    if (session.json())
        session.print_json(job);
    else
        report_end(session, job);
    return exit_code_of(job);
}

int stop(Session& session, const JobOptions& options) {
    auto id = find_job(session, options.id).id;
    auto job = session.client().call(compute::stop_job, {.project = session.project(), .id = id});
    if (options.wait) job = wait_for_job(session, id);
    if (session.json()) session.print_json(job);
    session.say(fmt::format(
        "{} {}.", printable(job.name),
        is_final(job.state) ? "is " + std::string(enum_name(job.state)) : "is being stopped"));
    return 0;
}

int retry(Session& session, const JobOptions& options) {
    auto id = find_job(session, options.id).id;
    auto job = session.client().call(compute::retry_job, {.project = session.project(), .id = id},
                                     {.idempotency_key = {}});
    if (session.json())
        session.print_json(job);
    else
        print_out(job.id + "\n");
    return 0;
}

int remove(Session& session, const JobOptions& options) {
    auto job = find_job(session, options.id);
    auto answer =
        session.client().call(compute::delete_job, {.project = session.project(), .id = job.id});
    if (session.json()) session.print_json(answer);
    session.say(fmt::format("Deleted {} with its log.{}", printable(job.name),
                            job.run_id ? " Its run stays: maru runs" : ""));
    return 0;
}

int why(Session& session, const JobOptions& options) {
    auto job = find_job(session, options.id);
    auto waiting =
        session.client().call(compute::why_job, {.project = session.project(), .id = job.id});
    if (session.json()) {
        session.print_json(waiting);
        return 0;
    }
    if (waiting.reason.empty())
        waiting.reason = fmt::format("It does not wait; it is {}.", enum_name(job.state));
    print_out(printable(waiting.reason) + "\n");
    auto now = SystemClock().now();
    if (waiting.position)
        print_out(fmt::format("Its place in the queue is {}.\n", *waiting.position));
    if (waiting.estimated_start_at)
        print_out(
            fmt::format("It should start {}.\n", relative_time(*waiting.estimated_start_at, now)));
    return 0;
}

}  // namespace

std::vector<Command> job_commands() {
    auto options = std::make_shared<JobOptions>();
    auto name_it = [options](Arguments& arguments) {
        arguments.positional("JOB", &options->id,
                             "The job's id, or its name (the newest of that name)");
    };
    return {
        {.name = "job show",
         .summary = "Show one job",
         .configure = name_it,
         .run = [options](Session& session) { return show(session, *options); }},
        {.name = "job wait",
         .summary = "Wait until a job has ended, and exit as it did",
         .configure = name_it,
         .run = [options](Session& session) { return wait(session, *options); }},
        {.name = "job stop",
         .summary = "Ask a job to end, and kill it after its grace",
         .configure =
             [options, name_it](Arguments& arguments) {
                 name_it(arguments);
                 arguments.flag("--wait", options->wait, "Return when it has ended");
             },
         .run = [options](Session& session) { return stop(session, *options); }},
        {.name = "job retry",
         .summary = "Queue a new job like this one and print its id",
         .configure = name_it,
         .run = [options](Session& session) { return retry(session, *options); }},
        {.name = "job rm",
         .summary = "Delete a job that has ended, with its log; its run stays",
         .configure = name_it,
         .run = [options](Session& session) { return remove(session, *options); }},
        {.name = "why",
         .summary = "Say why a job waits, its place and when it should start",
         .configure = name_it,
         .run = [options](Session& session) { return why(session, *options); }},
    };
}

}  // namespace maru::cli
