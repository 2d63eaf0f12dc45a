#include <algorithm>

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/text.hpp"
#include "identity/state.hpp"

namespace maru::identity {

namespace {

constexpr std::size_t kDisplayNameBytesMax = 250;

}  // namespace

User to_user(const UserRow& row) {
    return {.id = row.id,
            .name = row.name,
            .display_name = row.display_name,
            .admin = row.admin,
            .disabled = row.disabled,
            .has_password = row.password_hash.has_value(),
            .created_at = row.created_at};
}

std::shared_ptr<const UserRow> Service::State::user_named(std::string_view name) const {
    auto user = directory.user_by_name(name);
    if (!user) {
        check_name("name", name);
        fail(ErrorCode::not_found, "user \"{}\" does not exist", name);
    }
    return user;
}

void Service::State::insert_user(sql::Connection& connection, const UserRow& user) const {
    connection.execute(
        "INSERT INTO users (id, name, display_name, password_hash, is_admin, is_disabled, "
        "created_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
        {user.id, user.name, user.display_name, user.password_hash, user.admin, user.disabled,
         user.created_at});
}

api::Page<User> Service::list_users(const ListUsers& request) const {
    return page_of(
        state_->directory.users(), request.page_token, request.page_size,
        [](const auto& user) { return user->name; },
        [](const auto& user) { return to_user(*user); });
}

User Service::create_user(const CreateUser& request) {
    check_name("name", request.name);
    check_text("display_name", request.display_name, kDisplayNameBytesMax);
    if (request.password) check_password("password", *request.password);
    extend_audit_resource(request.name);
    UserRow row{.id = new_id(),
                .name = request.name,
                .display_name = request.display_name.empty() ? request.name : request.display_name,
                .admin = request.admin,
                .created_at = state_->clock.now()};
    if (state_->directory.user_by_name(row.name))
        fail(ErrorCode::already_exists, "user \"{}\" already exists", row.name);
    if (request.password) row.password_hash = state_->hasher.hash(*request.password);
    std::lock_guard lock(state_->write_mutex);
    if (state_->directory.user_by_name(row.name))
        fail(ErrorCode::already_exists, "user \"{}\" already exists", row.name);
    state_->database.write(
        [&](sql::Connection& connection) { state_->insert_user(connection, row); });
    User user = to_user(row);
    state_->directory.put(std::move(row));
    return user;
}

User Service::update_user(const UpdateUser& request) {
    const std::string id = state_->user_named(request.name)->id;
    if (request.display_name)
        check_text("display_name", *request.display_name, kDisplayNameBytesMax);
    if (request.password) check_password("password", *request.password);
    std::optional<std::string> hash;
    if (request.password) hash = state_->hasher.hash(*request.password);

    std::lock_guard lock(state_->write_mutex);
    UserRow row = *state_->directory.user(id);
    if (request.display_name)
        row.display_name = request.display_name->empty() ? row.name : *request.display_name;
    if (hash) row.password_hash = hash;
    row.admin = request.admin.value_or(row.admin);
    row.disabled = request.disabled.value_or(row.disabled);
    if (!row.admin || row.disabled) {
        bool another = std::ranges::any_of(state_->directory.users(), [&](const auto& user) {
            return user->id != id && user->admin && !user->disabled;
        });
        if (!another)
            fail(ErrorCode::failed_precondition,
                 "\"{}\" is the last administrator; make another one first", row.name);
    }
    const bool ends_sessions = hash || row.disabled;
    state_->database.write([&](sql::Connection& connection) {
        connection.execute(
            "UPDATE users SET display_name = $2, password_hash = $3, is_admin = $4, is_disabled = "
            "$5 "
            "WHERE id = $1",
            {row.id, row.display_name, row.password_hash, row.admin, row.disabled});
        if (!ends_sessions) return;
        connection.execute("DELETE FROM sessions WHERE user_id = $1", {row.id});
        connection.execute("DELETE FROM sign_in_links WHERE user_id = $1", {row.id});
    });
    if (ends_sessions) state_->directory.remove_sessions_of(row.id);
    User user = to_user(row);
    state_->directory.put(std::move(row));
    return user;
}

}  // namespace maru::identity
