#include <unistd.h>

#include <memory>

#include "cli/commands/commands.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "identity/operations.hpp"

namespace maru::cli {
namespace {

struct UserOptions {
    std::string name, display_name;
    std::optional<std::string> password_from;
    bool admin = false;
};

std::string ask_password(const std::string& question) {
    if (::isatty(STDIN_FILENO) != 1) return read_line_from_stdin("the password");
    auto first = prompt_secret(question);
    if (prompt_secret("Once more: ") != first)
        fail(ErrorCode::invalid_argument, "the two passwords differ; nothing was changed");
    return first;
}

int create(Session& session, const UserOptions& options) {
    identity::CreateUser request{
        .name = options.name, .display_name = options.display_name, .admin = options.admin};
    if (options.password_from || session.interactive())
        request.password = ask_password(fmt::format("Password for {}: ", options.name));
    auto user = session.client().call(identity::create_user, request);
    if (session.json()) session.print_json(user);
    session.say(
        fmt::format("Created user {}. Let them into this project: maru project members --add {}",
                    user.name, user.name));
    return 0;
}

int list(Session& session) {
    auto users =
        fetch_all(session.client(), identity::list_users, {.page_token = {}, .page_size = 1000});
    if (session.json()) {
        session.print_json(api::Page<identity::User>{std::move(users), {}});
        return 0;
    }
    auto now = SystemClock().now();
    Table table(
        {{"NAME"}, {"DISPLAY NAME", Table::Align::left, true}, {"ADMIN"}, {"STATE"}, {"CREATED"}});
    for (const auto& user : users)
        table.row({user.name, user.display_name, user.admin ? "yes" : "no",
                   user.disabled ? "disabled" : "active", relative_time(user.created_at, now)});
    print_out(table.render(session.out()));
    return 0;
}

int change_password(Session& session, const UserOptions& options) {
    auto& client = session.client();
    auto password = ask_password(fmt::format("New password for {}: ", options.name));
    auto user = client.call(identity::update_user, {.name = options.name,
                                                    .display_name = {},
                                                    .password = password,
                                                    .admin = {},
                                                    .disabled = {}});
    if (session.json()) session.print_json(user);
    session.say(fmt::format("Changed the password of {}; his sessions have ended.", user.name));
    return 0;
}

}  // namespace

std::vector<Command> user_commands() {
    auto options = std::make_shared<UserOptions>();
    return {
        {.name = "user create",
         .summary = "Add a user (administrators)",
         .details = "Asks for a password on a terminal; elsewhere give --password - to read it "
                    "from standard "
                    "input, or the user has none.",
         .configure =
             [options](Arguments& arguments) {
                 arguments.positional("NAME", &options->name, "The name to sign in with");
                 arguments.option("--display-name", "TEXT", &options->display_name,
                                  "The name that people see");
                 arguments.option("--password", "-", &options->password_from,
                                  "Read the password from standard input", {"-"});
                 arguments.flag("--admin", options->admin, "Make them an administrator");
             },
         .run = [options](Session& session) { return create(session, *options); }},
        {.name = "user ls", .summary = "List all users (administrators)", .run = list},
        {.name = "user passwd",
         .summary = "Set a user's password (administrators)",
         .configure =
             [options](Arguments& arguments) {
                 arguments.positional("NAME", &options->name, "The user");
             },
         .run = [options](Session& session) { return change_password(session, *options); }},
    };
}

}  // namespace maru::cli
