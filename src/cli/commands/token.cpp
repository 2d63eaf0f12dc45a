#include <memory>

#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "identity/operations.hpp"

namespace maru::cli {
namespace {

struct TokenOptions {
    std::string name, id;
    std::vector<std::string> scopes;
    std::optional<std::string> only_project, expires_in;
};

std::string scopes_text(const std::vector<identity::Scope>& scopes) {
    std::string text;
    for (auto scope : scopes) text += (text.empty() ? "" : ", ") + std::string(enum_name(scope));
    return text;
}

int create(Session& session, const TokenOptions& options) {
    identity::CreateToken request{
        .name = options.name, .scopes = {}, .project = options.only_project};
    for (const auto& scope : options.scopes)
        request.scopes.push_back(enum_from<identity::Scope>(scope).value());
    if (request.scopes.empty()) request.scopes = {identity::Scope::read, identity::Scope::write};
    if (options.expires_in) request.expires_in_s = parse_duration_s(*options.expires_in);
    auto token = session.client().call(identity::create_token, request);
    if (session.json()) {
        session.print_json(token);
        return 0;
    }
    session.note("This is the only time that the token is shown:");
    print_out(token.secret + "\n");
    return 0;
}

int list(Session& session) {
    auto tokens =
        fetch_all(session.client(), identity::list_tokens, {.page_token = {}, .page_size = 1000});
    if (session.json()) {
        session.print_json(api::Page<identity::Token>{std::move(tokens), {}});
        return 0;
    }
    auto now = SystemClock().now();
    auto when = [&](const std::optional<Time>& time) {
        return time ? relative_time(*time, now) : std::string("never");
    };
    Table table({{"ID"},
                 {"NAME", Table::Align::left, true},
                 {"SCOPES"},
                 {"PROJECT"},
                 {"CREATED"},
                 {"LAST USED"},
                 {"EXPIRES"}});
    for (const auto& token : tokens)
        table.row({token.id, token.name, scopes_text(token.scopes), token.project.value_or("all"),
                   relative_time(token.created_at, now), when(token.last_used_at),
                   when(token.expires_at)});
    print_out(table.render(session.out()));
    return 0;
}

int remove(Session& session, const TokenOptions& options) {
    session.client().call(identity::delete_token, {.id = options.id});
    if (session.json()) session.print_json(api::Nothing{});
    session.say("Revoked.");
    return 0;
}

}  // namespace

std::vector<Command> token_commands() {
    auto options = std::make_shared<TokenOptions>();
    return {
        {.name = "token create",
         .summary = "Make an API token for programs and print its secret",
         .configure =
             [options](Arguments& arguments) {
                 arguments.positional("NAME", &options->name, "What it is for");
                 arguments.option("--scope", "SCOPE", &options->scopes,
                                  "What it may do, both if not given", {"read", "write"});
                 arguments.option("--only-project", "NAME", &options->only_project,
                                  "Let it into this project only");
                 arguments.option("--expires-in", "DURATION", &options->expires_in,
                                  "How long it lives, for example 30d");
             },
         .run = [options](Session& session) { return create(session, *options); }},
        {.name = "token ls", .summary = "List your API tokens", .run = list},
        {.name = "token rm",
         .summary = "Revoke an API token",
         .configure =
             [options](Arguments& arguments) {
                 arguments.positional("ID", &options->id, "The token's id");
             },
         .run = [options](Session& session) { return remove(session, *options); }},
    };
}

}  // namespace maru::cli
