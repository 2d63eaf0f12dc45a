#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/api.hpp"
#include "identity/grants.hpp"
#include "identity/types.hpp"
#include "sql/database.hpp"

namespace maru::identity {

struct UserRow {
    std::string id, name, display_name;
    std::optional<std::string> password_hash;
    bool admin = false, disabled = false;
    Time created_at{};
};

struct ProjectRow {
    api::ProjectRef ref;
    std::string description;
    Time created_at{};
};

/// When a credential was last used: kept in memory at once, in the table from time to time.
struct LastUse {
    std::atomic<std::int64_t> at_ms{0};  // 0: never
    std::atomic<bool> unsaved{false};

    /// Notes a use, unless one was noted within the last minute.
    void note(Time now);
};

enum class TokenKind {
    user,      // made by a user for his programs
    server,    // the admin's, in the server's key file
    workload,  // a workload's, for as long as it lives
};
BOOST_DESCRIBE_ENUM(TokenKind, user, server, workload)

struct TokenRow {
    std::string id, secret_sha256, user_id, name;
    TokenKind kind = TokenKind::user;
    bool can_write = false;
    std::optional<std::string> project_id, workload_id;
    Time created_at{};
    std::optional<Time> expires_at;
    std::shared_ptr<LastUse> last_use = std::make_shared<LastUse>();
};

struct SessionRow {
    std::string secret_sha256, user_id;
    Time created_at{}, expires_at{};
    std::shared_ptr<LastUse> last_use = std::make_shared<LastUse>();
};

/// All of users, projects, members, tokens and sessions in memory, so that a request's admission
/// costs a few look-ups and no SQL, for credentials that don't exist too.
///
/// The tables are the truth: rows come from `load`, and from the service right after each write has
/// committed. Rows are immutable and shared; a change puts a new one. Threads: any.
class Directory {
  public:
    /// Call once, on an empty directory.
    void load(sql::Connection& connection);

    std::shared_ptr<const UserRow> user(std::string_view id) const;
    std::shared_ptr<const UserRow> user_by_name(std::string_view name) const;
    std::vector<std::shared_ptr<const UserRow>> users() const;  // by name
    std::shared_ptr<const ProjectRow> project(std::string_view id) const;
    std::shared_ptr<const ProjectRow> project_by_name(std::string_view name) const;
    std::vector<std::shared_ptr<const ProjectRow>> projects() const;  // by name
    std::optional<Role> role(std::string_view project_id, std::string_view user_id) const;
    std::map<std::string, Role> members(std::string_view project_id) const;  // by user id
    /// What was given to a user in a project beside his role there; null for nearly everybody.
    std::shared_ptr<const Grants> grants(std::string_view project_id,
                                         std::string_view user_id) const;
    std::shared_ptr<const ResourceRoleRow> resource_role(std::int64_t id) const;
    std::vector<std::shared_ptr<const ResourceRoleRow>> resource_roles() const;  // by id
    std::shared_ptr<const TokenRow> token(std::string_view secret_sha256) const;
    std::shared_ptr<const TokenRow> token_by_id(std::string_view id) const;
    std::shared_ptr<const SessionRow> session(std::string_view secret_sha256) const;

    void put(UserRow row);
    void put(ProjectRow row);
    void put(TokenRow row);
    void put(SessionRow row);
    void set_role(std::string_view project_id, std::string_view user_id, std::optional<Role> role);
    void put(ResourceRoleRow row);
    void remove_resource_role(std::int64_t id);
    /// With its members and tokens.
    void remove_project(std::string_view id);
    void remove_token(std::string_view id);
    void remove_server_tokens();
    void remove_tokens_of_workload(std::string_view workload_id);
    void remove_session(std::string_view secret_sha256);
    /// All of a user's sessions but the one with this digest.
    void remove_sessions_of(std::string_view user_id, std::string_view except_secret_sha256 = {});

    /// Credentials with uses that the tables don't have yet; each is handed out once.
    struct Uses {
        std::vector<std::pair<std::string, Time>> tokens;    // id
        std::vector<std::pair<std::string, Time>> sessions;  // digest of the secret
    };
    Uses take_unsaved_uses();
    void remove_expired_sessions(Time now, std::chrono::milliseconds idle_max);

  private:
    template <class Row>
    using Rows = std::unordered_map<std::string, std::shared_ptr<const Row>>;

    void erase_token(const std::string& id);             // under the lock
    void combine_grants(const std::string& project_id);  // under the lock

    mutable std::shared_mutex mutex_;
    Rows<UserRow> users_;
    std::map<std::string, std::shared_ptr<const UserRow>, std::less<>> users_by_name_;
    Rows<ProjectRow> projects_;
    std::map<std::string, std::shared_ptr<const ProjectRow>, std::less<>> projects_by_name_;
    std::unordered_map<std::string, std::map<std::string, Role>> members_;  // project id, user id
    std::map<std::int64_t, std::shared_ptr<const ResourceRoleRow>> resource_roles_;
    // By project id and user id; made of the roles.
    std::unordered_map<std::string, std::map<std::string, std::shared_ptr<const Grants>>> grants_;
    std::atomic<bool> has_grants_{false};  // so that nobody pays for what nobody uses
    Rows<TokenRow> tokens_;                // by the secret's digest
    Rows<TokenRow> tokens_by_id_;
    std::unordered_multimap<std::string, std::string> tokens_by_workload_;  // token ids
    Rows<SessionRow> sessions_;
};

}  // namespace maru::identity
