#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"

namespace maru::identity {

/// What a member may do in a project, from least to most; roles.hpp says what each grants. A guest
/// is no member: he was given permissions on single experiments or models, and sees only those.
enum class Role { guest, viewer, developer, owner };
BOOST_DESCRIBE_ENUM(Role, guest, viewer, developer, owner)

/// How callers prove who they are: by signing in here, or not at all (everyone is `admin`).
enum class AuthMode { local, none };
BOOST_DESCRIBE_ENUM(AuthMode, local, none)

enum class Scope { read, write };
BOOST_DESCRIBE_ENUM(Scope, read, write)

struct User {
    std::string id, name, display_name;
    bool admin = false, disabled = false, has_password = false;
    Time created_at{};
};
BOOST_DESCRIBE_STRUCT(User, (), (id, name, display_name, admin, disabled, has_password, created_at))

struct ProjectMembership {
    std::string name;
    Role role = Role::viewer;
};
BOOST_DESCRIBE_STRUCT(ProjectMembership, (), (name, role))

struct Session {
    User user;
    /// For the header X-CSRF-Token of requests with the session's cookie; empty without a cookie.
    std::string csrf_token;
    AuthMode auth = AuthMode::local;
    std::vector<ProjectMembership> projects;
};
BOOST_DESCRIBE_STRUCT(Session, (), (user, csrf_token, auth, projects))

struct Token {
    std::string id, name;
    std::vector<Scope> scopes;
    std::optional<std::string> project;
    Time created_at{};
    std::optional<Time> expires_at, last_used_at;
};
BOOST_DESCRIBE_STRUCT(Token, (), (id, name, scopes, project, created_at, expires_at, last_used_at))

/// A token at its creation, the one time that its secret is told.
struct CreatedToken {
    std::string id, name;
    std::vector<Scope> scopes;
    std::optional<std::string> project;
    Time created_at{};
    std::optional<Time> expires_at, last_used_at;
    std::string secret;
};
BOOST_DESCRIBE_STRUCT(CreatedToken, (),
                      (id, name, scopes, project, created_at, expires_at, last_used_at, secret))

struct Project {
    std::string id, name, description;
    Time created_at{};
    Role role = Role::viewer;  // the caller's
};
BOOST_DESCRIBE_STRUCT(Project, (), (id, name, description, created_at, role))

struct Member {
    std::string user;
    Role role = Role::viewer;
};
BOOST_DESCRIBE_STRUCT(Member, (), (user, role))

struct AuditEntry {
    std::string id;
    Time at{};
    std::string user, operation;
    std::optional<std::string> project;
    std::string resource, outcome, remote_address;
};
BOOST_DESCRIBE_STRUCT(AuditEntry, (),
                      (id, at, user, operation, project, resource, outcome, remote_address))

}  // namespace maru::identity
