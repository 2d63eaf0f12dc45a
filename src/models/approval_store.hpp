#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/types.hpp"
#include "sql/database.hpp"

/// The tables of approvals: rules, requests, reviews. All functions run inside the caller's
/// transaction.
namespace maru::models::approvals {

/// True if `text` matches a pattern in which '*' stands for any characters and '?' for one.
bool matches(std::string_view pattern, std::string_view text);

/// The rule that a model obeys: its own, else its project's.
std::optional<ApprovalRule> rule_of(sql::Connection& connection, std::string_view project_id,
                                    std::int64_t model);
std::vector<ApprovalRule> rules(sql::Connection& connection, std::string_view project_id);
/// `model` 0: the project's.
void put_rule(sql::Connection& connection, std::string_view project_id, std::int64_t model,
              const ApprovalRule& rule);
bool remove_rule(sql::Connection& connection, std::string_view project_id, std::int64_t model);

bool protects_alias(const ApprovalRule& rule, std::string_view alias);
bool protects_stage(const ApprovalRule& rule, std::string_view stage);

void insert(sql::Connection& connection, std::string_view project_id,
            const ApprovalRequest& request);
/// Throws not_found.
ApprovalRequest get(sql::Connection& connection, std::string_view project_id, std::string_view id);
/// The open request for the same move, if there is one.
std::optional<ApprovalRequest> find_open(sql::Connection& connection, Time now,
                                         const ApprovalRequest& like);

struct Filter {
    std::string_view project_id;
    std::optional<std::int64_t> model;
    std::optional<RequestState> state;
    std::string before_id;  // "" for the first page
    std::int64_t limit = 100;
};
/// The newest first.
std::vector<ApprovalRequest> list(sql::Connection& connection, const Filter& filter);
/// Open requests of a version, or of all of a model's.
std::vector<ApprovalRequest> open_of(sql::Connection& connection, std::int64_t model,
                                     std::optional<std::int64_t> version);
struct Overdue {
    std::string project_id;
    ApprovalRequest request;
};
std::vector<Overdue> overdue(sql::Connection& connection, Time now, std::int64_t limit);

void add_review(sql::Connection& connection, std::string_view request_id, std::string_view user_id,
                const Review& review);
bool has_reviewed(sql::Connection& connection, std::string_view request_id,
                  std::string_view user_id);
void end(sql::Connection& connection, std::string_view id, RequestState state, Time at);
/// All that is kept about a model's approvals.
void remove_all(sql::Connection& connection, std::int64_t model);

}  // namespace maru::models::approvals
