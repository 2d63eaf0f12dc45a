#include <unistd.h>

#include <array>
#include <memory>

#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/session.hpp"
#include "identity/operations.hpp"

namespace maru::cli {
namespace {

struct LoginOptions {
    std::optional<std::string> url, user;
};

struct LoginResult {
    std::string url, user, project, config;
};
BOOST_DESCRIBE_STRUCT(LoginResult, (), (url, user, project, config))

/// "login-" and this machine's name, as far as a token's name can hold it.
std::string token_name() {
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
    std::string name = "login";
    for (char c : to_lower(host.data())) {
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (name.size() == 63) break;
        if (plain && name == "login") name += '-';
        if (plain)
            name += c;
        else if (!name.ends_with('-') && name != "login")
            name += '-';
    }
    while (name.ends_with('-')) name.pop_back();
    return name;
}

/// Signs in with a password for just long enough to make a token, since only tokens are kept on
/// disk.
std::string token_from_password(const std::string& url, const std::string& user,
                                const std::string& password) {
    ApiClient client(url, "");
    net::ClientRequest sign_in{.method = "POST", .target = "/api/v1/session"};
    sign_in.headers.set("Content-Type", "application/json");
    sign_in.body = to_json(identity::CreateSession{.username = user, .password = password});
    auto answer = client.send(std::move(sign_in));
    auto session = from_json<identity::Session>(answer.body, {.ignore_unknown_fields = true});
    std::string cookie(answer.headers.get("Set-Cookie"));
    cookie = cookie.substr(0, cookie.find(';'));
    auto with_session = [&](std::string method, std::string target, std::string body) {
        net::ClientRequest request{.method = std::move(method), .target = std::move(target)};
        request.headers = {{"Cookie", cookie},
                           {"X-CSRF-Token", session.csrf_token},
                           {"Content-Type", "application/json"}};
        request.body = std::move(body);
        return client.send(std::move(request)).body;
    };
    identity::CreateToken wanted{.name = token_name(),
                                 .scopes = {identity::Scope::read, identity::Scope::write}};
    auto created = from_json<identity::CreatedToken>(
        with_session("POST", "/api/v1/tokens", to_json(wanted, {.omit_null = true})),
        {.ignore_unknown_fields = true});
    with_session("DELETE", "/api/v1/session", "");
    return created.secret;
}

std::string choose_token(Session& session, const std::string& url, const LoginOptions& options) {
    if (options.user) {
        bool piped = ::isatty(STDIN_FILENO) != 1;
        auto password = piped ? read_line_from_stdin("the password")
                              : prompt_secret(fmt::format("Password of {}: ", *options.user));
        return token_from_password(url, *options.user, password);
    }
    const auto& given = session.options().token;
    if (given && *given != "-") return *given;
    if (given) return std::string(trim(read_line_from_stdin("a token")));
    // A server without authentication needs none.
    try {
        ApiClient(url, "").call(identity::get_session, {});
        return {};
    } catch (const Error& error) {
        if (error.code() != ErrorCode::unauthenticated) throw;
    }
    return std::string(
        trim(prompt_secret("Token (from the portal's settings, or maru token create): ")));
}

int login(Session& session, const LoginOptions& options) {
    auto path = config_path(process_environment);
    auto saved = read_config(path);
    auto url = options.url ? normalize_url(*options.url) : session.settings().url;
    auto token = choose_token(session, url, options);
    auto who = ApiClient(url, token).call(identity::get_session, {});

    std::string project = session.options().project.value_or(saved.project);
    bool member = false;
    for (const auto& membership : who.projects) member |= membership.name == project;
    if (!member && !who.user.admin) project.clear();
    if (project.empty() && !who.projects.empty()) {
        project = who.projects.front().name;
        for (const auto& membership : who.projects)
            if (membership.name == "default") project = "default";
    }
    write_config(path, {.url = url, .token = token, .project = project});
    if (session.json()) {
        session.print_json(LoginResult{url, who.user.name, project, path.string()});
        return 0;
    }
    print_out(fmt::format("Signed in to {} as {}{}.\n", url, printable(who.user.name),
                          project.empty() ? "" : ", project " + project));
    return 0;
}

}  // namespace

std::vector<Command> login_commands() {
    auto options = std::make_shared<LoginOptions>();
    return {
        {.name = "login",
         .summary = "Sign in to a server and remember it",
         .details =
             "Verifies with the server, then writes the configuration file, readable by you alone. "
             "With --token - the token is read from standard input, so that it stands in no "
             "process list; with --user a password is asked for (or read from standard input) and "
             "a token named after this machine (login-HOST) is made.",
         .configure =
             [options](Arguments& arguments) {
                 arguments.positional("URL", &options->url,
                                      "The server, for example http://127.0.0.1:7070");
                 arguments.option("--user", "NAME", &options->user, "Sign in with a password");
             },
         .run = [options](Session& session) { return login(session, *options); }}};
}

}  // namespace maru::cli
