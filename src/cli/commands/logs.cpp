#include <memory>

#include "cli/commands/commands.hpp"
#include "cli/follow/follow_job.hpp"
#include "cli/output.hpp"
#include "compute/operations.hpp"

namespace maru::cli {
namespace {

struct LogsOptions {
    std::string id;
    bool follow = false;
    std::int64_t replica = 0;
};

struct LogDocument {
    std::string id;
    std::int64_t replica = 0;
    std::string text;
};
BOOST_DESCRIBE_STRUCT(LogDocument, (), (id, replica, text))

struct EndLine {
    std::string type = "end";
    compute::Job job;
};
BOOST_DESCRIBE_STRUCT(EndLine, (), (type, job))

int follow(Session& session, const LogsOptions& options, const compute::Job& job) {
    std::mutex output;
    StatusLine status(session.err());
    auto ended = follow_job(session, job, {.replica = static_cast<std::int32_t>(options.replica)},
                            output, status);
    if (session.json())
        session.print_json(EndLine{.job = ended});
    else
        report_end(session, ended);
    return exit_code_of(ended);
}

int logs(Session& session, const LogsOptions& options) {
    auto job = find_job(session, options.id);
    if (options.follow) return follow(session, options, job);
    auto text = session.client().fetch(compute::read_job_log,
                                       {.project = session.project(),
                                        .id = job.id,
                                        .replica = static_cast<std::int32_t>(options.replica)});
    if (session.json())
        session.print_json(LogDocument{job.id, options.replica, text});
    else
        print_out(text);
    return 0;
}

}  // namespace

std::vector<Command> logs_commands() {
    auto options = std::make_shared<LogsOptions>();
    return {{.name = "logs",
             .summary = "Print a job's output",
             .details = "With -f it goes on until the job has ended and exits as the job did. The "
                        "output goes to "
                        "standard output byte for byte.",
             .configure =
                 [options](Arguments& arguments) {
                     arguments.positional("JOB", &options->id,
                                          "The job's id, or its name (the newest of that name)");
                     arguments.flag("-f,--follow", options->follow, "Go on as more comes");
                     arguments.option("--replica", "N", &options->replica,
                                      "Which replica, 0 if not given");
                 },
             .run = [options](Session& session) { return logs(session, *options); }}};
}

}  // namespace maru::cli
