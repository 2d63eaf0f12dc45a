#include <memory>

#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/model_reference.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "cli/values.hpp"
#include "models/approval_operations.hpp"
#include "models/operations.hpp"

namespace maru::cli {
namespace {

struct ModelOptions {
    std::string model, alias, run, path, name, description, comment;
    std::vector<std::string> tags, removed_tags;
    bool remove = false, with_files = false;
};

/// A model with all of its versions, as `model show` prints it.
struct ModelDocument {
    std::string name, description;
    std::optional<std::int64_t> latest_version;
    std::map<std::string, std::int64_t> aliases;
    std::map<std::string, std::string> tags;
    Time created_at{}, updated_at{};
    std::vector<models::ModelVersion> versions;
};
BOOST_DESCRIBE_STRUCT(ModelDocument, (),
                      (name, description, latest_version, aliases, tags, created_at, updated_at,
                       versions))

std::string joined(const std::vector<std::string>& words) {
    return fmt::format("{}", fmt::join(words, ", "));
}

int list(Session& session) {
    auto all = fetch_all(session.client(), models::list_models,
                         {.project = session.project(), .page_token = {}, .page_size = 1000});
    if (session.json()) {
        session.print_json(api::Page<models::Model>{std::move(all), {}});
        return 0;
    }
    auto now = SystemClock().now();
    Table table({{"NAME", Table::Align::left, true},
                 {"LATEST", Table::Align::right},
                 {"ALIASES", Table::Align::left, true},
                 {"UPDATED"},
                 {"DESCRIPTION", Table::Align::left, true}});
    for (const auto& model : all) {
        std::vector<std::string> aliases;
        for (const auto& [alias, version] : model.aliases)
            aliases.push_back(fmt::format("{}={}", alias, version));
        table.row({model.name, model.latest_version ? std::to_string(*model.latest_version) : "",
                   joined(aliases), relative_time(model.updated_at, now), model.description});
    }
    print_out(table.render(session.out()));
    return 0;
}

std::vector<models::ModelVersion> all_versions(Session& session, const std::string& model) {
    return fetch_all(
        session.client(), models::list_versions,
        {.project = session.project(), .model = model, .page_token = {}, .page_size = 1000});
}

void print_versions(Session& session, const std::vector<models::ModelVersion>& versions) {
    auto now = SystemClock().now();
    Table table({{"VERSION", Table::Align::right},
                 {"STATE"},
                 {"ALIASES", Table::Align::left, true},
                 {"FLAVORS", Table::Align::left, true},
                 {"SIZE", Table::Align::right},
                 {"CREATED"},
                 {"RUN"}});
    for (const auto& version : versions) {
        auto state = enum_name(version.state);
        table.row({version.version,
                   {state, state_colour(state)},
                   joined(version.aliases),
                   joined(version.flavors),
                   format_bytes(version.size_bytes),
                   relative_time(version.created_at, now),
                   version.run_id.value_or("")});
    }
    print_out(table.render(session.out()));
}

int show_version(Session& session, const ModelReference& reference) {
    auto version = session.client().call(
        models::get_version,
        {.project = session.project(), .model = reference.model, .version = *reference.version});
    if (session.json()) {
        session.print_json(version);
        return 0;
    }
    auto state = enum_name(version.state);
    Sheet sheet;
    sheet.line("model", fmt::format("{}/{}", version.model, version.version));
    sheet.line("state", std::string(state), state_colour(state));
    if (!version.description.empty()) sheet.line("description", version.description);
    if (!version.aliases.empty()) sheet.line("aliases", joined(version.aliases));
    sheet.line("flavors", joined(version.flavors));
    sheet.line("size", format_bytes(version.size_bytes));
    sheet.line("source", version.source);
    if (version.stage != "None") sheet.line("stage", version.stage);
    for (const auto& [key, value] : version.tags) sheet.line("tag " + key, value);
    if (!version.user.empty()) sheet.line("by", version.user);
    if (version.run_id) sheet.line("run", *version.run_id);
    sheet.line("created", relative_time(version.created_at, SystemClock().now()));
    print_out(sheet.render(session.out()));
    return 0;
}

int show(Session& session, const ModelOptions& options) {
    auto reference = parse_model_reference(session, options.model);
    if (reference.version) return show_version(session, reference);
    auto& client = session.client();
    auto model =
        client.call(models::get_model, {.project = session.project(), .model = reference.model});
    auto versions = all_versions(session, reference.model);
    if (session.json()) {
        session.print_json(ModelDocument{model.name, model.description, model.latest_version,
                                         model.aliases, model.tags, model.created_at,
                                         model.updated_at, std::move(versions)});
        return 0;
    }
    auto now = SystemClock().now();
    Sheet sheet;
    sheet.line("name", model.name);
    if (!model.description.empty()) sheet.line("description", model.description);
    sheet.line("created", relative_time(model.created_at, now));
    print_out(sheet.render(session.out()) + "\n");
    print_versions(session, versions);
    return 0;
}

int versions(Session& session, const ModelOptions& options) {
    auto all = all_versions(session, parse_model_reference(session, options.model).model);
    if (session.json())
        session.print_json(api::Page<models::ModelVersion>{std::move(all), {}});
    else
        print_versions(session, all);
    return 0;
}

int register_version(Session& session, const ModelOptions& options) {
    // A run's id, or any source that the registry takes.
    bool is_source = options.run.find(":/") != std::string::npos;
    if (is_source && !options.path.empty())
        fail(ErrorCode::invalid_argument, "--path belongs to a run; {} is a source already",
             options.run);
    std::string source =
        is_source ? options.run
                  : "runs:/" + options.run + (options.path.empty() ? "" : "/" + options.path);
    auto version =
        session.client().call(models::create_version, {.project = session.project(),
                                                       .model = options.name,
                                                       .source = source,
                                                       .description = options.description,
                                                       .tags = parse_pairs("--tag", options.tags),
                                                       .create_model = true});
    if (session.json()) session.print_json(version);
    session.say(fmt::format("Registered {}/{} from {}.", version.model, version.version, source));
    return 0;
}

int tag(Session& session, const ModelOptions& options) {
    auto reference = parse_model_reference(session, options.model);
    auto set = parse_pairs("--set", options.tags);
    if (set.empty() && options.removed_tags.empty())
        fail(ErrorCode::invalid_argument, "name a tag with --set KEY=VALUE or --remove KEY");
    auto model = session.client().call(models::set_tags, {.project = session.project(),
                                                          .model = reference.model,
                                                          .version = reference.version,
                                                          .set = set,
                                                          .remove = options.removed_tags});
    if (session.json()) session.print_json(model);
    session.say(fmt::format("Tagged {}.", options.model));
    return 0;
}

/// With a comment it is asked for at once: the comment is for those who approve.
int ask_for_alias(Session& session, const ModelOptions& options, const ModelReference& reference) {
    auto request = session.client().call(
        models::create_request,
        {.project = session.project(),
         .model = reference.model,
         .target = options.alias,
         .comment = options.comment,
         .version = reference.version.value_or(0),
         .kind = options.remove ? models::RequestKind::alias_removal : models::RequestKind::alias});
    if (session.json()) session.print_json(request);
    session.say(fmt::format("Request {} waits for approval: maru model approve {}", request.id,
                            request.id));
    return 0;
}

int alias(Session& session, const ModelOptions& options) {
    auto reference = parse_model_reference(session, options.model);
    auto& client = session.client();
    if (!options.comment.empty()) return ask_for_alias(session, options, reference);
    if (options.remove) {
        client.call(
            models::delete_alias,
            {.project = session.project(), .model = reference.model, .alias = options.alias});
        if (session.json()) session.print_json(api::Nothing{});
        session.say(fmt::format("Removed {}@{}.", reference.model, options.alias));
        return 0;
    }
    if (!reference.version)
        fail(ErrorCode::invalid_argument,
             "expected MODEL/VERSION such as {}/1 for the alias to point at, got \"{}\"",
             options.model, options.model);
    auto model = client.call(models::set_alias, {.project = session.project(),
                                                 .model = reference.model,
                                                 .alias = options.alias,
                                                 .version = *reference.version});
    if (session.json()) session.print_json(model);
    session.say(
        fmt::format("{}@{} is version {}.", reference.model, options.alias, *reference.version));
    return 0;
}

int remove(Session& session, const ModelOptions& options) {
    auto reference = parse_model_reference(session, options.model);
    auto& client = session.client();
    if (reference.version) {
        models::NameVersion version{
            .project = session.project(), .model = reference.model, .version = *reference.version};
        options.with_files ? client.call(models::remove_version, version)
                           : client.call(models::delete_version, version);
    } else {
        models::NameModel model{.project = session.project(), .model = reference.model};
        options.with_files ? client.call(models::remove_model, model)
                           : client.call(models::delete_model, model);
    }
    if (session.json()) session.print_json(api::Nothing{});
    session.say(
        options.with_files
            ? fmt::format("Removed {} and the files that nothing else is made of.", options.model)
            : fmt::format("Removed {}; the files stay with their runs.", options.model));
    return 0;
}

}  // namespace

std::vector<Command> model_commands() {
    auto options = std::make_shared<ModelOptions>();
    auto name_it = [options](Arguments& arguments) {
        arguments.positional("MODEL[/VERSION]", &options->model,
                             "The model, or one version of it: MODEL/VERSION or MODEL@ALIAS");
    };
    return {
        {.name = "model ls", .summary = "List registered models", .run = list},
        {.name = "model show",
         .summary = "Show a model and its versions, or one version",
         .configure = name_it,
         .run = [options](Session& session) { return show(session, *options); }},
        {.name = "model versions",
         .summary = "List a model's versions, the newest first",
         .configure =
             [options](Arguments& arguments) {
                 arguments.positional("MODEL", &options->model, "The model");
             },
         .run = [options](Session& session) { return versions(session, *options); }},
        {.name = "model register",
         .summary = "Register what a run has logged as a version of a model",
         .details = "The model is made if there is none of that name. In place of a run's id a "
                    "source may stand: models:/m-ID, models:/NAME/VERSION.",
         .configure =
             [options](Arguments& arguments) {
                 arguments.positional("RUN", &options->run, "The run's id");
                 arguments.option("--name", "MODEL", &options->name, "The model's name");
                 arguments.option(
                     "--path", "PATH", &options->path,
                     "Where the model is among the run's artifacts, for example model");
                 arguments.option("--description", "TEXT", &options->description,
                                  "What is to be known about this version");
                 arguments.option("--tag", "KEY=VALUE", &options->tags, "A tag");
             },
         .run =
             [options](Session& session) {
                 if (options->name.empty())
                     fail(ErrorCode::invalid_argument, "--name is missing: which model is it?");
                 return register_version(session, *options);
             }},
        {.name = "model tag",
         .summary = "Set and remove tags of a model or a version",
         .configure =
             [options](Arguments& arguments) {
                 arguments.positional("MODEL[/VERSION]", &options->model,
                                      "The model, or one version of it");
                 arguments.option("--set", "KEY=VALUE", &options->tags, "A tag to set");
                 arguments.option("--remove", "KEY", &options->removed_tags, "A tag to remove");
             },
         .run = [options](Session& session) { return tag(session, *options); }},
        {.name = "model alias",
         .summary = "Point an alias at a version of a model",
         .details = "Where a rule protects the alias, a request for approval is made instead.",
         .configure =
             [options](Arguments& arguments) {
                 arguments.positional("MODEL/VERSION", &options->model,
                                      "The version; with --remove the model suffices");
                 arguments.positional("ALIAS", &options->alias, "The alias, for example champion");
                 arguments.flag("--remove", options->remove, "Remove the alias");
                 arguments.option("--comment", "TEXT", &options->comment,
                                  "For those who approve: ask for the move, saying why");
             },
         .run = [options](Session& session) { return alias(session, *options); }},
        {.name = "model rm",
         .summary = "Remove a model, or one version of it, from the registry",
         .configure =
             [options, name_it](Arguments& arguments) {
                 name_it(arguments);
                 arguments.flag("--with-files", options->with_files,
                                "Also remove the files, unless something else is made of them");
             },
         .run = [options](Session& session) { return remove(session, *options); }},
    };
}

}  // namespace maru::cli
