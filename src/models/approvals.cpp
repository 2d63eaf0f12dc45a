#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/text.hpp"
#include "identity/service.hpp"
#include "models/approval_store.hpp"
#include "models/history.hpp"
#include "models/service.hpp"
#include "models/validation.hpp"

namespace maru::models {
namespace {

constexpr std::size_t kPatternsMax = 100, kPatternBytesMax = 255, kCommentBytesMax = 4000;
constexpr std::int64_t kApprovalsMax = 20, kExpiryMax_s = 365LL * 24 * 3600;

void check_pattern(std::size_t index, std::string_view pattern) {
    auto allowed = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '_' || c == '-' || c == '*' || c == '?';
    };
    if (pattern.empty() || pattern.size() > kPatternBytesMax ||
        !std::ranges::all_of(pattern, allowed))
        fail_field(fmt::format("aliases[{}]", index),
                   fmt::format("expected an alias such as champion, or a pattern such as prod*, "
                               "got {}",
                               json_string(pattern.substr(0, 80))));
}

ApprovalRule checked(ApprovalRule rule) {
    if (rule.aliases.size() > kPatternsMax)
        fail_field("aliases", fmt::format("are {}; at most {}", rule.aliases.size(), kPatternsMax));
    for (std::size_t i = 0; i < rule.aliases.size(); ++i) check_pattern(i, rule.aliases[i]);
    std::set<std::string> stages;
    for (const auto& stage : rule.stages) stages.insert(canonical_stage(stage));
    rule.stages.assign(stages.begin(), stages.end());
    if (rule.aliases.empty() && rule.stages.empty())
        fail_field("aliases", "name at least one alias, or a stage in stages");
    if (rule.approvals < 1 || rule.approvals > kApprovalsMax)
        fail_field("approvals", fmt::format("{} is out of range; expected 1 to {}", rule.approvals,
                                            kApprovalsMax));
    // Who may not change models may not let others do it.
    if (rule.role < identity::Role::developer)
        fail_field("role",
                   fmt::format("expected developer or owner, got {}", enum_name(rule.role)));
    if (rule.expires_after_s < 60 || rule.expires_after_s > kExpiryMax_s)
        fail_field("expires_after_s", fmt::format("{} is out of range; expected 60 to {}",
                                                  rule.expires_after_s, kExpiryMax_s));
    return rule;
}

/// What a request is for, for people: "iris@champion to version 3".
std::string move_of(const ApprovalRequest& request) {
    switch (request.kind) {
        case RequestKind::alias:
            return fmt::format("{}@{} to version {}", request.model, request.target,
                               request.version);
        case RequestKind::alias_removal:
            return fmt::format("the removal of {}@{}", request.model, request.target);
        case RequestKind::stage:
            return fmt::format("version {} of {} to {}", request.version, request.model,
                               request.target);
    }
    return "";
}

/// The same in a line of history, where model and version stand beside it.
std::string target_of(const ApprovalRequest& request) {
    return request.kind == RequestKind::stage ? request.target : "@" + request.target;
}

bool is_protected(const ApprovalRule& rule, const ApprovalRequest& request) {
    return request.kind == RequestKind::stage ? approvals::protects_stage(rule, request.target)
                                              : approvals::protects_alias(rule, request.target);
}

void check_open(const ApprovalRequest& request, Time now) {
    if (request.state != RequestState::open)
        fail(ErrorCode::failed_precondition, "request {} is {}, not open any more", request.id,
             enum_name(request.state));
    if (request.expires_at <= now)
        fail(ErrorCode::failed_precondition, "request {} expired at {}; ask again", request.id,
             format_time(request.expires_at));
}

history::Subject subject_of(const ApprovalRequest& request) {
    return {request.model_number, request.model, request.version};
}

std::string approvers(const std::vector<Review>& reviews) {
    std::vector<std::string_view> names;
    for (const auto& review : reviews)
        if (review.approved) names.push_back(review.user);
    return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

// Rules.

std::vector<ApprovalRule> Service::approval_rules(std::string_view project_id) {
    return database_.read(
        [&](sql::Connection& connection) { return approvals::rules(connection, project_id); });
}

ApprovalRule Service::set_approval_rule(const Author& author, const ApprovalRule& given) {
    ApprovalRule rule = checked(given);
    rule.user = author.user;
    rule.updated_at = clock_.now();
    database_.write([&](sql::Connection& connection) {
        history::Subject subject;
        if (rule.model) {
            subject.name = *rule.model;
            subject.model = load_model(connection, author.project_id, *rule.model).number;
        }
        approvals::put_rule(connection, author.project_id, subject.model, rule);
        if (rule.model)
            history::append(connection, author, clock_.now(), subject,
                            {.kind = ChangeKind::approval_rule, .to = to_json(rule)});
    });
    return rule;
}

void Service::remove_approval_rule(const Author& author, const std::optional<std::string>& model) {
    database_.write([&](sql::Connection& connection) {
        history::Subject subject;
        if (model) {
            subject.name = *model;
            subject.model = load_model(connection, author.project_id, *model).number;
        }
        if (!approvals::remove_rule(connection, author.project_id, subject.model))
            fail(ErrorCode::not_found, "there is no approval rule for {}",
                 model ? "model " + *model : "the project");
        if (model)
            history::append(connection, author, clock_.now(), subject,
                            {.kind = ChangeKind::approval_rule});
    });
}

std::optional<ApprovalRule> Service::rule_for_alias(sql::Connection& connection,
                                                    std::string_view project_id, std::int64_t model,
                                                    std::string_view alias) {
    auto rule = approvals::rule_of(connection, project_id, model);
    return rule && approvals::protects_alias(*rule, alias) ? rule : std::nullopt;
}

std::optional<ApprovalRule> Service::rule_for_stage(sql::Connection& connection,
                                                    std::string_view project_id, std::int64_t model,
                                                    std::string_view stage) {
    auto rule = approvals::rule_of(connection, project_id, model);
    return rule && approvals::protects_stage(*rule, stage) ? rule : std::nullopt;
}

// Requests.

ApprovalRequest Service::request_move(const Author& author, const NewRequest& wanted) {
    check_text("comment", wanted.comment, kCommentBytesMax);
    ApprovalRequest request;
    request.id = new_id();
    request.kind = wanted.kind;
    request.target = wanted.target;
    request.archive_existing = wanted.archive_existing;
    request.user = author.user;
    request.user_id = author.user_id;
    request.comment = wanted.comment;
    request.created_at = clock_.now();
    if (wanted.kind == RequestKind::stage)
        request.target = canonical_stage(wanted.target);
    else
        check_alias(wanted.target);
    // The change that was asked for does not happen; that it was asked for does.
    identity::Service::extend_audit_resource("approval-request");
    request = database_.write([&](sql::Connection& connection) {
        Model model = load_model(connection, author.project_id, wanted.model);
        request.model = model.name;
        request.model_number = model.number;
        auto alias = model.aliases.find(request.target);
        if (request.kind != RequestKind::stage && alias != model.aliases.end())
            request.from = std::to_string(alias->second);
        if (request.kind == RequestKind::alias_removal) {
            if (alias == model.aliases.end())
                fail(ErrorCode::not_found, "model {} has no alias {}", model.name, request.target);
            request.version = alias->second;
        } else {
            auto version = load_version(connection, author.project_id, model.name, wanted.version);
            request.version = version.version;
            if (request.kind == RequestKind::stage) request.from = version.stage;
        }
        auto rule = approvals::rule_of(connection, author.project_id, model.number);
        if (!rule || !is_protected(*rule, request))
            fail(ErrorCode::failed_precondition, "{} needs no approval: do it", move_of(request));
        if (auto open = approvals::find_open(connection, clock_.now(), request))
            return approvals::get(connection, author.project_id, open->id);
        request.approvals_needed = rule->approvals;
        request.role = rule->role;
        request.expires_at = request.created_at + std::chrono::seconds(rule->expires_after_s);
        approvals::insert(connection, author.project_id, request);
        history::append(connection, author, clock_.now(), subject_of(request),
                        {.kind = ChangeKind::approval_requested,
                         .key = request.id,
                         .from = request.from,
                         .to = target_of(request),
                         .comment = request.comment});
        return request;
    });
    add_rights(author, request);
    return request;
}

void Service::fail_waiting(const ApprovalRequest& request) {
    fail(ErrorCode::failed_precondition,
         "{} needs {} by {} with the role {} or more, other than who asks. Request {} waits for "
         "{}: approve it on the page of model {} in the portal, or with: maru model approve {}",
         move_of(request),
         request.approvals_needed == 1 ? "an approval"
                                       : fmt::format("{} approvals", request.approvals_needed),
         request.approvals_needed == 1 ? "someone" : "people", enum_name(request.role), request.id,
         request.approvals_needed == 1 ? "it" : "them", request.model, request.id);
}

api::Page<ApprovalRequest> Service::list_requests(const Author& author,
                                                  const ListRequests& request) {
    std::int64_t limit = api::check_page_size(request.page_size);
    api::Page<ApprovalRequest> page;
    page.items = database_.read([&](sql::Connection& connection) {
        approvals::Filter filter{.project_id = author.project_id, .limit = limit + 1};
        if (!request.model.empty())
            filter.model = load_model(connection, author.project_id, request.model).number;
        filter.state = request.state;
        if (!request.page_token.empty())
            filter.before_id = api::decode_page_token(request.page_token);
        return approvals::list(connection, filter);
    });
    if (static_cast<std::int64_t>(page.items.size()) > limit) {
        page.items.pop_back();
        page.next_page_token = api::encode_page_token(page.items.back().id);
    }
    for (auto& item : page.items) add_rights(author, item);
    return page;
}

ApprovalRequest Service::get_request(const Author& author, std::string_view id) {
    auto request = database_.read([&](sql::Connection& connection) {
        return approvals::get(connection, author.project_id, id);
    });
    add_rights(author, request);
    return request;
}

void Service::add_rights(const Author& author, ApprovalRequest& request) {
    if (request.state == RequestState::open && request.expires_at <= clock_.now())
        request.state = RequestState::expired;
    if (request.state != RequestState::open || author.is_workload || !role_of_) return;
    auto role = role_of_(author.project_id, author.user_id);
    bool asked = request.user_id == author.user_id;
    bool reviewed = std::ranges::any_of(
        request.reviews, [&](const Review& review) { return review.user == author.user; });
    request.may_approve = role && *role >= request.role && !asked && !reviewed;
    request.may_withdraw = asked || role == identity::Role::owner;
}

// Reviews.

ApprovalRequest Service::review(const Author& author, std::string_view id, bool approve,
                                const std::string& comment) {
    check_text("comment", comment, kCommentBytesMax);
    if (author.is_workload)
        fail(ErrorCode::permission_denied, "a request is approved by a person, not by a job");
    auto role = role_of_ ? role_of_(author.project_id, author.user_id) : std::nullopt;
    auto request = database_.write([&](sql::Connection& connection) {
        Time now = clock_.now();
        auto open = approvals::get(connection, author.project_id, id);
        check_open(open, now);
        // The rule as it is now counts, not as it was at the asking.
        if (auto rule = approvals::rule_of(connection, author.project_id, open.model_number)) {
            open.role = rule->role;
            open.approvals_needed = rule->approvals;
        }
        if (open.user_id == author.user_id)
            fail(ErrorCode::permission_denied,
                 "{} asked for {}: someone else has to approve or reject it; it can be withdrawn",
                 author.user, move_of(open));
        if (!role || *role < open.role)
            fail(ErrorCode::permission_denied, "{} needs approval by role {} or more; {} is {}",
                 move_of(open), enum_name(open.role), author.user,
                 role ? enum_name(*role) : "no member");
        if (approvals::has_reviewed(connection, open.id, author.user_id))
            fail(ErrorCode::failed_precondition, "{} has approved request {} already", author.user,
                 open.id);
        Review review{author.user, approve, comment, now};
        approvals::add_review(connection, open.id, author.user_id, review);
        open.reviews.push_back(review);
        history::append(connection, author, now, subject_of(open),
                        {.kind = approve ? ChangeKind::approved : ChangeKind::rejected,
                         .key = open.id,
                         .from = open.from,
                         .to = target_of(open),
                         .comment = comment});
        auto count = std::ranges::count_if(open.reviews, &Review::approved);
        if (!approve)
            approvals::end(connection, open.id, RequestState::rejected, now);
        else if (count >= open.approvals_needed)
            carry_out(connection, author.project_id, open);
        return approvals::get(connection, author.project_id, id);
    });
    add_rights(author, request);
    return request;
}

void Service::carry_out(sql::Connection& connection, const std::string& project_id,
                        const ApprovalRequest& request) {
    Author asker{.project_id = project_id, .user_id = request.user_id, .user = request.user};
    std::string comment =
        fmt::format("request {}, approved by {}", request.id, approvers(request.reviews));
    Model model = load_model(connection, project_id, request.model);
    switch (request.kind) {
        case RequestKind::alias:
            load_version(connection, project_id, request.model, request.version);
            move_alias(connection, asker, model, request.target, request.version, comment);
            break;
        case RequestKind::alias_removal:
            remove_alias(connection, asker, model, request.target, comment);
            break;
        case RequestKind::stage:
            move_stage(connection, asker, model,
                       load_version(connection, project_id, request.model, request.version),
                       request.target, request.archive_existing, comment);
            break;
    }
    approvals::end(connection, request.id, RequestState::approved, clock_.now());
}

ApprovalRequest Service::withdraw(const Author& author, std::string_view id,
                                  const std::string& comment) {
    check_text("comment", comment, kCommentBytesMax);
    auto role = role_of_ ? role_of_(author.project_id, author.user_id) : std::nullopt;
    auto request = database_.write([&](sql::Connection& connection) {
        auto open = approvals::get(connection, author.project_id, id);
        check_open(open, clock_.now());
        if (open.user_id != author.user_id && role != identity::Role::owner)
            fail(ErrorCode::permission_denied,
                 "request {} can be withdrawn by {}, who asked, or by an owner of the project",
                 open.id, open.user);
        end_request(connection, author, open, RequestState::withdrawn, comment);
        return approvals::get(connection, author.project_id, id);
    });
    add_rights(author, request);
    return request;
}

void Service::end_request(sql::Connection& connection, const Author& author,
                          const ApprovalRequest& request, RequestState state,
                          const std::string& comment) {
    approvals::end(connection, request.id, state, clock_.now());
    history::append(
        connection, author, clock_.now(), subject_of(request),
        {.kind = state == RequestState::expired ? ChangeKind::expired : ChangeKind::withdrawn,
         .key = request.id,
         .from = request.from,
         .to = target_of(request),
         .comment = comment});
}

void Service::maintain() {
    constexpr std::int64_t kAtOnce = 100;
    bool any = database_.read([&](sql::Connection& connection) {
        return !approvals::overdue(connection, clock_.now(), 1).empty();
    });
    if (!any) return;
    database_.write([&](sql::Connection& connection) {
        for (const auto& [project_id, request] :
             approvals::overdue(connection, clock_.now(), kAtOnce))
            end_request(connection, {.project_id = project_id, .user_id = "", .user = ""}, request,
                        RequestState::expired, "");
    });
}

}  // namespace maru::models
