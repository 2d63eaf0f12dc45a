#include "base/error.hpp"
#include "base/id.hpp"
#include "base/log.hpp"
#include "identity/audit_scope.hpp"
#include "identity/state.hpp"

namespace maru::identity {

namespace {

constexpr std::int64_t kFailuresPerMinuteMax = 60;  // of one user

thread_local api::AuditRecord* current_record = nullptr;

/// Makes a record the one that extend_audit_resource of this thread is about.
class RecordScope {
  public:
    explicit RecordScope(api::AuditRecord& record) : outer_(current_record) {
        current_record = &record;
    }
    ~RecordScope() { current_record = outer_; }
    RecordScope(const RecordScope&) = delete;
    RecordScope& operator=(const RecordScope&) = delete;

  private:
    api::AuditRecord* outer_;
};

AuditEntry read_entry(const sql::Row& row) {
    return {.id = row.string(0),
            .at = row.time(1),
            .user = row.string(2),
            .operation = row.string(3),
            .project = row.optional_string(4),
            .resource = row.string(5),
            .outcome = row.string(6),
            .remote_address = row.string(7)};
}

}  // namespace

void Service::extend_audit_resource(std::string_view name) {
    if (current_record != nullptr) current_record->resource += '/' + std::string(name);
}

void Service::set_audit_project(std::string_view project_id) {
    if (current_record != nullptr) current_record->project_id = std::string(project_id);
}

void Service::State::insert_audit(sql::Connection& connection,
                                  const api::AuditRecord& record) const {
    std::optional<std::string> project_id, project_name;
    if (!record.project_id.empty()) {
        project_id = record.project_id;
        if (auto project = directory.project(record.project_id)) project_name = project->ref.name;
    }
    connection.execute(
        "INSERT INTO audit_entries (id, at, user_name, operation, project_id, project_name, "
        "resource, "
        "outcome, remote_address) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        {new_id(), record.at, record.user, record.operation, project_id, project_name,
         record.resource, record.outcome, record.remote_address});
}

void Service::State::audit_failure(api::AuditRecord record, std::string_view outcome) {
    if (record.user.empty()) return;
    if (audited_failures.add(record.user, clock.now()) > kFailuresPerMinuteMax) return;
    record.outcome = std::string(outcome);
    HooksOff hooks_off;
    try {
        database.write([&](sql::Connection& connection) { insert_audit(connection, record); });
    } catch (const std::exception& error) {
        log::error("cannot write an audit entry ({} by {}, {}): {}", record.operation, record.user,
                   record.outcome, error.what());
    }
}

net::Response Service::audited(api::AuditRecord record,
                               const std::function<net::Response()>& call) {
    if (record.at == Time{}) record.at = state_->clock.now();
    record.outcome = "ok";
    RecordScope record_scope(record);
    HookSwitch hook_switch;
    sql::ScopedWriteHook hook([this, &record, &hook_switch](sql::Connection& connection) {
        if (hook_switch.on()) state_->insert_audit(connection, record);
    });
    try {
        net::Response response = call();
        if (response.status >= 400) {
            if (!hook.ran()) state_->audit_failure(record, fmt::format("http_{}", response.status));
        } else if (!hook.ran()) {
            // It changed nothing ("stop" of a job that has ended), but it was asked for: the hook
            // writes.
            state_->database.write([](sql::Connection&) {});
        }
        return response;
    } catch (const Error& error) {
        state_->audit_failure(record, to_string(error.code()));
        throw;
    } catch (...) {
        state_->audit_failure(record, to_string(ErrorCode::internal));
        throw;
    }
}

api::Page<AuditEntry> Service::list_audit(const api::Context& context, const ListAudit& request) {
    std::optional<std::string> project_id;
    if (request.project.empty())
        admit(*context.request, api::Permission::administer, std::nullopt);
    else
        project_id =
            admit(*context.request, api::Permission::audit_read, request.project).in_project().id;
    std::int64_t limit = api::check_page_size(request.page_size);
    std::string before = request.page_token.empty() ? std::string("g")  // after every hex digit
                                                    : api::decode_page_token(request.page_token);
    static constexpr std::string_view kColumns =
        "SELECT id, at, user_name, operation, project_name, resource, outcome, remote_address "
        "FROM audit_entries WHERE ";
    api::Page<AuditEntry> page;
    page.items = state_->database.read([&](sql::Connection& connection) {
        if (project_id)
            return connection.all(
                fmt::format("{} project_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3", kColumns),
                {*project_id, before, limit + 1}, read_entry);
        return connection.all(fmt::format("{} id < $1 ORDER BY id DESC LIMIT $2", kColumns),
                              {before, limit + 1}, read_entry);
    });
    if (static_cast<std::int64_t>(page.items.size()) > limit) {
        page.items.pop_back();
        page.next_page_token = api::encode_page_token(page.items.back().id);
    }
    return page;
}

}  // namespace maru::identity
