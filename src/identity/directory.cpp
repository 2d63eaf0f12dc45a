#include "identity/directory.hpp"

#include <mutex>

namespace maru::identity {

namespace {

constexpr std::int64_t kUseResolutionMs = 60'000;

template <class Map>
auto find_in(const Map& map, std::string_view key) -> typename Map::mapped_type {
    auto found = map.find(std::string(key));
    return found == map.end() ? nullptr : found->second;
}

template <class Map>
auto values_of(const Map& map) {
    std::vector<typename Map::mapped_type> values;
    values.reserve(map.size());
    for (const auto& [key, value] : map) values.push_back(value);
    return values;
}

}  // namespace

void LastUse::note(Time now) {
    std::int64_t now_ms = to_ms(now);
    std::int64_t before = at_ms.load(std::memory_order_relaxed);
    if (now_ms - before < kUseResolutionMs) return;
    at_ms.store(now_ms, std::memory_order_relaxed);
    unsaved.store(true, std::memory_order_release);
}

void Directory::load(sql::Connection& connection) {
    connection.query(
        "SELECT id, name, display_name, password_hash, is_admin, is_disabled, created_at "
        "FROM users",
        {}, [&](const sql::Row& row) {
            put(UserRow{.id = row.string(0),
                        .name = row.string(1),
                        .display_name = row.string(2),
                        .password_hash = row.optional_string(3),
                        .admin = row.boolean(4),
                        .disabled = row.boolean(5),
                        .created_at = row.time(6)});
        });
    connection.query("SELECT id, number, name, description, created_at FROM projects", {},
                     [&](const sql::Row& row) {
                         put(ProjectRow{.ref = {row.string(0), row.integer(1), row.string(2)},
                                        .description = row.string(3),
                                        .created_at = row.time(4)});
                     });
    connection.query("SELECT project_id, user_id, role FROM members", {}, [&](const sql::Row& row) {
        set_role(row.text(0), row.text(1), enum_from<Role>(row.text(2)));
    });
    std::map<std::int64_t, ResourceRoleRow> roles;
    connection.query("SELECT id, project_id, name, description, owner_id FROM resource_roles", {},
                     [&](const sql::Row& row) {
                         roles[row.integer(0)] = {.id = row.integer(0),
                                                  .project_id = row.string(1),
                                                  .name = row.string(2),
                                                  .description = row.optional_string(3),
                                                  .owner_id = row.optional_string(4)};
                     });
    connection.query(
        "SELECT role, id, kind, resource, permission FROM resource_grants ORDER BY id", {},
        [&](const sql::Row& row) {
            roles[row.integer(0)].grants.push_back(
                {.id = row.integer(1),
                 .kind = enum_from<api::ResourceKind>(row.text(2)).value(),
                 .resource = row.integer(3),
                 .permission = enum_from<api::ResourcePermission>(row.text(4)).value()});
        });
    connection.query(
        "SELECT role, user_id, id FROM resource_role_users", {},
        [&](const sql::Row& row) { roles[row.integer(0)].users[row.string(1)] = row.integer(2); });
    for (auto& [id, role] : roles) put(std::move(role));
    connection.query(
        "SELECT id, secret_sha256, user_id, name, kind, can_write, project_id, workload_id, "
        "created_at, "
        "expires_at, last_used_at FROM tokens",
        {}, [&](const sql::Row& row) {
            TokenRow token{.id = row.string(0),
                           .secret_sha256 = row.string(1),
                           .user_id = row.string(2),
                           .name = row.string(3),
                           .kind = enum_from<TokenKind>(row.text(4)).value_or(TokenKind::user),
                           .can_write = row.boolean(5),
                           .project_id = row.optional_string(6),
                           .workload_id = row.optional_string(7),
                           .created_at = row.time(8),
                           .expires_at = row.optional_time(9)};
            token.last_use->at_ms = row.optional_integer(10).value_or(0);
            put(std::move(token));
        });
    connection.query(
        "SELECT secret_sha256, user_id, created_at, expires_at, last_seen_at FROM sessions", {},
        [&](const sql::Row& row) {
            SessionRow session{.secret_sha256 = row.string(0),
                               .user_id = row.string(1),
                               .created_at = row.time(2),
                               .expires_at = row.time(3)};
            session.last_use->at_ms = row.integer(4);
            put(std::move(session));
        });
}

std::shared_ptr<const UserRow> Directory::user(std::string_view id) const {
    std::shared_lock lock(mutex_);
    return find_in(users_, id);
}

std::shared_ptr<const UserRow> Directory::user_by_name(std::string_view name) const {
    std::shared_lock lock(mutex_);
    return find_in(users_by_name_, name);
}

std::vector<std::shared_ptr<const UserRow>> Directory::users() const {
    std::shared_lock lock(mutex_);
    return values_of(users_by_name_);
}

std::shared_ptr<const ProjectRow> Directory::project(std::string_view id) const {
    std::shared_lock lock(mutex_);
    return find_in(projects_, id);
}

std::shared_ptr<const ProjectRow> Directory::project_by_name(std::string_view name) const {
    std::shared_lock lock(mutex_);
    return find_in(projects_by_name_, name);
}

std::vector<std::shared_ptr<const ProjectRow>> Directory::projects() const {
    std::shared_lock lock(mutex_);
    return values_of(projects_by_name_);
}

std::optional<Role> Directory::role(std::string_view project_id, std::string_view user_id) const {
    std::shared_lock lock(mutex_);
    auto members = members_.find(std::string(project_id));
    if (members == members_.end()) return std::nullopt;
    auto member = members->second.find(std::string(user_id));
    return member == members->second.end() ? std::nullopt : std::optional(member->second);
}

std::map<std::string, Role> Directory::members(std::string_view project_id) const {
    std::shared_lock lock(mutex_);
    auto members = members_.find(std::string(project_id));
    return members == members_.end() ? std::map<std::string, Role>() : members->second;
}

std::shared_ptr<const Grants> Directory::grants(std::string_view project_id,
                                                std::string_view user_id) const {
    if (!has_grants_.load(std::memory_order_acquire)) return nullptr;
    std::shared_lock lock(mutex_);
    auto project = grants_.find(std::string(project_id));
    return project == grants_.end() ? nullptr : find_in(project->second, user_id);
}

std::shared_ptr<const ResourceRoleRow> Directory::resource_role(std::int64_t id) const {
    std::shared_lock lock(mutex_);
    auto found = resource_roles_.find(id);
    return found == resource_roles_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<const ResourceRoleRow>> Directory::resource_roles() const {
    std::shared_lock lock(mutex_);
    return values_of(resource_roles_);
}

std::shared_ptr<const TokenRow> Directory::token(std::string_view secret_sha256) const {
    std::shared_lock lock(mutex_);
    return find_in(tokens_, secret_sha256);
}

std::shared_ptr<const TokenRow> Directory::token_by_id(std::string_view id) const {
    std::shared_lock lock(mutex_);
    return find_in(tokens_by_id_, id);
}

std::shared_ptr<const SessionRow> Directory::session(std::string_view secret_sha256) const {
    std::shared_lock lock(mutex_);
    return find_in(sessions_, secret_sha256);
}

void Directory::put(UserRow row) {
    std::lock_guard lock(mutex_);
    auto shared = std::make_shared<const UserRow>(std::move(row));
    users_by_name_[shared->name] = shared;
    users_[shared->id] = std::move(shared);
}

void Directory::put(ProjectRow row) {
    std::lock_guard lock(mutex_);
    auto shared = std::make_shared<const ProjectRow>(std::move(row));
    projects_by_name_[shared->ref.name] = shared;
    projects_[shared->ref.id] = std::move(shared);
}

void Directory::put(TokenRow row) {
    std::lock_guard lock(mutex_);
    auto shared = std::make_shared<const TokenRow>(std::move(row));
    if (shared->workload_id) tokens_by_workload_.emplace(*shared->workload_id, shared->id);
    tokens_by_id_[shared->id] = shared;
    tokens_[shared->secret_sha256] = std::move(shared);
}

void Directory::put(SessionRow row) {
    std::lock_guard lock(mutex_);
    auto shared = std::make_shared<const SessionRow>(std::move(row));
    sessions_[shared->secret_sha256] = std::move(shared);
}

void Directory::set_role(std::string_view project_id, std::string_view user_id,
                         std::optional<Role> role) {
    std::lock_guard lock(mutex_);
    auto& members = members_[std::string(project_id)];
    if (role)
        members[std::string(user_id)] = *role;
    else
        members.erase(std::string(user_id));
}

void Directory::put(ResourceRoleRow row) {
    std::lock_guard lock(mutex_);
    auto shared = std::make_shared<const ResourceRoleRow>(std::move(row));
    resource_roles_[shared->id] = shared;
    combine_grants(shared->project_id);
}

void Directory::remove_resource_role(std::int64_t id) {
    std::lock_guard lock(mutex_);
    auto found = resource_roles_.find(id);
    if (found == resource_roles_.end()) return;
    std::string project_id = found->second->project_id;
    resource_roles_.erase(found);
    combine_grants(project_id);
}

void Directory::combine_grants(const std::string& project_id) {
    std::map<std::string, Grants> combined;
    for (const auto& [id, role] : resource_roles_) {
        if (role->project_id != project_id || role->grants.empty()) continue;
        for (const auto& [user_id, assignment] : role->users)
            for (const auto& grant : role->grants) {
                Grants& grants = combined[user_id];
                bool of_experiment = grant.kind == api::ResourceKind::experiment;
                (of_experiment ? grants.experiments : grants.models).add(grant);
            }
    }
    grants_.erase(project_id);
    for (auto& [user_id, grants] : combined)
        grants_[project_id][user_id] = std::make_shared<const Grants>(std::move(grants));
    has_grants_.store(!grants_.empty(), std::memory_order_release);
}

void Directory::remove_project(std::string_view id) {
    std::lock_guard lock(mutex_);
    auto found = projects_.find(std::string(id));
    if (found == projects_.end()) return;
    projects_by_name_.erase(found->second->ref.name);
    projects_.erase(found);
    members_.erase(std::string(id));
    std::erase_if(resource_roles_, [&](const auto& role) { return role.second->project_id == id; });
    combine_grants(std::string(id));
    std::vector<std::string> tokens;
    for (const auto& [token_id, token] : tokens_by_id_)
        if (token->project_id == id) tokens.push_back(token_id);
    for (const auto& token_id : tokens) erase_token(token_id);
}

void Directory::remove_token(std::string_view id) {
    std::lock_guard lock(mutex_);
    erase_token(std::string(id));
}

void Directory::erase_token(const std::string& id) {
    auto found = tokens_by_id_.find(id);
    if (found == tokens_by_id_.end()) return;
    auto token = found->second;
    tokens_by_id_.erase(found);
    tokens_.erase(token->secret_sha256);
    if (!token->workload_id) return;
    auto [begin, end] = tokens_by_workload_.equal_range(*token->workload_id);
    for (auto at = begin; at != end; ++at) {
        if (at->second == id) {
            tokens_by_workload_.erase(at);
            return;
        }
    }
}

void Directory::remove_server_tokens() {
    std::lock_guard lock(mutex_);
    std::vector<std::string> ids;
    for (const auto& [id, token] : tokens_by_id_)
        if (token->kind == TokenKind::server) ids.push_back(id);
    for (const auto& id : ids) erase_token(id);
}

void Directory::remove_tokens_of_workload(std::string_view workload_id) {
    std::lock_guard lock(mutex_);
    std::vector<std::string> ids;
    auto [begin, end] = tokens_by_workload_.equal_range(std::string(workload_id));
    for (auto at = begin; at != end; ++at) ids.push_back(at->second);
    for (const auto& id : ids) erase_token(id);
}

void Directory::remove_session(std::string_view secret_sha256) {
    std::lock_guard lock(mutex_);
    sessions_.erase(std::string(secret_sha256));
}

void Directory::remove_sessions_of(std::string_view user_id,
                                   std::string_view except_secret_sha256) {
    std::lock_guard lock(mutex_);
    std::erase_if(sessions_, [&](const auto& entry) {
        return entry.second->user_id == user_id && entry.first != except_secret_sha256;
    });
}

Directory::Uses Directory::take_unsaved_uses() {
    std::shared_lock lock(mutex_);
    Uses uses;
    for (const auto& [id, token] : tokens_by_id_)
        if (token->last_use->unsaved.exchange(false))
            uses.tokens.emplace_back(id, from_ms(token->last_use->at_ms));
    for (const auto& [digest, session] : sessions_)
        if (session->last_use->unsaved.exchange(false))
            uses.sessions.emplace_back(digest, from_ms(session->last_use->at_ms));
    return uses;
}

void Directory::remove_expired_sessions(Time now, std::chrono::milliseconds idle_max) {
    std::lock_guard lock(mutex_);
    std::erase_if(sessions_, [&](const auto& entry) {
        const SessionRow& session = *entry.second;
        return now >= session.expires_at || now >= from_ms(session.last_use->at_ms) + idle_max;
    });
}

}  // namespace maru::identity
