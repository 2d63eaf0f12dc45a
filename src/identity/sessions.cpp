#include "base/crypto.hpp"
#include "base/error.hpp"
#include "identity/state.hpp"

namespace maru::identity {

namespace {

constexpr std::int64_t kSessionsPerUserMax = 100;

[[noreturn]] void fail_wrong_password() {
    fail(ErrorCode::unauthenticated, "the user name or the password is wrong");
}

[[noreturn]] void fail_bad_link() {
    fail(ErrorCode::unauthenticated,
         "the sign-in link is not valid: it was used, has expired, or is incomplete");
}

bool is_encrypted(const api::Context& context) {
    return context.request->encrypted;
}

}  // namespace

std::shared_ptr<const UserRow> Service::State::check_sign_in(std::string_view name,
                                                             std::string_view password,
                                                             std::string_view address, Time now,
                                                             PasswordHasher::Turn turn) {
    limiter.begin(address, name, now);
    auto user = directory.user_by_name(name);
    bool right = false;
    try {
        if (user && user->password_hash)
            right = hasher.matches(*user->password_hash, password, turn);
        else
            hasher.pretend(password, turn);
    } catch (const Error&) {
        limiter.withdraw(address, name, now);
        throw;
    }
    if (!right || user->disabled) fail_wrong_password();
    limiter.succeeded(address, name, now);
    return user;
}

api::AuditRecord Service::State::sign_in_record(const api::Context& context, std::string_view user,
                                                std::string_view operation) const {
    return {.user = std::string(user),
            .operation = std::string(operation),
            .project_id = {},
            .resource = std::string(user),
            .outcome = "ok",
            .remote_address = context.request->remote_address,
            .at = clock.now()};
}

Session Service::State::start_session(const api::Context& context,
                                      std::shared_ptr<const UserRow> user,
                                      std::string_view operation,
                                      const std::function<void(sql::Connection&)>& before) {
    std::string secret = new_secret("");
    const Time now = clock.now();
    SessionRow session{.secret_sha256 = sha256_hex(secret),
                       .user_id = user->id,
                       .created_at = now,
                       .expires_at = now + options.session_age_max};
    session.last_use->at_ms = to_ms(now);
    {
        std::lock_guard lock(write_mutex);
        // The user may have been disabled, or given another password, since the password was
        // checked.
        auto current = directory.user(user->id);
        if (current->disabled || current->password_hash != user->password_hash)
            fail_wrong_password();
        auto kept = database.write([&](sql::Connection& connection) {
            before(connection);
            connection.execute(
                "INSERT INTO sessions (secret_sha256, user_id, created_at, expires_at, "
                "last_seen_at) "
                "VALUES ($1, $2, $3, $4, $3)",
                {session.secret_sha256, user->id, now, session.expires_at});
            auto surplus = connection.all(
                "SELECT secret_sha256 FROM sessions WHERE user_id = $1 ORDER BY created_at DESC "
                "LIMIT 1000 OFFSET $2",
                {user->id, kSessionsPerUserMax}, [](const sql::Row& row) { return row.string(0); });
            for (const auto& digest : surplus)
                connection.execute("DELETE FROM sessions WHERE secret_sha256 = $1", {digest});
            insert_audit(connection, sign_in_record(context, user->name, operation));
            return surplus;
        });
        directory.put(session);
        for (const auto& digest : kept) directory.remove_session(digest);
    }
    auto age_max_s =
        std::chrono::duration_cast<std::chrono::seconds>(options.session_age_max).count();
    context.answer_headers.add("Set-Cookie",
                               session_cookie(secret, age_max_s, is_encrypted(context)));
    context.answer_headers.set("Cache-Control", "no-store");
    return describe_session({.user = user}, secret);
}

Session Service::State::describe_session(const Caller& caller,
                                         std::string_view session_secret) const {
    Session session{.user = to_user(*caller.user), .auth = options.auth};
    if (!session_secret.empty()) session.csrf_token = csrf_token_of(session_secret);
    const std::string* bound = caller.bound_project_id();
    for (const auto& project : directory.projects()) {
        if (bound != nullptr && project->ref.id != *bound) continue;
        auto role = role_of(directory, caller, project->ref.id);
        if (!role && directory.grants(project->ref.id, caller.user->id)) role = Role::guest;
        if (role) session.projects.push_back({.name = project->ref.name, .role = *role});
    }
    return session;
}

Session Service::sign_in(const api::Context& context, const CreateSession& request) {
    const std::string& address = context.request->remote_address;
    std::shared_ptr<const UserRow> user;
    try {
        user = state_->check_sign_in(request.username, request.password, address,
                                     state_->clock.now(), PasswordHasher::Turn::wait);
    } catch (const Error& error) {
        if (auto known = state_->directory.user_by_name(request.username))
            state_->audit_failure(state_->sign_in_record(context, known->name, create_session.id),
                                  to_string(error.code()));
        throw;
    }
    return state_->start_session(context, user, create_session.id, [](sql::Connection&) {});
}

Session Service::sign_in_by_link(const api::Context& context,
                                 const CreateSessionFromLink& request) {
    const std::string digest = sha256_hex(request.token);
    const Time now = state_->clock.now();
    // Looked at before it is used, so that guessing costs no write.
    auto user_id = state_->database.read([&](sql::Connection& connection) {
        return connection.first(
            "SELECT user_id FROM sign_in_links WHERE secret_sha256 = $1 AND expires_at > $2",
            {digest, now}, [](const sql::Row& row) { return row.string(0); });
    });
    auto user = user_id ? state_->directory.user(*user_id) : nullptr;
    if (!user || user->disabled) fail_bad_link();
    return state_->start_session(
        context, user, create_session_from_link.id, [&](sql::Connection& connection) {
            if (connection.execute("DELETE FROM sign_in_links WHERE secret_sha256 = $1",
                                   {digest}) != 1)
                fail_bad_link();
        });
}

Session Service::session(const api::Context& context) const {
    Caller caller = state_->caller_of(context);
    context.answer_headers.set("Cache-Control", "no-store");
    return state_->describe_session(caller, caller.session_secret);
}

void Service::sign_out(const api::Context& context) {
    Caller caller = state_->caller_of(context);
    if (!caller.session) return;
    {
        std::lock_guard lock(state_->write_mutex);
        state_->database.write([&](sql::Connection& connection) {
            connection.execute("DELETE FROM sessions WHERE secret_sha256 = $1",
                               {caller.session->secret_sha256});
            state_->insert_audit(
                connection, state_->sign_in_record(context, caller.user->name, delete_session.id));
        });
        state_->directory.remove_session(caller.session->secret_sha256);
    }
    context.answer_headers.add("Set-Cookie", expired_session_cookie(is_encrypted(context)));
    context.answer_headers.set("Cache-Control", "no-store");
}

void Service::change_password(const api::Context& context, const ChangePassword& request) {
    Caller caller = state_->caller_of(context);
    check_password("new_password", request.new_password);
    if (caller.user->password_hash) {
        if (!request.current_password)
            fail_field("current_password",
                       "is missing; the present password is needed to change it");
        try {
            state_->check_sign_in(caller.user->name, *request.current_password,
                                  context.request->remote_address, state_->clock.now(),
                                  PasswordHasher::Turn::wait);
        } catch (const Error& error) {
            if (error.code() != ErrorCode::unauthenticated) throw;
            fail_field("current_password", "is wrong");
        }
    }
    std::string hash = state_->hasher.hash(request.new_password);
    const std::string own = caller.session ? caller.session->secret_sha256 : "";
    std::lock_guard lock(state_->write_mutex);
    UserRow row = *state_->directory.user(caller.user->id);
    if (row.password_hash != caller.user->password_hash)
        fail(ErrorCode::aborted, "the password was changed by someone else at the same moment");
    row.password_hash = hash;
    state_->database.write([&](sql::Connection& connection) {
        connection.execute("UPDATE users SET password_hash = $2 WHERE id = $1", {row.id, hash});
        connection.execute("DELETE FROM sessions WHERE user_id = $1 AND secret_sha256 <> $2",
                           {row.id, own});
        connection.execute("DELETE FROM sign_in_links WHERE user_id = $1", {row.id});
    });
    state_->directory.remove_sessions_of(row.id, own);
    state_->directory.put(std::move(row));
}

}  // namespace maru::identity
