#include "identity/service.hpp"

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "base/log.hpp"
#include "identity/state.hpp"

namespace maru::identity {

namespace {

constexpr std::string_view kAdminName = "admin";
constexpr auto kCleanupInterval = std::chrono::minutes(10);

TokenRow server_token(const UserRow& admin) {
    return {.user_id = admin.id,
            .name = "server-key-file",
            .kind = TokenKind::server,
            .can_write = true};
}

}  // namespace

Service::Service(sql::Database& database, const Clock& clock, ServiceOptions options)
    : state_(std::make_unique<State>(database, clock, options)) {
    database.read([&](sql::Connection& connection) { state_->directory.load(connection); });
}

Service::~Service() {
    try {
        state_->save_uses();
    } catch (const std::exception& error) {
        log::warning("cannot save when tokens were last used: {}", error.what());
    }
}

std::string Service::State::insert_link(sql::Connection& connection, const UserRow& user,
                                        bool initial) const {
    std::string secret = new_secret("");
    connection.execute(
        "INSERT INTO sign_in_links (secret_sha256, user_id, is_initial, expires_at) "
        "VALUES ($1, $2, $3, $4)",
        {sha256_hex(secret), user.id, initial, clock.now() + options.link_age_max});
    return secret;
}

std::optional<FirstStart> Service::initialize() {
    State& state = *state_;
    std::lock_guard lock(state.write_mutex);
    auto done = state.database.read([](sql::Connection& connection) {
        return connection.first("SELECT value FROM identity_settings WHERE name = $1",
                                {"initialized"},
                                [](const sql::Row& row) { return row.integer(0); });
    });
    if (done) return std::nullopt;
    UserRow admin{.id = new_id(),
                  .name = std::string(kAdminName),
                  .display_name = "Administrator",
                  .admin = true,
                  .created_at = state.clock.now()};
    const auto earlier = state.directory.user_by_name(kAdminName);
    if (earlier) admin = *earlier;
    ProjectRow project{.ref = {.id = new_id(), .name = std::string(kDefaultProject)}};
    const bool has_project = state.directory.project_by_name(kDefaultProject) != nullptr;
    TokenRow token = server_token(admin);
    FirstStart made;
    state.database.write([&](sql::Connection& connection) {
        if (!earlier) state.insert_user(connection, admin);
        if (!has_project) {
            state.insert_project(connection, project);
            state.set_role(connection, project.ref.id, admin.id, Role::owner);
        }
        connection.execute("DELETE FROM tokens WHERE kind = 'server'");
        connection.execute("DELETE FROM sign_in_links WHERE is_initial = 1");
        made.admin_token = state.insert_token(connection, token);
        made.sign_in_token = state.insert_link(connection, admin, true);
    });
    if (!has_project) {
        state.directory.set_role(project.ref.id, admin.id, Role::owner);
        state.directory.put(std::move(project));
    }
    if (!earlier) state.directory.put(std::move(admin));
    state.directory.remove_server_tokens();
    state.directory.put(std::move(token));
    return made;
}

void Service::finish_initialization() {
    state_->database.write([](sql::Connection& connection) {
        connection.execute(
            "INSERT INTO identity_settings (name, value) VALUES ('initialized', 1) "
            "ON CONFLICT (name) DO NOTHING");
    });
}

bool Service::has_admin_token(std::string_view secret) const {
    auto token = state_->directory.token(sha256_hex(secret));
    if (!token || token->kind != TokenKind::server) return false;
    auto user = state_->directory.user(token->user_id);
    return user && user->admin && !user->disabled;
}

std::string Service::replace_admin_token() {
    State& state = *state_;
    std::lock_guard lock(state.write_mutex);
    auto admin = state.directory.user_by_name(kAdminName);
    if (!admin || !admin->admin || admin->disabled) {
        admin = nullptr;
        for (const auto& user : state.directory.users())
            if (!admin && user->admin && !user->disabled) admin = user;
    }
    if (!admin) fail(ErrorCode::failed_precondition, "there is no administrator yet");
    TokenRow token = server_token(*admin);
    std::string secret = state.database.write([&](sql::Connection& connection) {
        connection.execute("DELETE FROM tokens WHERE kind = 'server'");
        return state.insert_token(connection, token);
    });
    state.directory.remove_server_tokens();
    state.directory.put(std::move(token));
    return secret;
}

std::string Service::create_sign_in_link(std::string_view user) {
    auto row = state_->user_named(user);
    if (row->disabled) fail(ErrorCode::failed_precondition, "user \"{}\" is disabled", user);
    return state_->database.write(
        [&](sql::Connection& connection) { return state_->insert_link(connection, *row, false); });
}

Caller Service::State::caller_of(const api::Context& context) {
    return authenticate(*context.request, clock.now());
}

void Service::State::save_uses() {
    auto uses = directory.take_unsaved_uses();
    if (uses.tokens.empty() && uses.sessions.empty()) return;
    database.write([&](sql::Connection& connection) {
        for (const auto& [id, at] : uses.tokens)
            connection.execute("UPDATE tokens SET last_used_at = $2 WHERE id = $1", {id, at});
        for (const auto& [digest, at] : uses.sessions)
            connection.execute("UPDATE sessions SET last_seen_at = $2 WHERE secret_sha256 = $1",
                               {digest, at});
    });
}

void Service::maintain() {
    State& state = *state_;
    state.save_uses();
    const Time now = state.clock.now();
    if (now < state.last_cleanup + kCleanupInterval && now >= state.last_cleanup) return;
    state.last_cleanup = now;
    state.directory.remove_expired_sessions(now, state.options.session_idle_max);
    state.database.write([&](sql::Connection& connection) {
        connection.execute("DELETE FROM sessions WHERE expires_at <= $1 OR last_seen_at <= $2",
                           {now, now - state.options.session_idle_max});
        connection.execute("DELETE FROM sign_in_links WHERE expires_at <= $1", {now});
        connection.execute("DELETE FROM idempotency_keys WHERE created_at <= $1",
                           {now - state.options.idempotency_age_max});
    });
}

}  // namespace maru::identity
