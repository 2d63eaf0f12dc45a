#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/api.hpp"
#include "identity/operations.hpp"
#include "identity/passwords.hpp"
#include "identity/rate_limit.hpp"
#include "sql/database.hpp"

namespace maru::identity {

/// The project that routes at the root of the server are about; it always exists.
inline constexpr std::string_view kDefaultProject = "default";

struct ServiceOptions {
    AuthMode auth = AuthMode::local;
    std::chrono::milliseconds session_idle_max = std::chrono::days(7);
    std::chrono::milliseconds session_age_max = std::chrono::days(30);
    std::chrono::milliseconds link_age_max = std::chrono::hours(24);
    std::chrono::milliseconds idempotency_age_max = std::chrono::hours(24);
    PasswordOptions passwords;
    SignInLimits sign_in_limits;
};

/// What the very first start made; both secrets exist nowhere else.
struct FirstStart {
    std::string admin_token;
    std::string sign_in_token;
};

/// What another room keeps of projects, and how it goes with them. The first two run in the
/// transaction that deletes the project.
struct ProjectRoom {
    /// What of it somebody could miss, for people: "3 runs".
    std::function<std::vector<std::string>(sql::Connection&, const std::string& project_id)>
        contents;
    /// What of it still runs, and how to end it; nothing if nothing does. May be empty.
    std::function<std::optional<std::string>(sql::Connection&, const std::string& project_id)>
        running;
    /// Removes for good all that the room has of a project that is gone. Called at least twice, a
    /// day apart, since requests may have been on their way when it went; and again after a crash.
    std::function<void(const api::ProjectRef&)> remove;
};

/// Users, sessions, tokens, projects, members, the audit log, and the guard of every request.
///
/// What admission needs is kept in memory and changed with every write, so that a request costs no
/// SQL and a revocation, a changed role or a disabled user counts from the next request on. That
/// holds for one server on the database.
///
/// Lifetime: the server's; construct, `initialize`, add rooms, then serve; call
/// `maintain` about every 30 s. Threads: any. `admit` may be called on I/O threads: it never waits,
/// but hashes a password once for a new pair of HTTP Basic user and password.
class Service final : public api::Guard {
  public:
    Service(sql::Database& database, const Clock& clock, ServiceOptions options = {});
    ~Service() override;

    // The first start. `initialize` answers until `finish_initialization` was called, each time
    // with new secrets that replace those before, so that a crash before they were handed over
    // loses nothing.
    std::optional<FirstStart> initialize();
    void finish_initialization();
    /// True if the secret is the token that the server keeps for the admin in its key file.
    bool has_admin_token(std::string_view secret) const;
    /// Replaces that token; returns the new secret.
    std::string replace_admin_token();
    /// A new one-time sign-in link's token; throws not_found.
    std::string create_sign_in_link(std::string_view user);
    /// Saves when credentials were last used, and deletes what has expired.
    void maintain();

    // api::Guard
    api::Context admit(const net::RequestHead& head, api::Permission permission,
                       std::optional<std::string_view> project) override;
    net::Response audited(api::AuditRecord record,
                          const std::function<net::Response()>& call) override;
    net::Response idempotent(const api::Context& context, std::string_view key,
                             std::string_view operation, std::string_view request_digest,
                             const std::function<net::Response()>& call) override;
    /// Adds "/NAME" to the resource of the audited call that this thread is in, where the request's
    /// path does not name it: a new thing's name. Without effect outside of one. Call before the
    /// change is written.
    static void extend_audit_resource(std::string_view name);
    /// Says likewise which project it is about.
    static void set_audit_project(std::string_view project_id);

    // For other rooms.
    /// Throws not_found.
    api::ProjectRef project(std::string_view name) const;
    std::optional<api::ProjectRef> project_by_id(std::string_view id) const;
    std::vector<api::ProjectRef> all_projects() const;  // by name
    /// The user's role, owner for the platform's admins; nothing for who may not see the project.
    std::optional<Role> role_in(std::string_view project_id, std::string_view user_id) const;
    /// Add before serving; rooms are asked and emptied in this order.
    void add_project_room(ProjectRoom room);
    /// Called when a project was deleted, on the thread that did: must not block.
    void set_deletion_listener(std::function<void()> listener);
    /// Has the rooms remove what they have of deleted projects; returns of how many for the first
    /// time. Call often: it reads one small table. One at a time, a second call waits.
    std::int64_t remove_deleted_projects();
    /// A secret with which a workload may use its project with the rights of its user, a
    /// developer's at most, until it is revoked. Throws not_found for an unknown user or project.
    std::string issue_workload_token(sql::Connection& connection, std::string_view workload_id,
                                     std::string_view project_id, std::string_view user);
    std::string issue_workload_token(std::string_view workload_id, std::string_view project_id,
                                     std::string_view user);
    void revoke_workload_tokens(sql::Connection& connection, std::string_view workload_id);

    // The operations of operations.hpp; `context.request` must be the request.
    Session sign_in(const api::Context& context, const CreateSession& request);
    Session sign_in_by_link(const api::Context& context, const CreateSessionFromLink& request);
    Session session(const api::Context& context) const;
    void sign_out(const api::Context& context);
    void change_password(const api::Context& context, const ChangePassword& request);
    api::Page<User> list_users(const ListUsers& request) const;
    User create_user(const CreateUser& request);
    User update_user(const UpdateUser& request);
    api::Page<Token> list_tokens(const api::Context& context, const ListTokens& request) const;
    CreatedToken create_token(const api::Context& context, const CreateToken& request);
    void delete_token(const api::Context& context, const NameToken& request);
    api::Page<Project> list_projects(const api::Context& context,
                                     const ListProjects& request) const;
    Project create_project(const api::Context& context, const CreateProject& request);
    Project get_project(const api::Context& context) const;
    Project update_project(const api::Context& context, const UpdateProject& request);
    /// Throws failed_precondition for a project that has something, unless `purge`, and for one in
    /// which something runs.
    void delete_project(const api::Context& context, bool purge);
    api::Page<Member> list_members(const api::Context& context, const ListMembers& request) const;
    Member set_member(const api::Context& context, const SetMember& request);
    void remove_member(const api::Context& context, const NameMember& request);
    api::Page<AuditEntry> list_audit(const api::Context& context, const ListAudit& request);

  private:
    friend class Permissions;
    struct State;
    std::unique_ptr<State> state_;
};

extern const std::span<const sql::Migration> migrations;

/// Declares the operations of operations.hpp over a service.
void add_operations(api::Api& api, Service& service);

}  // namespace maru::identity
