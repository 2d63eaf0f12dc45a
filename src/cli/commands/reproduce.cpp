#include <memory>

#include "base/id.hpp"
#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/follow/follow_job.hpp"
#include "cli/follow/retry.hpp"
#include "cli/output.hpp"
#include "cli/values.hpp"
#include "compute/operations.hpp"
#include "tracking/reproduction/operations.hpp"

namespace maru::cli {
namespace {

struct ForkOptions {
    std::string run, other, name;
    std::vector<std::string> parameters;
    bool detach = false, dry_run = false;
};

struct ComparisonLine {
    std::string type;
    tracking::RunComparison comparison;
};
BOOST_DESCRIBE_STRUCT(ComparisonLine, (), (type, comparison))

std::string shown(const std::optional<double>& value) {
    return value ? format_number(*value) : "";
}

void print_texts(Session& session, const char* title,
                 const std::vector<tracking::TextDifference>& differences) {
    if (differences.empty()) return;
    Table table(
        {{title}, {"FIRST", Table::Align::left, true}, {"SECOND", Table::Align::left, true}});
    for (const auto& [key, left, right] : differences)
        table.row({key, left.value_or(""), right.value_or("")});
    print_out(table.render(session.out()) + "\n");
}

void print_comparison(Session& session, const tracking::RunComparison& comparison) {
    print_texts(session, "ORIGIN", comparison.origin);
    print_texts(session, "PARAMETER", comparison.parameters);
    if (!comparison.metrics.empty()) {
        Table table({{"METRIC", Table::Align::left, true},
                     {"FIRST", Table::Align::right},
                     {"SECOND", Table::Align::right},
                     {"DIFFERENCE", Table::Align::right},
                     {"POINTS DIFFERING", Table::Align::right},
                     {"LARGEST", Table::Align::right}});
        for (const auto& metric : comparison.metrics)
            table.row({metric.key, shown(metric.left), shown(metric.right),
                       metric.identical ? "identical" : shown(metric.difference),
                       fmt::format("{} of {}", metric.points_differing, metric.points),
                       metric.identical ? "" : format_number(metric.largest_difference)});
        print_out(table.render(session.out()) + "\n");
    }
    if (!comparison.outputs.empty()) {
        Table table({{"OUTPUT", Table::Align::left, true},
                     {"FIRST", Table::Align::right},
                     {"SECOND", Table::Align::right},
                     {""}});
        for (const auto& output : comparison.outputs)
            table.row({output.path, output.left_bytes ? format_bytes(*output.left_bytes) : "",
                       output.right_bytes ? format_bytes(*output.right_bytes) : "",
                       output.identical      ? "identical"
                       : !output.left_bytes  ? "new"
                       : !output.right_bytes ? "missing"
                                             : "differs"});
        print_out(table.render(session.out()) + "\n");
    }
    if (comparison.metrics.empty() && comparison.outputs.empty())
        print_out("Neither run has metrics or outputs to compare.\n");
    else
        print_out(
            comparison.identical
                ? "All metrics and outputs are identical.\n"
                : "Not all metrics and outputs are identical, or the runs ended differently.\n");
}

tracking::RunComparison comparison_of(Session& session, const std::string& left,
                                      const std::string& right) {
    return session.client().call(tracking::compare_runs,
                                 {.project = session.project(), .id = left, .other = right});
}

template <class Request>
std::function<compute::Job()> creation(Session& session,
                                       const api::Operation<Request, compute::Job>& operation,
                                       const Request& request) {
    return [&session, &operation, request] {
        CallOptions once{.idempotency_key = new_id()};
        return retrying(std::chrono::seconds(30),
                        [&] { return session.client().call(operation, request, once); });
    };
}

int detached(Session& session, const compute::Job& job) {
    if (session.json())
        session.print_json(job);
    else
        print_out(job.id + "\n");
    return 0;
}

int fork(Session& session, const ForkOptions& options) {
    tracking::ForkRun request{.project = session.project(),
                              .id = options.run,
                              .parameters = parse_pairs("--param", options.parameters),
                              .name = options.name};
    if (options.dry_run) {
        auto job = session.client().call(tracking::preview_fork, request);
        if (session.json())
            session.print_json(job);
        else
            print_out(command_text(job.command) + "\n");
        return 0;
    }
    auto create = creation(session, tracking::fork_run, request);
    if (options.detach) return detached(session, create());
    StatusLine status(session.err());
    auto job = create_and_follow(session, create, status);
    if (!session.json()) report_end(session, job);
    return exit_code_of(job);
}

int reproduce(Session& session, const ForkOptions& options) {
    auto create = creation(session, tracking::reproduce_run,
                           {.project = session.project(), .id = options.run});
    if (options.detach) return detached(session, create());
    StatusLine status(session.err());
    auto job = create_and_follow(session, create, status);
    if (!session.json()) report_end(session, job);
    if (!job.run_id) return exit_code_of(job);
    auto comparison = comparison_of(session, options.run, *job.run_id);
    if (session.json())
        session.print_json(ComparisonLine{"comparison", comparison});
    else
        print_comparison(session, comparison);
    return exit_code_of(job);
}

int compare(Session& session, const ForkOptions& options) {
    auto comparison = comparison_of(session, options.run, options.other);
    if (session.json())
        session.print_json(comparison);
    else
        print_comparison(session, comparison);
    return 0;
}

}  // namespace

std::vector<Command> reproduce_commands() {
    auto options = std::make_shared<ForkOptions>();
    return {
        {.name = "fork",
         .summary = "Run the job of a run again with other parameters",
         .details = "The same code, environment and resources. A parameter is changed where the "
                    "command names it (--lr 0.1, --lr=0.1, lr=0.1) and in the variable "
                    "MARU_PARAMETERS (a JSON object of what --param gave). Prints its output and "
                    "exits as it did, as run does.",
         .configure =
             [options](Arguments& arguments) {
                 arguments.positional("RUN", &options->run, "The run's id");
                 arguments.option("--param", "KEY=VALUE", &options->parameters,
                                  "A parameter's new value");
                 arguments.option("--name", "NAME", &options->name, "The new job's name");
                 arguments.flag("--dry-run", options->dry_run,
                                "Print the command that would run, and start nothing");
                 arguments.flag("--detach", options->detach,
                                "Print the job's id and return at once");
             },
         .run = [options](Session& session) { return fork(session, *options); }},
        {.name = "reproduce",
         .summary = "Run the job of a run again, unchanged, and tell what came out differently",
         .details = "Compares every value of every metric and every output file. Exits as the job "
                    "did; the word \"identical\" in --json says whether all was.",
         .configure =
             [options](Arguments& arguments) {
                 arguments.positional("RUN", &options->run, "The run's id");
                 arguments.flag("--detach", options->detach,
                                "Print the job's id and return at once");
             },
         .run = [options](Session& session) { return reproduce(session, *options); }},
        {.name = "compare",
         .summary = "Tell how two runs differ: origin, parameters, metrics, outputs",
         .configure =
             [options](Arguments& arguments) {
                 arguments.positional("RUN", &options->run, "The first run's id");
                 arguments.positional("OTHER", &options->other, "The second run's id");
             },
         .run = [options](Session& session) { return compare(session, *options); }},
    };
}

}  // namespace maru::cli
