#pragma once

#include "api/operation.hpp"
#include "models/types.hpp"

namespace maru::models {

struct ListRules {
    std::string project;
};
BOOST_DESCRIBE_STRUCT(ListRules, (), (project))
inline constexpr api::Operation<ListRules, api::Page<ApprovalRule>> list_approval_rules{
    .id = "models.approval_rules",
    .method = api::Method::get,
    .path = "/projects/{project}/model-approval-rules",
    .summary = "List the rules of who must approve before aliases and stages move",
    .permission = api::Permission::models_read};

struct SetRule {
    std::string project;
    std::optional<std::string> model;
    std::vector<std::string> aliases, stages;
    std::int64_t approvals = 1;
    identity::Role role = identity::Role::owner;
    std::int64_t expires_after_s = 7 * 24 * 3600;
};
BOOST_DESCRIBE_STRUCT(SetRule, (),
                      (project, model, aliases, stages, approvals, role, expires_after_s))
inline constexpr api::Operation<SetRule, ApprovalRule> set_approval_rule{
    .id = "models.set_approval_rule",
    .method = api::Method::put,
    .path = "/projects/{project}/model-approval-rules",
    .summary =
        "Let aliases (champion, prod*) and stages move only with approvals, in one model or "
        "in all that have no rule of their own",
    .permission = api::Permission::project_administer};

struct NameRule {
    std::string project;
    std::optional<std::string> model;
};
BOOST_DESCRIBE_STRUCT(NameRule, (), (project, model))
inline constexpr api::Operation<NameRule, api::Nothing> delete_approval_rule{
    .id = "models.delete_approval_rule",
    .method = api::Method::delete_,
    .path = "/projects/{project}/model-approval-rules",
    .summary = "Remove the rule of a model, or the project's",
    .permission = api::Permission::project_administer};

struct ListRequests {
    std::string project, model;
    std::optional<RequestState> state;
    std::string page_token;
    std::int64_t page_size = 0;
};
BOOST_DESCRIBE_STRUCT(ListRequests, (), (project, model, state, page_token, page_size))
inline constexpr api::Operation<ListRequests, api::Page<ApprovalRequest>> list_requests{
    .id = "models.requests",
    .method = api::Method::get,
    .path = "/projects/{project}/model-requests",
    .summary = "List requests to move aliases and stages, the newest first",
    .permission = api::Permission::models_read};

struct CreateRequest {
    std::string project, model, target, comment;
    std::int64_t version = 0;
    RequestKind kind = RequestKind::alias;
    bool archive_existing = false;
};
BOOST_DESCRIBE_STRUCT(CreateRequest, (),
                      (project, model, target, comment, version, kind, archive_existing))
MARU_REQUIRED(CreateRequest, "model", "target")
inline constexpr api::Operation<CreateRequest, ApprovalRequest> create_request{
    .id = "models.request",
    .method = api::Method::post,
    .path = "/projects/{project}/model-requests",
    .summary = "Ask for the move of an alias or a stage that needs approval",
    .permission = api::Permission::models_write};

struct NameRequest {
    std::string project, id;
};
BOOST_DESCRIBE_STRUCT(NameRequest, (), (project, id))
inline constexpr api::Operation<NameRequest, ApprovalRequest> get_request{
    .id = "models.get_request",
    .method = api::Method::get,
    .path = "/projects/{project}/model-requests/{id}",
    .summary = "Show one request with its reviews",
    .permission = api::Permission::models_read};

struct ReviewRequest {
    std::string project, id, comment;
};
BOOST_DESCRIBE_STRUCT(ReviewRequest, (), (project, id, comment))
inline constexpr api::Operation<ReviewRequest, ApprovalRequest> approve_request{
    .id = "models.approve",
    .method = api::Method::post,
    .path = "/projects/{project}/model-requests/{id}/approve",
    .summary = "Approve a request; the last approval that is needed makes the move",
    .permission = api::Permission::models_write};
inline constexpr api::Operation<ReviewRequest, ApprovalRequest> reject_request{
    .id = "models.reject",
    .method = api::Method::post,
    .path = "/projects/{project}/model-requests/{id}/reject",
    .summary = "Reject a request: it ends without the move",
    .permission = api::Permission::models_write};
inline constexpr api::Operation<ReviewRequest, ApprovalRequest> withdraw_request{
    .id = "models.withdraw",
    .method = api::Method::post,
    .path = "/projects/{project}/model-requests/{id}/withdraw",
    .summary = "Withdraw one's own request, or as an owner another's",
    .permission = api::Permission::models_write};

}  // namespace maru::models
