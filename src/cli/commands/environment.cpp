#include <memory>

#include "base/files.hpp"
#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/follow/wait_for_environment.hpp"
#include "cli/output.hpp"
#include "environments/operations.hpp"

namespace maru::cli {
namespace {

using environments::EnvironmentState;

struct EnvironmentOptions {
    std::string name, requirements;
    bool detach = false;
};

int create(Session& session, const EnvironmentOptions& options) {
    auto text = options.requirements == "-" ? read_all_from_stdin()
                                            : read_file(options.requirements, 1 << 20);
    auto environment = session.client().call(
        environments::create_environment,
        {.project = session.project(), .name = options.name, .requirements = text});
    if (!options.detach) environment = wait_for_environment(session, std::move(environment));
    if (session.json()) session.print_json(environment);
    if (environment.state == EnvironmentState::failed) {
        fail(ErrorCode::failed_precondition, "environment {} could not be built: {}", options.name,
             build_error(environment));
    }
    session.say(fmt::format("Environment {} version {} is {}.", options.name, environment.version,
                            enum_name(environment.state)));
    return 0;
}

int list(Session& session) {
    auto all = fetch_all(session.client(), environments::list_environments,
                         {.project = session.project(), .page_token = {}, .page_size = 1000});
    if (session.json()) {
        session.print_json(api::Page<environments::Environment>{std::move(all), {}});
        return 0;
    }
    auto now = SystemClock().now();
    Table table({{"NAME"},
                 {"VERSION", Table::Align::right},
                 {"STATE"},
                 {"PYTHON"},
                 {"SIZE", Table::Align::right},
                 {"CREATED"},
                 {"ID", Table::Align::left, true}});
    for (const auto& environment : all) {
        auto state = enum_name(environment.state);
        table.row({environment.name.value_or(""),
                   environment.version ? std::to_string(environment.version) : "",
                   {state, state_colour(state)},
                   environment.python,
                   environment.size_bytes ? format_bytes(environment.size_bytes) : "",
                   relative_time(environment.created_at, now),
                   environment.id});
    }
    print_out(table.render(session.out()));
    return 0;
}

int show(Session& session, const EnvironmentOptions& options) {
    auto environment = session.client().call(
        environments::get_environment, {.project = session.project(), .environment = options.name});
    if (session.json()) {
        session.print_json(environment);
        return 0;
    }
    auto state = enum_name(environment.state);
    Sheet sheet;
    sheet.line("id", environment.id);
    if (environment.name)
        sheet.line("name", fmt::format("{} version {}", *environment.name, environment.version));
    sheet.line("state", std::string(state), state_colour(state));
    if (environment.error) sheet.line("error", *environment.error);
    sheet.line("python", environment.python);
    sheet.line("size", format_bytes(environment.size_bytes));
    sheet.line("created", relative_time(environment.created_at, SystemClock().now()));
    sheet.line("build log", "maru logs " + environment.build_job_id);
    print_out(sheet.render(session.out()));
    print_out("\n" + environment.lock.value_or(environment.requirements));
    if (!environment.lock.value_or(environment.requirements).ends_with('\n')) print_out("\n");
    return 0;
}

int remove(Session& session, const EnvironmentOptions& options) {
    session.client().call(environments::delete_environment,
                          {.project = session.project(), .environment = options.name});
    if (session.json()) session.print_json(api::Nothing{});
    session.say(fmt::format("Deleted {}.", options.name));
    return 0;
}

}  // namespace

std::vector<Command> environment_commands() {
    auto options = std::make_shared<EnvironmentOptions>();
    auto name_it = [options](Arguments& arguments) {
        arguments.positional("ENVIRONMENT", &options->name, "Its name or id");
    };
    return {
        {.name = "env create",
         .summary = "Build a named environment from a requirements file",
         .configure =
             [options](Arguments& arguments) {
                 arguments.positional("NAME", &options->name, "The name; its versions count up");
                 arguments.positional("REQUIREMENTS", &options->requirements,
                                      "A requirements.txt, or - for standard input");
                 arguments.flag("--detach", options->detach, "Do not wait until it is built");
             },
         .run = [options](Session& session) { return create(session, *options); }},
        {.name = "env ls", .summary = "List environments, the newest first", .run = list},
        {.name = "env show",
         .summary = "Show an environment and its locked packages",
         .configure = name_it,
         .run = [options](Session& session) { return show(session, *options); }},
        {.name = "env rm",
         .summary = "Delete an environment that nothing uses",
         .configure = name_it,
         .run = [options](Session& session) { return remove(session, *options); }},
    };
}

}  // namespace maru::cli
