#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "identity/roles.hpp"
#include "identity/state.hpp"

namespace maru::identity {

namespace {

constexpr std::size_t kVerifiedMax = 1000;
constexpr std::string_view kWorkspaceHeader = "X-MLFLOW-WORKSPACE";

[[noreturn]] void fail_signed_out() {
    fail(ErrorCode::unauthenticated,
         "sign in, or send a token as \"Authorization: Bearer maru_...\"");
}

}  // namespace

VerifiedPasswords::VerifiedPasswords() : process_key_(random_bytes(32)) {}

std::string VerifiedPasswords::key_of(const UserRow& user, std::string_view password) const {
    return hmac_sha256(process_key_, user.id + '\n' + std::string(password));
}

bool VerifiedPasswords::holds(const UserRow& user, std::string_view password) const {
    std::string key = key_of(user, password);
    std::lock_guard lock(mutex_);
    auto found = hashes_.find(key);
    return found != hashes_.end() && user.password_hash == found->second;
}

void VerifiedPasswords::add(const UserRow& user, std::string_view password) {
    std::string key = key_of(user, password);
    std::lock_guard lock(mutex_);
    if (hashes_.size() >= kVerifiedMax) hashes_.clear();
    hashes_[std::move(key)] = user.password_hash.value_or("");
}

std::optional<Role> role_of(const Directory& directory, const Caller& caller,
                            std::string_view project_id) {
    std::optional<Role> role =
        caller.user->admin ? Role::owner : directory.role(project_id, caller.user->id);
    if (role && caller.is_workload()) return std::min(*role, Role::developer);
    return role;
}

std::shared_ptr<const UserRow> Service::State::admin_user() const {
    auto user = directory.user_by_name("admin");
    if (!user) fail(ErrorCode::failed_precondition, "the user \"admin\" does not exist yet");
    if (user->admin) return user;
    UserRow row = *user;
    row.admin = true;
    return std::make_shared<const UserRow>(std::move(row));
}

Caller Service::State::by_token(const std::string& secret, Time now) {
    auto token = directory.token(sha256_hex(secret));
    if (!token)
        fail(ErrorCode::unauthenticated, "the token is not valid, or was revoked; make another");
    if (token->expires_at && now >= *token->expires_at)
        fail(ErrorCode::unauthenticated, "the token expired at {}; make another",
             format_time(*token->expires_at));
    Caller caller{.user = directory.user(token->user_id), .token = token};
    if (!caller.user || caller.user->disabled)
        fail(ErrorCode::unauthenticated, "the token's user is disabled");
    token->last_use->note(now);
    return caller;
}

Caller Service::State::by_session(const std::string& secret, Time now) {
    auto session = directory.session(sha256_hex(secret));
    if (!session || now >= session->expires_at ||
        now >= from_ms(session->last_use->at_ms) + options.session_idle_max)
        fail(ErrorCode::unauthenticated, "the session has ended; sign in again");
    Caller caller{
        .user = directory.user(session->user_id), .session = session, .session_secret = secret};
    if (!caller.user || caller.user->disabled)
        fail(ErrorCode::unauthenticated, "the session has ended; sign in again");
    session->last_use->note(now);
    return caller;
}

Caller Service::State::by_password(const UserAndPassword& basic, std::string_view address,
                                   Time now) {
    auto user = directory.user_by_name(basic.user);
    if (user && !user->disabled && verified.holds(*user, basic.password)) return {.user = user};
    user = check_sign_in(basic.user, basic.password, address, now, PasswordHasher::Turn::at_once);
    verified.add(*user, basic.password);
    return {.user = user};
}

Caller Service::State::authenticate(const net::RequestHead& head, Time now) {
    const bool has_header = !trim(head.headers.get("Authorization")).empty();
    if (!has_header) refuse_cross_site(head);
    if (options.auth == AuthMode::none) {
        // Nobody has to prove anything, but a workload's token still says which workload it is.
        try {
            Credentials credentials = read_credentials(head);
            if (credentials.token) return by_token(*credentials.token, now);
        } catch (const Error& error) {
            if (error.code() != ErrorCode::unauthenticated) throw;
        }
        return {.user = admin_user()};
    }
    Credentials credentials = read_credentials(head);
    if (credentials.token) return by_token(*credentials.token, now);
    if (credentials.basic) return by_password(*credentials.basic, head.remote_address, now);
    if (!credentials.session) fail_signed_out();
    Caller caller = by_session(*credentials.session, now);
    if (!is_safe_method(head.method)) check_csrf_token(head, *credentials.session);
    return caller;
}

std::shared_ptr<const ProjectRow> Service::State::find_project(const Caller& caller,
                                                               std::optional<std::string_view> name,
                                                               const net::RequestHead& head,
                                                               api::Permission permission) const {
    std::string_view wanted = name.value_or("");
    std::string_view header = trim(head.headers.get(kWorkspaceHeader));
    if (!name) wanted = header;
    if (name && !header.empty() && header != wanted && is_project_permission(permission))
        fail(ErrorCode::invalid_argument,
             "the path is about project \"{}\", but {} names \"{}\"; leave one of them out", wanted,
             kWorkspaceHeader, header);
    if (!name && wanted.empty()) {
        if (!is_project_permission(permission)) return nullptr;
        if (const auto* bound = caller.bound_project_id()) return directory.project(*bound);
        wanted = kDefaultProject;
    }
    auto project = directory.project_by_name(wanted);
    // The same answer as for a project that does not exist: names of others' projects are not to be
    // told.
    if (!project || (caller.user && !role_of(directory, caller, project->ref.id) &&
                     !directory.grants(project->ref.id, caller.user->id))) {
        check_text("project", wanted, 250);
        fail(ErrorCode::not_found, "project \"{}\" does not exist, or you are not a member of it",
             wanted);
    }
    return project;
}

void Service::State::authorize(const Caller& caller, const net::RequestHead& head,
                               api::Permission permission, api::Context& context) const {
    const bool safe = is_safe_method(head.method);
    const std::string* bound = caller.bound_project_id();
    if (bound != nullptr && context.project && context.project->id != *bound)
        fail(ErrorCode::permission_denied, "the token is only for another project than \"{}\"",
             context.project->name);
    if (caller.token && !caller.token->can_write && !is_read(permission, safe))
        fail(ErrorCode::permission_denied,
             "the token is only for reading; this needs one with the scope write ({})",
             enum_name(permission));
    if (permission == api::Permission::administer && !context.admin)
        fail(ErrorCode::permission_denied, "only the platform's administrators may do this");
    if (permission == api::Permission::signed_in && bound != nullptr && !safe)
        fail(ErrorCode::permission_denied,
             "a token of one project cannot change what lies outside of it");
    if (!is_project_permission(permission)) return;
    auto role = role_of(directory, caller, context.project->id);
    if (auto given = directory.grants(context.project->id, caller.user->id)) {
        // A job has no more rights than a developer, but is not limited where its user is not.
        auto whole = role_of(directory, {.user = caller.user}, context.project->id);
        context.access = access_of(*given, whole, permission);
        if (context.access && admits(*context.access, permission)) return;
    }
    if (!role || !grants(*role, permission))
        fail(ErrorCode::permission_denied, "{} in project \"{}\" needs the role {}; yours is {}",
             enum_name(permission), context.project->name, enum_name(least_role(permission)),
             role ? enum_name(*role) : "none");
}

api::Context Service::admit(const net::RequestHead& head, api::Permission permission,
                            std::optional<std::string_view> project) {
    api::Context context;
    context.now = state_->clock.now();
    Caller caller;
    if (permission == api::Permission::anyone) {
        if (trim(head.headers.get("Authorization")).empty()) refuse_cross_site(head);
    } else {
        caller = state_->authenticate(head, context.now);
        context.user_id = caller.user->id;
        context.user = caller.user->name;
        context.admin = caller.user->admin && caller.bound_project_id() == nullptr;
        if (caller.is_workload()) context.workload_id = caller.token->workload_id;
    }
    if (auto found = state_->find_project(caller, project, head, permission))
        context.project = found->ref;
    if (permission != api::Permission::anyone) state_->authorize(caller, head, permission, context);
    return context;
}

}  // namespace maru::identity
