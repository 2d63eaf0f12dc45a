#include <algorithm>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "base/text.hpp"
#include "identity/state.hpp"

namespace maru::identity {

namespace {

constexpr std::int64_t kTokensPerUserMax = 1000;
constexpr std::int64_t kExpiryMaxS = 10LL * 365 * 24 * 3600;

std::vector<Scope> scopes_of(bool can_write) {
    return can_write ? std::vector{Scope::read, Scope::write} : std::vector{Scope::read};
}

void check_scopes(const std::vector<Scope>& scopes) {
    // Whoever may write can find out what is there, so "write" alone would promise what it can't
    // keep.
    if (std::ranges::find(scopes, Scope::read) == scopes.end())
        fail_field("scopes", "must be [\"read\"] or [\"read\", \"write\"]");
}

}  // namespace

std::string Service::State::insert_token(sql::Connection& connection, TokenRow& token) const {
    std::string secret = new_secret(kTokenPrefix);
    token.id = new_id();
    token.secret_sha256 = sha256_hex(secret);
    token.created_at = clock.now();
    connection.execute(
        "INSERT INTO tokens (id, secret_sha256, user_id, name, kind, can_write, project_id, "
        "workload_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        {token.id, token.secret_sha256, token.user_id, token.name, enum_name(token.kind),
         token.can_write, token.project_id, token.workload_id, token.created_at, token.expires_at});
    return secret;
}

api::Page<Token> Service::list_tokens(const api::Context& context,
                                      const ListTokens& request) const {
    Caller caller = state_->caller_of(context);
    context.answer_headers.set("Cache-Control", "no-store");
    std::int64_t limit = api::check_page_size(request.page_size);
    std::string before = request.page_token.empty() ? std::string("g")  // after every hex digit
                                                    : api::decode_page_token(request.page_token);
    // A token that is bound to a project is shown itself only.
    std::string only = caller.bound_project_id() != nullptr ? caller.token->id : "";
    auto ids = state_->database.read([&](sql::Connection& connection) {
        return connection.all(
            "SELECT id FROM tokens WHERE user_id = $1 AND kind <> 'workload' AND id < $2 "
            "AND ($3 = '' OR id = $3) ORDER BY id DESC LIMIT $4",
            {caller.user->id, before, only, limit + 1},
            [](const sql::Row& row) { return row.string(0); });
    });
    api::Page<Token> page;
    if (static_cast<std::int64_t>(ids.size()) > limit) {
        ids.pop_back();
        page.next_page_token = api::encode_page_token(ids.back());
    }
    for (const auto& id : ids) {
        auto row = state_->directory.token_by_id(id);
        if (!row) continue;
        Token token{.id = row->id,
                    .name = row->name,
                    .scopes = scopes_of(row->can_write),
                    .created_at = row->created_at,
                    .expires_at = row->expires_at};
        if (row->project_id)
            if (auto project = state_->directory.project(*row->project_id))
                token.project = project->ref.name;
        if (std::int64_t used = row->last_use->at_ms; used != 0) token.last_used_at = from_ms(used);
        page.items.push_back(std::move(token));
    }
    return page;
}

CreatedToken Service::create_token(const api::Context& context, const CreateToken& request) {
    Caller caller = state_->caller_of(context);
    check_name("name", request.name);
    check_scopes(request.scopes);
    TokenRow row{
        .user_id = caller.user->id,
        .name = request.name,
        .can_write = std::ranges::find(request.scopes, Scope::write) != request.scopes.end()};
    if (request.project) {
        auto project = state_->directory.project_by_name(*request.project);
        if (!project || !role_of(state_->directory, caller, project->ref.id)) {
            check_name("project", *request.project);
            fail(ErrorCode::not_found,
                 "project \"{}\" does not exist, or you are not a member of it", *request.project);
        }
        row.project_id = project->ref.id;
    }
    if (request.expires_in_s) {
        if (*request.expires_in_s < 1 || *request.expires_in_s > kExpiryMaxS)
            fail_field("expires_in_s", fmt::format("expected 1 to {} (10 years), got {}",
                                                   kExpiryMaxS, *request.expires_in_s));
        row.expires_at = state_->clock.now() + std::chrono::seconds(*request.expires_in_s);
    }
    if (caller.token && caller.token->expires_at &&
        (!row.expires_at || *row.expires_at > *caller.token->expires_at))
        fail(ErrorCode::permission_denied,
             "a token that expires at {} cannot make one that lives longer",
             format_time(*caller.token->expires_at));
    extend_audit_resource(request.name);

    std::lock_guard lock(state_->write_mutex);
    std::string secret = state_->database.write([&](sql::Connection& connection) {
        auto count = connection.first(
            "SELECT count(*) FROM tokens WHERE user_id = $1 AND kind = 'user'", {row.user_id},
            [](const sql::Row& counted) { return counted.integer(0); });
        if (count.value_or(0) >= kTokensPerUserMax)
            fail(ErrorCode::resource_exhausted,
                 "you have {} tokens, the most there may be; delete some", kTokensPerUserMax);
        return state_->insert_token(connection, row);
    });
    context.answer_headers.set("Cache-Control", "no-store");
    CreatedToken created{.id = row.id,
                         .name = row.name,
                         .scopes = scopes_of(row.can_write),
                         .project = request.project,
                         .created_at = row.created_at,
                         .expires_at = row.expires_at,
                         .secret = secret};
    state_->directory.put(std::move(row));
    return created;
}

void Service::delete_token(const api::Context& context, const NameToken& request) {
    std::lock_guard lock(state_->write_mutex);
    auto token = state_->directory.token_by_id(request.id);
    if (!token || token->kind == TokenKind::workload ||
        (token->user_id != context.user_id && !context.admin)) {
        if (!is_id(request.id)) fail_field("id", "is not an id: expected 32 hex digits");
        fail(ErrorCode::not_found, "token {} does not exist", request.id);
    }
    state_->database.write([&](sql::Connection& connection) {
        connection.execute("DELETE FROM tokens WHERE id = $1", {request.id});
    });
    state_->directory.remove_token(request.id);
}

TokenRow Service::State::workload_token(std::string_view workload_id, std::string_view project_id,
                                        std::string_view user) const {
    if (!directory.project(project_id))
        fail(ErrorCode::not_found, "project {} does not exist", project_id);
    return {.user_id = user_named(user)->id,
            .name = "workload",
            .kind = TokenKind::workload,
            .can_write = true,
            .project_id = std::string(project_id),
            .workload_id = std::string(workload_id)};
}

std::string Service::issue_workload_token(sql::Connection& connection, std::string_view workload_id,
                                          std::string_view project_id, std::string_view user) {
    TokenRow token = state_->workload_token(workload_id, project_id, user);
    std::string secret = state_->insert_token(connection, token);
    // If the caller's transaction fails, nobody ever learns this secret, and `revoke` or a restart
    // forgets it.
    state_->directory.put(std::move(token));
    return secret;
}

std::string Service::issue_workload_token(std::string_view workload_id, std::string_view project_id,
                                          std::string_view user) {
    TokenRow token = state_->workload_token(workload_id, project_id, user);
    std::string secret = state_->database.write(
        [&](sql::Connection& connection) { return state_->insert_token(connection, token); });
    state_->directory.put(std::move(token));
    return secret;
}

void Service::revoke_workload_tokens(sql::Connection& connection, std::string_view workload_id) {
    connection.execute("DELETE FROM tokens WHERE workload_id = $1", {workload_id});
    // At once, even if the caller's transaction fails: he will end the workload again.
    state_->directory.remove_tokens_of_workload(workload_id);
}

}  // namespace maru::identity
