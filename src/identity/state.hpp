#pragma once

#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "identity/credentials.hpp"
#include "identity/directory.hpp"
#include "identity/service.hpp"

namespace maru::identity {

/// Who sends a request, and by which credential.
struct Caller {
    std::shared_ptr<const UserRow> user;
    std::shared_ptr<const TokenRow> token;
    std::shared_ptr<const SessionRow> session;
    std::string session_secret;

    /// The only project that the caller may be in, if his token is bound to one.
    const std::string* bound_project_id() const {
        return token && token->project_id ? &*token->project_id : nullptr;
    }
    bool is_workload() const { return token && token->kind == TokenKind::workload; }
};

/// Remembers which pairs of user and password were right, so that HTTP Basic costs one hash and not
/// one for every request. An entry counts only while the user's stored hash is the one it was
/// checked against; the password is kept only as an HMAC under a key of this process. Threads: any.
class VerifiedPasswords {
  public:
    VerifiedPasswords();
    bool holds(const UserRow& user, std::string_view password) const;
    void add(const UserRow& user, std::string_view password);

  private:
    std::string key_of(const UserRow& user, std::string_view password) const;
    std::string process_key_;
    mutable std::mutex mutex_;
    std::unordered_map<std::string, std::string> hashes_;
};

/// A caller's role over a project: admins own all, a workload is a developer at most.
std::optional<Role> role_of(const Directory& directory, const Caller& caller,
                            std::string_view project_id);

struct Service::State {
    State(sql::Database& database_in, const Clock& clock_in, ServiceOptions options_in)
        : database(database_in),
          clock(clock_in),
          options(options_in),
          hasher(options_in.passwords),
          limiter(options_in.sign_in_limits) {}

    sql::Database& database;
    const Clock& clock;
    const ServiceOptions options;
    Directory directory;
    PasswordHasher hasher;
    SignInLimiter limiter;
    VerifiedPasswords verified;
    /// Held over each write to tables that the directory shows and the directory's change after it,
    /// so that both happen in the same order. Never taken inside a transaction.
    std::mutex write_mutex;
    std::vector<ProjectRoom> rooms;
    std::function<void()> deletion_listener = [] {};
    std::mutex removal_mutex;  // over a removal of what deleted projects had
    WindowCounter audited_failures{std::chrono::minutes(1), 1000};
    Time last_cleanup{};  // of maintain
    std::mutex idempotency_mutex;
    std::set<std::string> idempotency_running;

    /// Throws unauthenticated. Checks the CSRF token of a session.
    Caller authenticate(const net::RequestHead& head, Time now);
    Caller by_token(const std::string& secret, Time now);
    Caller by_session(const std::string& secret, Time now);
    Caller by_password(const UserAndPassword& basic, std::string_view address, Time now);
    /// The user that everyone is without authentication.
    std::shared_ptr<const UserRow> admin_user() const;
    std::shared_ptr<const ProjectRow> find_project(const Caller& caller,
                                                   std::optional<std::string_view> name,
                                                   const net::RequestHead& head,
                                                   api::Permission permission) const;
    void authorize(const Caller& caller, const net::RequestHead& head, api::Permission permission,
                   api::Context& context) const;

    /// Checks a password under the rate limit; throws unauthenticated or resource_exhausted.
    std::shared_ptr<const UserRow> check_sign_in(std::string_view name, std::string_view password,
                                                 std::string_view address, Time now,
                                                 PasswordHasher::Turn turn);
    Session start_session(const api::Context& context, std::shared_ptr<const UserRow> user,
                          std::string_view operation,
                          const std::function<void(sql::Connection&)>& before);
    Session describe_session(const Caller& caller, std::string_view session_secret) const;

    void insert_audit(sql::Connection& connection, const api::AuditRecord& record) const;
    /// Writes an entry about a failure, unless its author has filled the log enough for this
    /// minute. Never throws: the failure itself is what has to be answered.
    void audit_failure(api::AuditRecord record, std::string_view outcome);
    api::AuditRecord sign_in_record(const api::Context& context, std::string_view user,
                                    std::string_view operation) const;
    /// Completes a token with its id and time, and writes it; returns its secret.
    std::string insert_token(sql::Connection& connection, TokenRow& token) const;
    void insert_user(sql::Connection& connection, const UserRow& user) const;
    /// Completes a project with its number and time, and writes it.
    void insert_project(sql::Connection& connection, ProjectRow& project) const;
    void set_role(sql::Connection& connection, std::string_view project_id,
                  std::string_view user_id, Role role) const;
    /// Throws failed_precondition that says what is in the way.
    void check_deletable(sql::Connection& connection, const api::ProjectRef& project,
                         bool purge) const;
    /// Throws not_found.
    std::shared_ptr<const UserRow> user_named(std::string_view name) const;
    /// The caller of the request that is being handled.
    Caller caller_of(const api::Context& context);
    TokenRow workload_token(std::string_view workload_id, std::string_view project_id,
                            std::string_view user) const;
    std::string insert_link(sql::Connection& connection, const UserRow& user, bool initial) const;
    void save_uses();
};

User to_user(const UserRow& row);

/// A page of rows that are already in order: those after `position` by `key`.
template <class Row, class Key, class Make>
auto page_of(const std::vector<Row>& rows, std::string_view page_token, std::int64_t page_size,
             Key key, Make make) {
    std::string position;
    if (!page_token.empty()) position = api::decode_page_token(page_token);
    auto limit = static_cast<std::size_t>(api::check_page_size(page_size));
    api::Page<decltype(make(rows.front()))> page;
    std::string last;
    for (const Row& row : rows) {
        if (!position.empty() && key(row) <= position) continue;
        if (page.items.size() == limit) {
            page.next_page_token = api::encode_page_token(last);
            break;
        }
        page.items.push_back(make(row));
        last = key(row);
    }
    return page;
}

}  // namespace maru::identity
