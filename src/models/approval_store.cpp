#include "models/approval_store.hpp"

#include <algorithm>

#include "api/access.hpp"
#include "base/error.hpp"
#include "base/json.hpp"

namespace maru::models::approvals {
namespace {

constexpr std::string_view kRuleColumns =
    "SELECT m.name, r.aliases, r.stages, r.approvals, r.role, r.expires_after_s, r.user_name, "
    "r.updated_at FROM model_approval_rules r LEFT JOIN models m ON m.number = r.model";

ApprovalRule read_rule(const sql::Row& row) {
    return {.model = row.optional_string(0),
            .aliases = from_json<std::vector<std::string>>(row.text(1)),
            .stages = from_json<std::vector<std::string>>(row.text(2)),
            .approvals = row.integer(3),
            .role = enum_from<identity::Role>(row.text(4)).value_or(identity::Role::owner),
            .expires_after_s = row.integer(5),
            .user = row.string(6),
            .updated_at = row.time(7)};
}

constexpr std::string_view kRequestColumns =
    "SELECT q.id, m.name, q.version, q.kind, q.target, q.old_value, q.archive_existing, q.state, "
    "q.user_id, q.user_name, q.comment, q.approvals_needed, q.role, q.created_at, q.expires_at, "
    "q.ended_at, q.model, q.project_id FROM model_requests q JOIN models m ON m.number = q.model";

ApprovalRequest read_request(const sql::Row& row) {
    ApprovalRequest request;
    request.id = row.string(0);
    request.model = row.string(1);
    request.version = row.integer(2);
    request.kind = enum_from<RequestKind>(row.text(3)).value_or(RequestKind::alias);
    request.target = row.string(4);
    request.from = row.optional_string(5);
    request.archive_existing = row.boolean(6);
    request.state = enum_from<RequestState>(row.text(7)).value_or(RequestState::expired);
    request.user_id = row.string(8);
    request.user = row.string(9);
    request.comment = row.string(10);
    request.approvals_needed = row.integer(11);
    request.role = enum_from<identity::Role>(row.text(12)).value_or(identity::Role::owner);
    request.created_at = row.time(13);
    request.expires_at = row.time(14);
    request.ended_at = row.optional_time(15);
    request.model_number = row.integer(16);
    return request;
}

void load_reviews(sql::Connection& connection, ApprovalRequest& request) {
    request.reviews = connection.all(
        "SELECT user_name, approved, comment, at FROM model_reviews WHERE request_id = $1 "
        "ORDER BY at, user_name",
        {request.id}, [](const sql::Row& row) {
            return Review{row.string(0), row.boolean(1), row.string(2), row.time(3)};
        });
}

}  // namespace

bool matches(std::string_view pattern, std::string_view text) {
    // Goes back to the last '*' only: linear in pattern times text.
    std::size_t at = 0, in = 0, star = std::string_view::npos, resume = 0;
    while (in < text.size()) {
        if (at < pattern.size() && pattern[at] == '*') {
            star = at++;
            resume = in;
        } else if (at < pattern.size() && (pattern[at] == '?' || pattern[at] == text[in])) {
            ++at, ++in;
        } else if (star != std::string_view::npos) {
            at = star + 1;
            in = ++resume;
        } else {
            return false;
        }
    }
    while (at < pattern.size() && pattern[at] == '*') ++at;
    return at == pattern.size();
}

std::optional<ApprovalRule> rule_of(sql::Connection& connection, std::string_view project_id,
                                    std::int64_t model) {
    return connection.first(fmt::format("{} WHERE r.project_id = $1 AND r.model IN (0, $2) ORDER "
                                        "BY r.model DESC LIMIT 1",
                                        kRuleColumns),
                            {project_id, model}, read_rule);
}

std::vector<ApprovalRule> rules(sql::Connection& connection, std::string_view project_id) {
    return connection.all(
        fmt::format("{} WHERE r.project_id = $1 AND (r.model = 0 OR (1 = 1{})) ORDER BY m.name IS "
                    "NOT NULL, m.name",
                    kRuleColumns,
                    api::access_condition(api::ResourceKind::registered_model, "r.model")),
        {project_id}, read_rule);
}

void put_rule(sql::Connection& connection, std::string_view project_id, std::int64_t model,
              const ApprovalRule& rule) {
    connection.execute(
        "INSERT INTO model_approval_rules (project_id, model, aliases, stages, approvals, role, "
        "expires_after_s, user_name, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON "
        "CONFLICT (project_id, model) DO UPDATE SET aliases = excluded.aliases, stages = "
        "excluded.stages, approvals = excluded.approvals, role = excluded.role, expires_after_s = "
        "excluded.expires_after_s, user_name = excluded.user_name, updated_at = "
        "excluded.updated_at",
        {project_id, model, to_json(rule.aliases), to_json(rule.stages), rule.approvals,
         enum_name(rule.role), rule.expires_after_s, rule.user, rule.updated_at});
}

bool remove_rule(sql::Connection& connection, std::string_view project_id, std::int64_t model) {
    return connection.execute(
               "DELETE FROM model_approval_rules WHERE project_id = $1 AND model = $2",
               {project_id, model}) != 0;
}

bool protects_alias(const ApprovalRule& rule, std::string_view alias) {
    return std::ranges::any_of(rule.aliases,
                               [&](auto& pattern) { return matches(pattern, alias); });
}

bool protects_stage(const ApprovalRule& rule, std::string_view stage) {
    return std::ranges::find(rule.stages, stage) != rule.stages.end();
}

void insert(sql::Connection& connection, std::string_view project_id,
            const ApprovalRequest& request) {
    connection.execute(
        "INSERT INTO model_requests (id, project_id, model, version, kind, target, old_value, "
        "archive_existing, state, user_id, user_name, comment, approvals_needed, role, created_at, "
        "expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, "
        "$16)",
        {request.id, project_id, request.model_number, request.version, enum_name(request.kind),
         request.target, request.from, request.archive_existing, enum_name(request.state),
         request.user_id, request.user, request.comment, request.approvals_needed,
         enum_name(request.role), request.created_at, request.expires_at});
}

ApprovalRequest get(sql::Connection& connection, std::string_view project_id, std::string_view id) {
    auto request =
        connection.first(fmt::format("{} WHERE q.id = $1 AND q.project_id = $2", kRequestColumns),
                         {id, project_id}, read_request);
    if (!request)
        fail(ErrorCode::not_found, "the request {} does not exist", json_string(id.substr(0, 80)));
    api::require_access(api::ResourceKind::registered_model, request->model_number);
    load_reviews(connection, *request);
    return *request;
}

std::optional<ApprovalRequest> find_open(sql::Connection& connection, Time now,
                                         const ApprovalRequest& like) {
    return connection.first(
        fmt::format("{} WHERE q.model = $1 AND q.state = 'open' AND q.version = $2 AND q.kind = $3 "
                    "AND q.target = $4 AND q.archive_existing = $5 AND q.expires_at > $6",
                    kRequestColumns),
        {like.model_number, like.version, enum_name(like.kind), like.target, like.archive_existing,
         now},
        read_request);
}

std::vector<ApprovalRequest> list(sql::Connection& connection, const Filter& filter) {
    std::string statement =
        fmt::format("{} WHERE q.project_id = $1{}", kRequestColumns,
                    api::access_condition(api::ResourceKind::registered_model, "q.model"));
    std::vector<sql::Value> values{filter.project_id};
    auto add = [&](std::string_view condition, sql::Value value) {
        values.push_back(std::move(value));
        statement += fmt::format(" AND {} ${}", condition, values.size());
    };
    if (filter.model) add("q.model =", *filter.model);
    if (filter.state) add("q.state =", enum_name(*filter.state));
    if (!filter.before_id.empty()) add("q.id <", filter.before_id);
    values.push_back(filter.limit);
    statement += fmt::format(" ORDER BY q.id DESC LIMIT ${}", values.size());
    auto requests = connection.all(statement, values, read_request);
    for (auto& request : requests) load_reviews(connection, request);
    return requests;
}

std::vector<ApprovalRequest> open_of(sql::Connection& connection, std::int64_t model,
                                     std::optional<std::int64_t> version) {
    auto requests =
        connection.all(fmt::format("{} WHERE q.model = $1 AND q.state = 'open'", kRequestColumns),
                       {model}, read_request);
    if (version)
        std::erase_if(requests, [&](auto& request) { return request.version != *version; });
    return requests;
}

std::vector<Overdue> overdue(sql::Connection& connection, Time now, std::int64_t limit) {
    return connection.all(
        fmt::format("{} WHERE q.state = 'open' AND q.expires_at <= $1 LIMIT $2", kRequestColumns),
        {now, limit},
        [](const sql::Row& row) { return Overdue{row.string(17), read_request(row)}; });
}

void add_review(sql::Connection& connection, std::string_view request_id, std::string_view user_id,
                const Review& review) {
    connection.execute(
        "INSERT INTO model_reviews (request_id, user_id, user_name, approved, comment, at) VALUES "
        "($1, $2, $3, $4, $5, $6)",
        {request_id, user_id, review.user, review.approved, review.comment, review.at});
}

bool has_reviewed(sql::Connection& connection, std::string_view request_id,
                  std::string_view user_id) {
    return connection
        .first("SELECT 1 FROM model_reviews WHERE request_id = $1 AND user_id = $2",
               {request_id, user_id}, [](const sql::Row&) { return true; })
        .has_value();
}

void end(sql::Connection& connection, std::string_view id, RequestState state, Time at) {
    connection.execute("UPDATE model_requests SET state = $1, ended_at = $2 WHERE id = $3",
                       {enum_name(state), at, id});
}

void remove_all(sql::Connection& connection, std::int64_t model) {
    connection.execute(
        "DELETE FROM model_reviews WHERE request_id IN (SELECT id FROM model_requests WHERE model "
        "= $1)",
        {model});
    connection.execute("DELETE FROM model_requests WHERE model = $1", {model});
    connection.execute("DELETE FROM model_approval_rules WHERE model = $1", {model});
}

}  // namespace maru::models::approvals
