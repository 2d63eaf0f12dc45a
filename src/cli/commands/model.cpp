#include <memory>

#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "models/operations.hpp"

namespace maru::cli {
namespace {

struct ModelOptions {
    std::string model, alias;
    bool remove = false;
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

struct Reference {
    std::string model;
    std::optional<std::int64_t> version;
};

/// "MODEL" or "MODEL/VERSION"; what follows the last slash is a version only if it is a number.
Reference parse_reference(const std::string& text) {
    auto slash = text.rfind('/');
    if (slash == std::string::npos) return {text, {}};
    auto version = parse_int(text.substr(slash + 1));
    if (!version) return {text, {}};
    if (*version < 1 || slash == 0)
        fail(ErrorCode::invalid_argument, "expected MODEL/VERSION such as digits/3, got \"{}\"",
             text);
    return {text.substr(0, slash), version};
}

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

int show_version(Session& session, const Reference& reference) {
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
    if (version.run_id) sheet.line("run", *version.run_id);
    sheet.line("created", relative_time(version.created_at, SystemClock().now()));
    print_out(sheet.render(session.out()));
    return 0;
}

int show(Session& session, const ModelOptions& options) {
    auto reference = parse_reference(options.model);
    if (reference.version) return show_version(session, reference);
    auto& client = session.client();
    auto model =
        client.call(models::get_model, {.project = session.project(), .model = reference.model});
    auto versions = fetch_all(client, models::list_versions,
                              {.project = session.project(),
                               .model = reference.model,
                               .page_token = {},
                               .page_size = 1000});
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
    return 0;
}

int alias(Session& session, const ModelOptions& options) {
    auto reference = parse_reference(options.model);
    auto& client = session.client();
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
    auto reference = parse_reference(options.model);
    auto& client = session.client();
    if (reference.version)
        client.call(models::delete_version, {.project = session.project(),
                                             .model = reference.model,
                                             .version = *reference.version});
    else
        client.call(models::delete_model, {.project = session.project(), .model = reference.model});
    if (session.json()) session.print_json(api::Nothing{});
    session.say(fmt::format("Removed {}; the files stay with their runs.", options.model));
    return 0;
}

}  // namespace

std::vector<Command> model_commands() {
    auto options = std::make_shared<ModelOptions>();
    auto name_it = [options](Arguments& arguments) {
        arguments.positional("MODEL[/VERSION]", &options->model, "The model, or one version of it");
    };
    return {
        {.name = "model ls", .summary = "List registered models", .run = list},
        {.name = "model show",
         .summary = "Show a model and its versions, or one version",
         .configure = name_it,
         .run = [options](Session& session) { return show(session, *options); }},
        {.name = "model alias",
         .summary = "Point an alias at a version of a model",
         .configure =
             [options](Arguments& arguments) {
                 arguments.positional("MODEL/VERSION", &options->model,
                                      "The version; with --remove the model suffices");
                 arguments.positional("ALIAS", &options->alias, "The alias, for example champion");
                 arguments.flag("--remove", options->remove, "Remove the alias");
             },
         .run = [options](Session& session) { return alias(session, *options); }},
        {.name = "model rm",
         .summary = "Remove a model, or one version of it, from the registry",
         .configure = name_it,
         .run = [options](Session& session) { return remove(session, *options); }},
    };
}

}  // namespace maru::cli
