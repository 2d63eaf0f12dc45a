#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "models/approval_store.hpp"
#include "models/test_support.hpp"

namespace maru::models {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using tracking::error_of;

/// A model with two versions; champion needs two owners.
struct Protected : TestBed {
    Author bob{.project_id = project, .user_id = "2", .user = "bob"};
    Author cleo{.project_id = project, .user_id = "3", .user = "cleo"};

    Protected() {
        roles["1"] = roles["2"] = roles["3"] = identity::Role::owner;
        service->create_model(author, "iris", "", {});
        version("iris", "mlflow-artifacts:/0/a");
        version("iris", "mlflow-artifacts:/0/b");
        rule({"champion", "prod*"}, {"Production"}, 2);
    }
    void rule(std::vector<std::string> aliases, std::vector<std::string> stages,
              std::int64_t approvals, identity::Role role = identity::Role::owner) {
        service->set_approval_rule(author, {.model = {},
                                            .aliases = std::move(aliases),
                                            .stages = std::move(stages),
                                            .approvals = approvals,
                                            .role = role,
                                            .expires_after_s = 3600,
                                            .user = ""});
    }
    ApprovalRequest ask(std::int64_t version, const std::string& alias = "champion") {
        return service->request_move(
            author, {.model = "iris", .target = alias, .version = version, .comment = "please"});
    }
    std::map<std::string, std::int64_t> aliases() {
        return service->get_model(project, "iris").aliases;
    }
    std::vector<ChangeKind> kinds() {
        std::vector<ChangeKind> kinds;
        ListChanges request;
        request.model = "iris";
        for (const auto& change : service->history(project, request).items)
            kinds.push_back(change.kind);
        return kinds;
    }
};

TEST(ApprovalsTest, patterns_match_whole_names) {
    EXPECT_TRUE(approvals::matches("champion", "champion"));
    EXPECT_FALSE(approvals::matches("champion", "champions"));
    EXPECT_TRUE(approvals::matches("prod*", "prod"));
    EXPECT_TRUE(approvals::matches("*-eu-?", "prod-eu-1"));
    EXPECT_FALSE(approvals::matches("prod*", "preprod"));
    EXPECT_TRUE(approvals::matches("a*b*c", "aXbYbZc"));
}

TEST(ApprovalsTest, a_protected_alias_moves_with_the_last_approval) {
    Protected bed;
    auto [code, message] =
        error_of([&] { bed.service->set_alias(bed.author, "iris", "champion", 2); });
    EXPECT_EQ(code, "failed_precondition");
    auto request = bed.service->list_requests(bed.bob, {.project = ""}).items.at(0);
    EXPECT_THAT(message, HasSubstr(request.id));
    EXPECT_TRUE(bed.aliases().empty());
    EXPECT_TRUE(request.may_approve);
    // Asked again, it is the same request.
    EXPECT_EQ(bed.ask(2).id, request.id);

    EXPECT_EQ(error_of([&] { bed.service->review(bed.author, request.id, true, ""); }).first,
              "permission_denied");
    EXPECT_EQ(bed.service->review(bed.bob, request.id, true, "good").state, RequestState::open);
    EXPECT_TRUE(bed.aliases().empty());
    EXPECT_EQ(error_of([&] { bed.service->review(bed.bob, request.id, true, ""); }).first,
              "failed_precondition");
    EXPECT_EQ(bed.service->review(bed.cleo, request.id, true, "").state, RequestState::approved);
    EXPECT_EQ(bed.aliases().at("champion"), 2);
    EXPECT_THAT(bed.kinds(),
                ElementsAre(ChangeKind::alias, ChangeKind::approved, ChangeKind::approved,
                            ChangeKind::approval_requested, ChangeKind::created,
                            ChangeKind::created, ChangeKind::created));
    ListChanges history;
    history.model = "iris";
    auto moved = bed.service->history(bed.project, history).items.at(0);
    EXPECT_THAT(moved.comment, HasSubstr("approved by bob, cleo"));
    // Where it points already it may be set.
    bed.service->set_alias(bed.author, "iris", "champion", 2);
    bed.service->set_alias(bed.author, "iris", "candidate", 1);
}

TEST(ApprovalsTest, neither_removal_nor_deletion_goes_around_a_rule) {
    Protected bed;
    auto request = bed.ask(1);
    bed.service->review(bed.bob, request.id, true, "");
    bed.service->review(bed.cleo, request.id, true, "");
    for (auto& act : std::vector<std::function<void()>>{
             [&] { bed.service->delete_alias(bed.author, "iris", "champion"); },
             [&] { bed.service->delete_version(bed.author, "iris", 1); },
             [&] { bed.service->delete_model(bed.author, "iris"); }})
        EXPECT_EQ(error_of(act).first, "failed_precondition");
    EXPECT_EQ(bed.aliases().at("champion"), 1);
    auto removal = bed.service->list_requests(bed.bob, {.project = ""}).items.at(0);
    EXPECT_EQ(removal.kind, RequestKind::alias_removal);
    bed.service->review(bed.bob, removal.id, true, "");
    bed.service->review(bed.cleo, removal.id, true, "");
    EXPECT_TRUE(bed.aliases().empty());
    bed.service->delete_model(bed.author, "iris");
}

TEST(ApprovalsTest, a_stage_in_the_rule_waits_too) {
    Protected bed;
    bed.rule({}, {"production"}, 1);
    bed.service->set_version_stage(bed.author, "iris", 1, "Staging", false);
    EXPECT_EQ(error_of([&] {
                  bed.service->set_version_stage(bed.author, "iris", 1, "Production", true);
              }).first,
              "failed_precondition");
    auto request = bed.service->list_requests(bed.bob, {.project = ""}).items.at(0);
    EXPECT_EQ(request.from, "Staging");
    bed.service->review(bed.bob, request.id, true, "");
    EXPECT_EQ(bed.service->get_version(bed.project, "iris", 1).stage, "Production");
}

TEST(ApprovalsTest, who_may_not_approve_can_not) {
    Protected bed;
    auto request = bed.ask(1);
    bed.roles["2"] = identity::Role::developer;
    EXPECT_EQ(error_of([&] { bed.service->review(bed.bob, request.id, true, ""); }).first,
              "permission_denied");
    bed.roles.erase("2");
    EXPECT_EQ(error_of([&] { bed.service->review(bed.bob, request.id, false, ""); }).first,
              "permission_denied");
    Author job = bed.cleo;
    job.is_workload = true;
    EXPECT_EQ(error_of([&] { bed.service->review(job, request.id, true, ""); }).first,
              "permission_denied");
    EXPECT_EQ(bed.service->review(bed.cleo, request.id, false, "no").state, RequestState::rejected);
    EXPECT_EQ(error_of([&] { bed.service->review(bed.cleo, request.id, true, ""); }).first,
              "failed_precondition");
}

TEST(ApprovalsTest, requests_expire_are_withdrawn_and_go_with_their_version) {
    Protected bed;
    auto request = bed.ask(1);
    bed.clock.advance(std::chrono::hours(2));
    EXPECT_EQ(bed.service->get_request(bed.bob, request.id).state, RequestState::expired);
    EXPECT_EQ(error_of([&] { bed.service->review(bed.bob, request.id, true, ""); }).first,
              "failed_precondition");
    bed.service->maintain();
    EXPECT_EQ(bed.kinds().at(0), ChangeKind::expired);

    request = bed.ask(1);
    EXPECT_EQ(bed.service->withdraw(bed.author, request.id, "").state, RequestState::withdrawn);
    request = bed.ask(2);
    bed.service->delete_version(bed.author, "iris", 2);
    EXPECT_EQ(bed.service->get_request(bed.bob, request.id).state, RequestState::withdrawn);
}

TEST(ApprovalsTest, approvals_at_the_same_moment_all_count) {
    Protected bed;
    constexpr int kPeople = 12;
    bed.rule({"champion"}, {}, kPeople, identity::Role::developer);
    for (int i = 0; i < kPeople; ++i) bed.roles[fmt::format("p{}", i)] = identity::Role::developer;
    auto request = bed.ask(2);
    std::atomic<int> ended = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < kPeople; ++i)
            threads.emplace_back([&, i] {
                Author person{.project_id = bed.project,
                              .user_id = fmt::format("p{}", i),
                              .user = fmt::format("person {}", i)};
                ended += bed.service->review(person, request.id, true, "").state ==
                         RequestState::approved;
            });
    }
    EXPECT_EQ(ended, 1);
    EXPECT_EQ(bed.service->get_request(bed.bob, request.id).reviews.size(), std::size_t{kPeople});
    EXPECT_EQ(bed.aliases().at("champion"), 2);
}

TEST(HistoryTest, says_who_changed_what_from_what_to_what) {
    TestBed bed;
    bed.service->create_model(bed.author, "iris", "flowers", {{"team", "x"}});
    bed.version("iris", "mlflow-artifacts:/0/a");
    bed.service->set_model_tag(bed.author, "iris", "team", "y");
    bed.service->set_model_tag(bed.author, "iris", "team", "y");
    bed.service->set_alias(bed.author, "iris", "champion", 1);
    bed.service->set_card(bed.author, "iris", 1, "# Iris", {});
    bed.service->rename_model(bed.author, "iris", "flower");
    ListChanges request;
    request.model = "flower";
    auto all = bed.service->history(bed.project, request).items;
    std::vector<std::string> lines;
    for (const auto& change : all)
        lines.push_back(fmt::format("{} {} {} {}>{}", enum_name(change.kind),
                                    change.version.value_or(0), change.key,
                                    change.from.value_or("-"), change.to.value_or("-")));
    EXPECT_THAT(
        lines, ElementsAre("renamed 0  iris>flower", "card 1 1 ># Iris", "alias 1 champion ->1",
                           "tag 0 team x>y", "created 1  ->mlflow-artifacts:/0/a", "tag 0 team ->x",
                           "created 0  ->flowers"));
    EXPECT_EQ(all[0].user, "ada");
    request.version = 1;
    EXPECT_EQ(bed.service->history(bed.project, request).items.size(), 3u);
    // A model of the same name later does not take over the number of one that is gone.
    bed.service->delete_model(bed.author, "flower");
    bed.service->create_model(bed.author, "flower", "", {});
    EXPECT_TRUE(bed.service->history(bed.project, request).items.empty());
}

TEST(HistoryTest, long_texts_are_shortened_in_lists_only) {
    TestBed bed;
    bed.service->create_model(bed.author, "iris", "", {});
    std::string text(2000, 'x');
    EXPECT_EQ(bed.service->set_card(bed.author, "iris", {}, text, 0).revision, 1);
    EXPECT_EQ(error_of([&] { bed.service->set_card(bed.author, "iris", {}, "y", 0); }).first,
              "aborted");
    ListChanges request;
    request.model = "iris";
    auto change = bed.service->history(bed.project, request).items.at(0);
    EXPECT_TRUE(change.shortened);
    EXPECT_LT(change.to->size(), 600u);
    EXPECT_EQ(bed.service->get_change(bed.project, "iris", change.number).to, text);
}

}  // namespace
}  // namespace maru::models
