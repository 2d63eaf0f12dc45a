#include <memory>

#include "base/error.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "identity/operations.hpp"
#include "identity/permission_operations.hpp"

namespace maru::cli {
namespace {

struct ProjectOptions {
    std::string name, description;
    std::optional<std::string> add, role, remove, confirm;
    bool purge = false;
    std::optional<std::string> experiment, model, permission;
};

int create(Session& session, const ProjectOptions& options) {
    auto project = session.client().call(
        identity::create_project, {.name = options.name, .description = options.description});
    if (session.json()) session.print_json(project);
    session.say(fmt::format("Created project {}. Work in it: maru project use {}", project.name,
                            project.name));
    return 0;
}

int list(Session& session) {
    auto projects =
        fetch_all(session.client(), identity::list_projects, {.page_token = {}, .page_size = 1000});
    if (session.json()) {
        session.print_json(api::Page<identity::Project>{std::move(projects), {}});
        return 0;
    }
    auto now = SystemClock().now();
    Table table({{"NAME"}, {"ROLE"}, {"CREATED"}, {"DESCRIPTION", Table::Align::left, true}});
    for (const auto& project : projects) {
        bool current = project.name == session.project();
        table.row({{project.name, current ? Colour::bold : Colour::none},
                   enum_name(project.role),
                   relative_time(project.created_at, now),
                   project.description});
    }
    print_out(table.render(session.out()));
    return 0;
}

int use(Session& session, const ProjectOptions& options) {
    auto project = session.client().call(identity::get_project, {.project = options.name});
    auto path = config_path(process_environment);
    auto saved = read_config(path);
    saved.project = project.name;
    write_config(path, saved);
    if (session.json()) session.print_json(project);
    session.say(fmt::format("Working in project {}.", project.name));
    if (process_environment("MARU_PROJECT"))
        session.note("warning: MARU_PROJECT is set and goes before the saved project");
    return 0;
}

/// Has the name of what goes for good typed again.
void confirm_purge(Session& session, const ProjectOptions& options) {
    auto typed = options.confirm;
    if (!typed && session.interactive()) {
        print_err(
            fmt::format("This removes all jobs, runs, models, traces and files of {} for good.\n"
                        "Type its name to go on: ",
                        options.name));
        typed = read_line_from_stdin("the project's name");
    }
    if (!typed)
        fail(ErrorCode::invalid_argument,
             "--purge removes everything in {} for good; say --confirm {}", options.name,
             options.name);
    if (*typed != options.name)
        fail(ErrorCode::invalid_argument,
             "\"{}\" is not the name of the project, {}; nothing was deleted", printable(*typed),
             options.name);
}

int remove(Session& session, const ProjectOptions& options) {
    if (options.purge) confirm_purge(session, options);
    auto answer = session.client().call(identity::delete_project,
                                        {.project = options.name, .purge = options.purge});
    if (session.json()) session.print_json(answer);
    session.say(fmt::format("Deleted project {}{}.", options.name,
                            options.purge ? " with everything in it" : ""));
    return 0;
}

int members(Session& session, const ProjectOptions& options) {
    auto& client = session.client();
    const auto& project = session.project();
    if (options.add) {
        auto role = enum_from<identity::Role>(options.role.value_or("developer"));
        auto member = client.call(identity::set_member,
                                  {.project = project, .user = *options.add, .role = role.value()});
        if (session.json()) session.print_json(member);
        session.say(fmt::format("{} is {} of {}.", member.user, enum_name(member.role), project));
        return 0;
    }
    if (options.role) fail(ErrorCode::invalid_argument, "--role goes with --add USER");
    if (options.remove) {
        client.call(identity::remove_member, {.project = project, .user = *options.remove});
        if (session.json()) session.print_json(api::Nothing{});
        session.say(fmt::format("{} is no longer in {}.", *options.remove, project));
        return 0;
    }
    auto list = fetch_all(client, identity::list_members,
                          {.project = project, .page_token = {}, .page_size = 1000});
    if (session.json()) {
        session.print_json(api::Page<identity::Member>{std::move(list), {}});
        return 0;
    }
    Table table({{"USER", Table::Align::left, true}, {"ROLE"}});
    for (const auto& member : list) table.row({member.user, enum_name(member.role)});
    print_out(table.render(session.out()));
    return 0;
}

std::string resource_text(const identity::ResourcePermissionEntry& entry) {
    bool experiment = entry.kind == api::ResourceKind::experiment;
    if (entry.resource == "*") return experiment ? "all experiments" : "all models";
    return fmt::format("{} {}", experiment ? "experiment" : "model", entry.name);
}

int permissions(Session& session, const ProjectOptions& options) {
    auto& client = session.client();
    const auto& project = session.project();
    if (options.experiment && options.model)
        fail(ErrorCode::invalid_argument, "give --experiment or --model, not both");
    auto kind = options.model ? api::ResourceKind::registered_model : api::ResourceKind::experiment;
    auto resource = options.model ? options.model : options.experiment;
    if ((options.add || options.remove) && !resource)
        fail(ErrorCode::invalid_argument,
             "say on what: --experiment ID or --model NAME; '*' is all of them");
    if (options.add) {
        auto permission = enum_from<api::ResourcePermission>(options.permission.value_or("READ"));
        auto set = client.call(identity::set_permission, {.project = project,
                                                          .user = *options.add,
                                                          .kind = kind,
                                                          .resource = *resource,
                                                          .permission = permission.value()});
        if (session.json()) session.print_json(set);
        session.say(fmt::format("{} has {} on {} of {}.", *options.add, enum_name(set.permission),
                                resource_text(set), project));
        return 0;
    }
    if (options.permission) fail(ErrorCode::invalid_argument, "--permission goes with --add USER");
    if (options.remove) {
        client.call(
            identity::remove_permission,
            {.project = project, .user = *options.remove, .kind = kind, .resource = *resource});
        if (session.json()) session.print_json(api::Nothing{});
        session.say(fmt::format("{} has what his role allows again.", *options.remove));
        return 0;
    }
    auto list = client.call(identity::list_permissions,
                            {.project = project,
                             .kind = resource ? std::optional(kind) : std::nullopt,
                             .resource = resource.value_or("")});
    if (session.json()) {
        session.print_json(list);
        return 0;
    }
    Table table({{"ON", Table::Align::left, true}, {"WHO", Table::Align::left, true}, {"MAY"}});
    for (const auto& entry : list.items)
        table.row({resource_text(entry),
                   entry.user ? *entry.user : "role " + entry.role.value_or(""),
                   enum_name(entry.permission)});
    print_out(table.render(session.out()));
    return 0;
}

}  // namespace

std::vector<Command> project_commands() {
    auto options = std::make_shared<ProjectOptions>();
    auto name_it = [options](Arguments& arguments) {
        arguments.positional("NAME", &options->name, "The project");
    };
    return {
        {.name = "project create",
         .summary = "Create a project and become its owner",
         .configure =
             [options, name_it](Arguments& arguments) {
                 name_it(arguments);
                 arguments.option("--description", "TEXT", &options->description, "What it is for");
             },
         .run = [options](Session& session) { return create(session, *options); }},
        {.name = "project ls", .summary = "List the projects that you may see", .run = list},
        {.name = "project use",
         .summary = "Work in this project from now on",
         .configure = name_it,
         .run = [options](Session& session) { return use(session, *options); }},
        {.name = "project rm",
         .summary = "Delete an empty project, or with --purge one with everything in it",
         .configure =
             [options, name_it](Arguments& arguments) {
                 name_it(arguments);
                 arguments.flag(
                     "--purge", options->purge,
                     "Remove all that is in it for good; what runs must be stopped before");
                 arguments.option("--confirm", "NAME", &options->confirm,
                                  "The project's name again, in place of being asked for it");
             },
         .run = [options](Session& session) { return remove(session, *options); }},
        {.name = "project members",
         .summary = "List the members of the current project, add or remove one",
         .configure =
             [options](Arguments& arguments) {
                 arguments.option("--add", "USER", &options->add, "Add a user, or change his role");
                 arguments.option("--role", "ROLE", &options->role,
                                  "The role with --add, developer if not given",
                                  {"owner", "developer", "viewer"});
                 arguments.option("--remove", "USER", &options->remove, "Take a user out");
             },
         .run = [options](Session& session) { return members(session, *options); }},
        {.name = "project permissions",
         .summary = "List permissions on single experiments and models, give or take back one",
         .configure =
             [options](Arguments& arguments) {
                 arguments.option("--experiment", "ID", &options->experiment,
                                  "On this experiment, by id or name; '*' is all");
                 arguments.option("--model", "NAME", &options->model,
                                  "On this registered model; '*' is all");
                 arguments.option("--add", "USER", &options->add, "Give a user a permission");
                 arguments.option("--permission", "PERMISSION", &options->permission,
                                  "What he may, with --add: READ if not given; DENY takes away "
                                  "what his role allows",
                                  {"READ", "USE", "EDIT", "MANAGE", "DENY"});
                 arguments.option("--remove", "USER", &options->remove,
                                  "Take back what a user was given");
             },
         .run = [options](Session& session) { return permissions(session, *options); }},
    };
}

}  // namespace maru::cli
