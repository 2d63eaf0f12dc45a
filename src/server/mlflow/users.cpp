#include <algorithm>

#include "base/error.hpp"
#include "server/mlflow/routes.hpp"
#include "tracking/mlflow/protocol.hpp"

namespace maru::server {
namespace {

using api::Context;
using api::PathParameters;
using api::Permission;
using tracking::mlflow::empty_answer;
using tracking::mlflow::JsonWriter;
using tracking::mlflow::Message;

void check_administrator(const Context& context) {
    if (!context.admin)
        fail(ErrorCode::permission_denied, "only the platform's administrators may do this");
}

/// Users that were deleted through this protocol are disabled ones: their runs still name them.
std::vector<identity::User> active_users(identity::Service& identity) {
    std::vector<identity::User> users;
    identity::ListUsers request{.page_token = "", .page_size = 1000};
    while (true) {
        auto page = identity.list_users(request);
        for (auto& user : page.items)
            if (!user.disabled) users.push_back(std::move(user));
        if (!page.next_page_token) return users;
        request.page_token = *page.next_page_token;
    }
}

identity::User find_user(identity::Service& identity, const std::string& name) {
    auto users = active_users(identity);
    auto found = std::ranges::find(users, name, &identity::User::name);
    if (found == users.end()) fail(ErrorCode::not_found, "User with username={} not found", name);
    return *found;
}

/// MLflow's ids are numbers and ours are not; its client only carries them along.
void write_user(JsonWriter& writer, const identity::User& user) {
    writer.begin_object()
        .field("id", user.id)
        .field("username", user.name)
        .field("is_admin", user.admin);
}

net::Response answer_user(const identity::User& user) {
    JsonWriter writer;
    writer.begin_object().key("user");
    write_user(writer, user);
    writer.end_object().end_object();
    return tracking::mlflow::answer(writer);
}

net::Response list(identity::Service& identity, const Context& context) {
    check_administrator(context);
    JsonWriter writer;
    writer.begin_object().key("users").begin_list();
    for (const auto& user : active_users(identity)) {
        write_user(writer, user);
        writer.key("roles").begin_list().end_list().end_object();
    }
    writer.end_list().end_object();
    return tracking::mlflow::answer(writer);
}

net::Response change_password(identity::Service& identity, const Context& context,
                              const Message& message) {
    std::string name = message.required_text("username");
    std::string password = message.required_text("password");
    if (name == context.user) {
        identity.change_password(context,
                                 {.current_password = message.optional_text("current_password"),
                                  .new_password = password});
        return empty_answer();
    }
    check_administrator(context);
    find_user(identity, name);
    identity.update_user({.name = name,
                          .display_name = std::nullopt,
                          .password = password,
                          .admin = std::nullopt,
                          .disabled = std::nullopt});
    return empty_answer();
}

net::Response remove(identity::Service& identity, const Context& context, const Message& message) {
    check_administrator(context);
    std::string name = message.required_text("username");
    if (name == context.user)
        fail(ErrorCode::invalid_argument,
             "Users cannot delete their own account. Ask another admin to delete this user "
             "instead.");
    find_user(identity, name);
    identity.update_user({.name = name,
                          .display_name = std::nullopt,
                          .password = std::nullopt,
                          .admin = std::nullopt,
                          .disabled = true});
    return empty_answer();
}

}  // namespace

void add_user_routes(api::Api& api, identity::Service& identity) {
    auto add = [&](std::string_view method, std::string_view path, auto handle) {
        tracking::mlflow::add_route(
            api, {.method = method,
                  .path = path,
                  .permission = Permission::signed_in,
                  .handle = [&identity, handle](const Context& context, const Message& message,
                                                const PathParameters&) -> net::Response {
                      return handle(identity, context, message);
                  },
                  .audited = method != "GET"});
    };
    add("GET", "/mlflow/users/list",
        [](identity::Service& s, const Context& context, const Message&) {
            return list(s, context);
        });
    add("GET", "/mlflow/users/current",
        [](identity::Service& s, const Context& context, const Message&) {
            JsonWriter writer;
            writer.begin_object().key("user");
            write_user(writer, find_user(s, context.user));
            writer.end_object().field("is_basic_auth", true).end_object();
            return tracking::mlflow::answer(writer);
        });
    add("GET", "/mlflow/users/get",
        [](identity::Service& s, const Context& context, const Message& message) {
            std::string name = message.required_text("username");
            if (name != context.user) check_administrator(context);
            return answer_user(find_user(s, name));
        });
    add("POST", "/mlflow/users/create",
        [](identity::Service& s, const Context& context, const Message& message) {
            check_administrator(context);
            return answer_user(s.create_user({.name = message.required_text("username"),
                                              .display_name = "",
                                              .password = message.required_text("password"),
                                              .admin = false}));
        });
    add("PATCH", "/mlflow/users/update-password", change_password);
    add("PATCH", "/mlflow/users/update-admin",
        [](identity::Service& s, const Context& context, const Message& message) {
            check_administrator(context);
            std::string name = message.required_text("username");
            message.require("is_admin");
            find_user(s, name);
            s.update_user({.name = name,
                           .display_name = std::nullopt,
                           .password = std::nullopt,
                           .admin = message.flag("is_admin", false),
                           .disabled = std::nullopt});
            return empty_answer();
        });
    add("DELETE", "/mlflow/users/delete", remove);
}

}  // namespace maru::server
