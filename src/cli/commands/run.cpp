#include <unistd.h>

#include <filesystem>
#include <memory>

#include "base/files.hpp"
#include "base/id.hpp"
#include "base/text.hpp"
#include "cli/code/git_state.hpp"
#include "cli/code/upload.hpp"
#include "cli/commands/commands.hpp"
#include "cli/follow/follow_job.hpp"
#include "cli/follow/retry.hpp"
#include "cli/follow/wait_for_environment.hpp"
#include "cli/output.hpp"
#include "cli/values.hpp"
#include "compute/operations.hpp"
#include "environments/operations.hpp"

namespace maru::cli {
namespace {

struct RunOptions {
    std::string name;
    std::optional<std::string> environment, cpus, memory, time_limit, experiment;
    std::optional<std::int64_t> gpus;
    std::int64_t retries = 0;
    std::vector<std::string> parameters, variables, command;
    bool detach = false, no_code = false;
};

bool names_a_file(const std::string& environment) {
    std::error_code error;
    return environment.ends_with(".txt") || std::filesystem::is_regular_file(environment, error);
}

/// The environment's id or name for the job; a requirements file is built first, so that its errors
/// are seen here and not in a job.
std::string resolve_environment(Session& session, const std::string& given) {
    if (!names_a_file(given)) return given;
    auto environment = wait_for_environment(
        session,
        session.client().call(
            environments::create_environment,
            {.project = session.project(), .name = {}, .requirements = read_file(given, 1 << 20)}));
    if (environment.state == environments::EnvironmentState::failed)
        fail(ErrorCode::failed_precondition, "the environment of {} could not be built: {}", given,
             build_error(environment));
    return environment.id;
}

/// Where our own files are, the token's among them.
std::vector<std::filesystem::path> own_folders() {
    std::vector<std::filesystem::path> folders;
    auto add = [&](const std::filesystem::path& folder) {
        std::error_code error;
        if (auto real = std::filesystem::canonical(folder, error); !error) folders.push_back(real);
    };
    if (process_environment("HOME") || process_environment("XDG_CONFIG_HOME"))
        add(config_path(process_environment).parent_path());
    if (auto cache = cache_directory(process_environment); !cache.empty()) add(cache);
    return folders;
}

std::string upload_working_directory(Session& session, StatusLine& status) {
    auto tree = walk_code(std::filesystem::current_path(), {.never = own_folders()});
    for (const auto& left_out : tree.left_out)
        session.note("warning: left out " + printable(left_out));
    auto began = std::chrono::steady_clock::now();
    auto progress = [&](std::size_t sent, std::size_t to_send, std::int64_t bytes) {
        if (std::chrono::steady_clock::now() - began < std::chrono::milliseconds(300)) return;
        status.show(
            fmt::format("uploading {} of {} files, {}", sent + 1, to_send, format_bytes(bytes)));
    };
    auto id = upload_code(session.client(), session.project(), tree,
                          cache_directory(process_environment), progress);
    status.clear();
    return id;
}

/// `maru run train.py` means the Python program.
std::vector<std::string> completed(std::vector<std::string> command) {
    std::error_code error;
    if (command.front().ends_with(".py") &&
        std::filesystem::is_regular_file(command.front(), error))
        command.insert(command.begin(), "python3");
    return command;
}

compute::CreateJob describe(const RunOptions& options) {
    compute::CreateJob job{.name = options.name,
                           .command = completed(options.command),
                           .environment = {},
                           .code = {},
                           .retries = static_cast<std::int32_t>(options.retries),
                           .time_limit_s = {},
                           .variables = parse_pairs("--variable", options.variables),
                           .parameters = parse_pairs("--param", options.parameters),
                           .experiment = options.experiment};
    if (options.cpus) job.resources.cpu_milli = parse_cpus("--cpus", *options.cpus);
    if (options.memory) job.resources.memory_mib = parse_memory_mib("--memory", *options.memory);
    if (options.gpus) job.resources.gpus = *options.gpus;
    if (options.time_limit) job.time_limit_s = parse_time_s("--time-limit", *options.time_limit);
    if (options.retries < 0 || options.retries > 1000)
        fail(ErrorCode::invalid_argument, "--retries: expected 0 to 1000, got {}", options.retries);
    return job;
}

compute::Job create(Session& session, const compute::CreateJob& request) {
    CallOptions once{.idempotency_key = new_id()};
    // The server may go down between our request and its answer; the key makes the second one the
    // same job.
    return retrying(std::chrono::seconds(30),
                    [&] { return session.client().call(compute::create_job, request, once); });
}

int run(Session& session, const RunOptions& options) {
    auto request = describe(options);
    request.project = session.project();
    StatusLine status(session.err());
    if (options.environment)
        request.environment = resolve_environment(session, *options.environment);
    if (!options.no_code) {
        request.code = upload_working_directory(session, status);
        request.tags = git_tags(std::filesystem::current_path());
    }
    if (!options.detach) {
        auto job = create_and_follow(session, [&] { return create(session, request); }, status);
        if (!session.json()) report_end(session, job);
        return exit_code_of(job);
    }
    auto job = create(session, request);
    if (session.json())
        session.print_json(job);
    else
        print_out(job.id + "\n");
    return 0;
}

void configure(Arguments& arguments, RunOptions& options) {
    arguments.option("--name", "NAME", &options.name, "The job's name");
    arguments.option("--env", "NAME|FILE", &options.environment,
                     "An environment by name or id, or a requirements.txt to build one from");
    arguments.option("--cpus", "N", &options.cpus, "CPUs, for example 2 or 0.5");
    arguments.option("--memory", "SIZE", &options.memory, "Memory, for example 4GiB");
    arguments.option("--gpus", "N", &options.gpus, "GPUs");
    arguments.option("--time-limit", "DURATION", &options.time_limit,
                     "Stop it after so long, for example 2h");
    arguments.option("--retries", "N", &options.retries, "Run it again so often if it fails");
    arguments.option(
        "--param", "KEY=VALUE", &options.parameters,
        "A parameter, recorded with the run; the program finds all in MARU_PARAMETERS");
    arguments.option("--experiment", "NAME", &options.experiment,
                     "The experiment that its run belongs to");
    arguments.option("-e,--variable", "KEY=VALUE", &options.variables, "An environment variable");
    arguments.flag("--detach", options.detach, "Print the job's id and return at once");
    arguments.flag("--no-code", options.no_code, "Do not upload the working directory");
    arguments.rest("COMMAND", options.command, "The command and its arguments");
}

}  // namespace

std::vector<Command> run_commands() {
    auto options = std::make_shared<RunOptions>();
    return {{.name = "run",
             .summary = "Run a command on the platform with the files of this directory",
             .details = "Uploads the working directory (only files that the server lacks; what "
                        ".gitignore and .maruignore "
                        "name stays), queues the job, prints its output byte for byte as it comes "
                        "and exits as it did. "
                        "Losing the connection loses nothing. Ctrl-C on a terminal asks whether to "
                        "detach or to stop the "
                        "job; elsewhere SIGINT and SIGTERM stop it. A command that is a Python "
                        "file is run with python3. "
                        "In a Git repository its run gets the commit, branch, remote and diff as "
                        "MLflow's tags. "
                        "With --json: one JSON document a line, of type queued, log, end.",
             .configure = [options](Arguments& arguments) { configure(arguments, *options); },
             .run = [options](Session& session) { return run(session, *options); }}};
}

}  // namespace maru::cli
