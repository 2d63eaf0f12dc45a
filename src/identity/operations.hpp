#pragma once

#include "api/operation.hpp"
#include "identity/types.hpp"

namespace maru::identity {

// Signing in and out writes its own audit entries, since the caller is known only in the course of
// it.

struct CreateSession {
    std::string username, password;
};
BOOST_DESCRIBE_STRUCT(CreateSession, (), (username, password))
MARU_REQUIRED(CreateSession, "username", "password")
inline constexpr api::Operation<CreateSession, Session> create_session{
    .id = "session.create",
    .method = api::Method::post,
    .path = "/session",
    .summary = "Sign in with a password; sets the cookie maru_session",
    .permission = api::Permission::anyone,
    .audited = false};

struct CreateSessionFromLink {
    std::string token;
};
BOOST_DESCRIBE_STRUCT(CreateSessionFromLink, (), (token))
MARU_REQUIRED(CreateSessionFromLink, "token")
inline constexpr api::Operation<CreateSessionFromLink, Session> create_session_from_link{
    .id = "session.create_from_link",
    .method = api::Method::post,
    .path = "/session/link",
    .summary = "Sign in with a one-time link's token; sets the cookie maru_session",
    .permission = api::Permission::anyone,
    .audited = false};

inline constexpr api::Operation<api::Nothing, Session> get_session{
    .id = "session.get",
    .method = api::Method::get,
    .path = "/session",
    .summary = "Show who is signed in, and his projects",
    .permission = api::Permission::signed_in};

inline constexpr api::Operation<api::Nothing, api::Nothing> delete_session{
    .id = "session.delete",
    .method = api::Method::delete_,
    .path = "/session",
    .summary = "Sign out",
    .permission = api::Permission::signed_in,
    .audited = false};

struct ChangePassword {
    std::optional<std::string> current_password;
    std::string new_password;
};
BOOST_DESCRIBE_STRUCT(ChangePassword, (), (current_password, new_password))
MARU_REQUIRED(ChangePassword, "new_password")
inline constexpr api::Operation<ChangePassword, api::Nothing> change_password{
    .id = "session.change_password",
    .method = api::Method::post,
    .path = "/session/password",
    .summary = "Change one's own password; ends one's other sessions",
    .permission = api::Permission::signed_in};

struct ListUsers {
    std::string page_token;
    std::int64_t page_size = 0;
};
BOOST_DESCRIBE_STRUCT(ListUsers, (), (page_token, page_size))
inline constexpr api::Operation<ListUsers, api::Page<User>> list_users{
    .id = "users.list",
    .method = api::Method::get,
    .path = "/users",
    .summary = "List all users by name",
    .permission = api::Permission::administer};

struct CreateUser {
    std::string name, display_name;
    std::optional<std::string> password;
    bool admin = false;
};
BOOST_DESCRIBE_STRUCT(CreateUser, (), (name, display_name, password, admin))
MARU_REQUIRED(CreateUser, "name")
inline constexpr api::Operation<CreateUser, User> create_user{
    .id = "users.create",
    .method = api::Method::post,
    .path = "/users",
    .summary = "Add a user",
    .permission = api::Permission::administer};

struct UpdateUser {
    std::string name;
    std::optional<std::string> display_name, password;
    std::optional<bool> admin, disabled;
};
BOOST_DESCRIBE_STRUCT(UpdateUser, (), (name, display_name, password, admin, disabled))
inline constexpr api::Operation<UpdateUser, User> update_user{
    .id = "users.update",
    .method = api::Method::patch,
    .path = "/users/{name}",
    .summary = "Change a user; a new password or disabling ends all of his sessions",
    .permission = api::Permission::administer};

struct ListTokens {
    std::string page_token;
    std::int64_t page_size = 0;
};
BOOST_DESCRIBE_STRUCT(ListTokens, (), (page_token, page_size))
inline constexpr api::Operation<ListTokens, api::Page<Token>> list_tokens{
    .id = "tokens.list",
    .method = api::Method::get,
    .path = "/tokens",
    .summary = "List one's own tokens, the newest first",
    .permission = api::Permission::signed_in};

struct CreateToken {
    std::string name;
    std::vector<Scope> scopes;
    std::optional<std::string> project;
    std::optional<std::int64_t> expires_in_s;
};
BOOST_DESCRIBE_STRUCT(CreateToken, (), (name, scopes, project, expires_in_s))
MARU_REQUIRED(CreateToken, "name", "scopes")
inline constexpr api::Operation<CreateToken, CreatedToken> create_token{
    .id = "tokens.create",
    .method = api::Method::post,
    .path = "/tokens",
    .summary = "Make a token for programs; the answer is the only place that shows its secret",
    .permission = api::Permission::signed_in};

struct NameToken {
    std::string id;
};
BOOST_DESCRIBE_STRUCT(NameToken, (), (id))
inline constexpr api::Operation<NameToken, api::Nothing> delete_token{
    .id = "tokens.delete",
    .method = api::Method::delete_,
    .path = "/tokens/{id}",
    .summary = "Revoke a token",
    .permission = api::Permission::signed_in};

struct ListProjects {
    std::string page_token;
    std::int64_t page_size = 0;
};
BOOST_DESCRIBE_STRUCT(ListProjects, (), (page_token, page_size))
inline constexpr api::Operation<ListProjects, api::Page<Project>> list_projects{
    .id = "projects.list",
    .method = api::Method::get,
    .path = "/projects",
    .summary = "List the projects that one may see, by name",
    .permission = api::Permission::signed_in};

struct CreateProject {
    std::string name, description;
};
BOOST_DESCRIBE_STRUCT(CreateProject, (), (name, description))
MARU_REQUIRED(CreateProject, "name")
inline constexpr api::Operation<CreateProject, Project> create_project{
    .id = "projects.create",
    .method = api::Method::post,
    .path = "/projects",
    .summary = "Create a project and become its owner",
    .permission = api::Permission::signed_in};

struct NameProject {
    std::string project;
};
BOOST_DESCRIBE_STRUCT(NameProject, (), (project))
inline constexpr api::Operation<NameProject, Project> get_project{
    .id = "projects.get",
    .method = api::Method::get,
    .path = "/projects/{project}",
    .summary = "Show a project",
    .permission = api::Permission::project_read};

struct UpdateProject {
    std::string project, description;
};
BOOST_DESCRIBE_STRUCT(UpdateProject, (), (project, description))
MARU_REQUIRED(UpdateProject, "description")
inline constexpr api::Operation<UpdateProject, Project> update_project{
    .id = "projects.update",
    .method = api::Method::patch,
    .path = "/projects/{project}",
    .summary = "Change a project's description",
    .permission = api::Permission::project_administer};

struct DeleteProject {
    std::string project;
    bool purge = false;
};
BOOST_DESCRIBE_STRUCT(DeleteProject, (), (project, purge))
inline constexpr api::Operation<DeleteProject, api::Nothing> delete_project{
    .id = "projects.delete",
    .method = api::Method::delete_,
    .path = "/projects/{project}",
    .summary = "Delete an empty project, or with purge one with all that is in it, for good",
    .permission = api::Permission::project_administer};

struct ListMembers {
    std::string project, page_token;
    std::int64_t page_size = 0;
};
BOOST_DESCRIBE_STRUCT(ListMembers, (), (project, page_token, page_size))
inline constexpr api::Operation<ListMembers, api::Page<Member>> list_members{
    .id = "members.list",
    .method = api::Method::get,
    .path = "/projects/{project}/members",
    .summary = "List a project's members by name",
    .permission = api::Permission::project_read};

struct SetMember {
    std::string project, user;
    Role role = Role::viewer;
};
BOOST_DESCRIBE_STRUCT(SetMember, (), (project, user, role))
MARU_REQUIRED(SetMember, "role")
inline constexpr api::Operation<SetMember, Member> set_member{
    .id = "members.set",
    .method = api::Method::put,
    .path = "/projects/{project}/members/{user}",
    .summary = "Add a user to a project, or change his role",
    .permission = api::Permission::project_administer};

struct NameMember {
    std::string project, user;
};
BOOST_DESCRIBE_STRUCT(NameMember, (), (project, user))
inline constexpr api::Operation<NameMember, api::Nothing> remove_member{
    .id = "members.remove",
    .method = api::Method::delete_,
    .path = "/projects/{project}/members/{user}",
    .summary = "Take a user out of a project",
    .permission = api::Permission::project_administer};

struct ListAudit {
    std::string project, page_token;
    std::int64_t page_size = 0;
};
BOOST_DESCRIBE_STRUCT(ListAudit, (), (project, page_token, page_size))
// The project is in the query, so the handler checks audit_read in it, or administer without one.
inline constexpr api::Operation<ListAudit, api::Page<AuditEntry>> list_audit{
    .id = "audit.list",
    .method = api::Method::get,
    .path = "/audit",
    .summary = "List who did what, the newest first: in a project (its owners), or all (admins)",
    .permission = api::Permission::signed_in};

}  // namespace maru::identity
