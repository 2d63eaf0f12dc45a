#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "traces/test_support.hpp"

namespace maru::traces {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;
using tracking::error_of;

TEST(Traces, AreStartedAndRead) {
    TestBed bed;
    auto made = bed.start("tr-1", 1234, {{"mlflow.traceName", "ask"}, {"t", "v"}},
                          {{"k", "v"}, {"mlflow.trace.tokenUsage", R"({"input_tokens": 3})"}});
    auto trace = bed.service->get_trace(bed.project, "tr-1");
    EXPECT_EQ(trace.name, "ask");
    EXPECT_EQ(trace.tags.at("mlflow.traceName"), "ask");
    EXPECT_EQ(trace.tags.at("mlflow.artifactLocation"),
              "mlflow-artifacts:/0/traces/tr-1/artifacts");
    EXPECT_EQ(trace.metadata.at("k"), "v");
    EXPECT_EQ(trace.tokens.input, 3);
    EXPECT_EQ(trace.duration_ms, 5);
    EXPECT_EQ(to_ms(trace.started_at), 1234);
    EXPECT_EQ(trace.state, TraceState::OK);
    auto [code, message] = error_of([&] { bed.service->get_trace("another project", "tr-1"); });
    EXPECT_EQ(code, "not_found");
    EXPECT_EQ(message, "Trace with ID 'tr-1' not found.");
}

TEST(Traces, SpansMakeTheirTrace) {
    TestBed bed;
    auto root = span('a', "1", "", 1000, 3000);
    root.status = SpanStatus::ERROR;
    root.attributes = {{"mlflow.spanInputs", R"({"q": 1})"},
                       {"mlflow.traceTag.user", "\"ada\""},
                       {"session.id", "\"s1\""}};
    auto child = span('a', "2", "1", 1500, 2000);
    child.attributes = {{"gen_ai.usage.input_tokens", "2"}, {"gen_ai.usage.output_tokens", "3"}};
    bed.log({child}, {{"service.name", "\"shop\""}, {"telemetry.sdk.name", "\"x\""}});
    auto early = bed.service->get_trace(bed.project, trace_id('a'));
    EXPECT_EQ(early.state, TraceState::IN_PROGRESS);
    EXPECT_EQ(to_ms(early.started_at), 1500);
    EXPECT_EQ(early.duration_ms, 500);
    EXPECT_EQ(early.tokens.total, 5);
    bed.log({root});
    auto trace = bed.service->get_trace(bed.project, trace_id('a'));
    EXPECT_EQ(trace.state, TraceState::ERROR);
    EXPECT_EQ(to_ms(trace.started_at), 1000);
    EXPECT_EQ(trace.duration_ms, 2000);
    EXPECT_EQ(trace.request_preview, R"({"q": 1})");
    EXPECT_EQ(trace.tags.at("user"), "ada");
    EXPECT_EQ(trace.tags.at("service.name"), "shop");
    EXPECT_FALSE(trace.tags.contains("telemetry.sdk.name"));
    EXPECT_EQ(trace.tags.at("mlflow.trace.spansLocation"), "TRACKING_STORE");
    EXPECT_EQ(trace.metadata.at("mlflow.trace.session"), "s1");
    EXPECT_EQ(trace.name, "span 1");
}

TEST(Traces, WhatTheClientSaysWinsWhicheverComesFirst) {
    for (bool spans_first : {true, false}) {
        TestBed bed;
        auto log = [&] { bed.log({span('a', "1", "", 1000, 3000)}); };
        if (spans_first) log();
        bed.start(trace_id('a'), 900, {{"mlflow.traceName", "ask"}});
        if (!spans_first) log();
        auto trace = bed.service->get_trace(bed.project, trace_id('a'));
        EXPECT_EQ(to_ms(trace.started_at), 900);
        EXPECT_EQ(trace.duration_ms, 5);
        EXPECT_EQ(trace.name, "ask");
        EXPECT_EQ(trace.tags.at("mlflow.trace.spansLocation"), "TRACKING_STORE");
        EXPECT_EQ(bed.service->read_spans(bed.project, trace)->size(), 1u);
    }
}

TEST(Traces, ASpanThatIsSentAgainTakesItsPlace) {
    TestBed bed;
    auto first = span('a', "1", "", 1000, 0);
    bed.log({first, span('a', "2", "1", 1100, 1200)});
    first.ended_ns = 5'000'000'000;
    first.name = "renamed";
    bed.log({first});
    auto trace = bed.service->get_trace(bed.project, trace_id('a'));
    auto found = bed.service->read_spans(bed.project, trace);
    ASSERT_EQ(found->size(), 2u);
    EXPECT_EQ(found->at(0).name, "renamed");
    EXPECT_THAT(bed.find("span.name = 'renamed'"), ElementsAre(trace.id));
    EXPECT_THAT(bed.find("span.name = 'span 1'"), IsEmpty());
}

TEST(Traces, ThousandsOfSpansOneByOne) {
    TestBed bed;
    for (int i = 1; i <= 500; ++i) {
        auto one = span('a', fmt::format("{:x}", i), i == 1 ? "" : "1", 1000 + i, 2000 + i);
        one.attributes = {{"text", "\"" + std::string(500, 'x') + "\""}};
        bed.log({one});
    }
    auto trace = bed.service->get_trace(bed.project, trace_id('a'));
    auto found = bed.service->read_spans(bed.project, trace);
    EXPECT_EQ(found->size(), 500u);
    EXPECT_EQ(found->at(0).parent_id, "");
    auto chunks = bed.database->read([](sql::Connection& connection) {
        return connection
            .first("SELECT COUNT(*) FROM trace_span_chunks", {},
                   [](const sql::Row& row) { return row.integer(0); })
            .value();
    });
    EXPECT_LT(chunks, 10);
}

TEST(Traces, AreWholeOnceAllSpansHaveCome) {
    TestBed bed;
    auto trace =
        bed.start(trace_id('a'), 1000, {}, {{"mlflow.trace.sizeStats", R"({"num_spans": 2})"}});
    bed.log({span('a', "1")});
    trace = bed.service->get_trace(bed.project, trace.id);
    EXPECT_FALSE(bed.service->read_spans(bed.project, trace, true).has_value());
    std::thread late([&] { bed.log({span('a', "2", "1")}); });
    auto found = bed.service->await_spans(bed.project, trace);
    late.join();
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->size(), 2u);
}

TEST(Traces, SpansOfAnUploadedFileAreRead) {
    TestBed bed;
    auto trace = bed.start("tr-old");
    EXPECT_THAT(*bed.service->read_spans(bed.project, trace), IsEmpty());
    tracking::TextBody body(spans::to_file({spans::to_line(span('b', "1"))}));
    bed.tracking->write_artifact(bed.project, "0/traces/tr-old/artifacts/traces.json", body);
    auto found = bed.service->read_spans(bed.project, trace);
    ASSERT_EQ(found->size(), 1u);
    EXPECT_EQ(found->at(0).name, "span 1");
}

TEST(Traces, TagsAreSetAndDeleted) {
    TestBed bed;
    bed.start("tr-1");
    bed.service->set_tag(bed.project, "tr-1", "k", "v");
    bed.service->set_tag(bed.project, "tr-1", "mlflow.traceName", "named");
    auto trace = bed.service->get_trace(bed.project, "tr-1");
    EXPECT_EQ(trace.tags.at("k"), "v");
    EXPECT_EQ(trace.name, "named");
    bed.service->delete_tag(bed.project, "tr-1", "k");
    bed.service->delete_tag(bed.project, "tr-1", "mlflow.traceName");
    trace = bed.service->get_trace(bed.project, "tr-1");
    EXPECT_FALSE(trace.tags.contains("k"));
    EXPECT_FALSE(trace.name.has_value());
    EXPECT_EQ(error_of([&] { bed.service->delete_tag(bed.project, "tr-1", "k"); }),
              std::pair(std::string("not_found"),
                        std::string("No trace tag with key 'k' for trace with ID 'tr-1'")));
    EXPECT_THAT(error_of([&] {
                    bed.service->set_tag(bed.project, "tr-1", "mlflow.trace.spansLocation", "x");
                }).second,
                HasSubstr("is immutable and cannot be set"));
}

TEST(Traces, AreDeletedWithAllThatIsTheirs) {
    TestBed bed;
    for (int i = 1; i <= 5; ++i) bed.start("tr-" + std::to_string(i), i * 1000);
    bed.log({span('a', "1", "", 9000, 9100)});
    tracking::TextBody body("{}");
    bed.tracking->write_artifact(bed.project, "0/traces/tr-1/artifacts/traces.json", body);
    EXPECT_EQ(bed.service->delete_traces(bed.project,
                                         {.experiment_id = "0", .until_ms = 3000, .traces_max = 2}),
              2);
    EXPECT_THAT(bed.find(""), UnorderedElementsAre("tr-3", "tr-4", "tr-5", trace_id('a')));
    EXPECT_THAT(bed.tracking->list_artifacts(bed.project, "0/traces"), IsEmpty());
    EXPECT_EQ(bed.service->delete_traces(
                  bed.project, {.experiment_id = "0", .ids = {"tr-4", trace_id('a'), "nope"}}),
              2);
    auto rows = bed.database->read([](sql::Connection& connection) {
        return connection
            .first(
                "SELECT (SELECT COUNT(*) FROM trace_spans) + (SELECT COUNT(*) FROM "
                "trace_span_chunks)",
                {}, [](const sql::Row& row) { return row.integer(0); })
            .value();
    });
    EXPECT_EQ(rows, 0);
    for (const auto& [deletion, message] : std::vector<std::pair<TraceDeletion, std::string>>{
             {{.experiment_id = "0"}, "Either `max_timestamp_millis` or `trace_ids`"},
             {{.experiment_id = "0", .until_ms = 1, .ids = {"a"}}, "Only one of"},
             {{.experiment_id = "0", .traces_max = 1, .ids = {"a"}}, "`max_traces`"},
             {{.experiment_id = "0", .until_ms = 1, .traces_max = 0}, "received 0"}})
        EXPECT_THAT(error_of([&] { bed.service->delete_traces(bed.project, deletion); }).second,
                    HasSubstr(message));
}

TEST(Traces, OfADeletedExperimentAreKeptButNotMade) {
    TestBed bed;
    auto id = bed.tracking->create_experiment(bed.project, "e", "", {});
    bed.log({span('a', "1")}, {}, id);
    bed.tracking->set_experiment_deleted(bed.project, id, true);
    EXPECT_THAT(error_of([&] { bed.log({span('b', "1")}, {}, id); }).second,
                HasSubstr("must be in the 'active' state"));
    EXPECT_EQ(bed.service->get_trace(bed.project, trace_id('a')).experiment_id, id);
    bed.tracking->set_experiment_deleted(bed.project, id, false);
    bed.log({span('b', "1")}, {}, id);
    EXPECT_EQ(bed.service->search(bed.project, {id}, {}).items.size(), 2u);
    EXPECT_EQ(error_of([&] { bed.log({span('c', "1")}, {}, "77"); }).first, "not_found");
}

TEST(Traces, OfAnExperimentThatIsGoneForGoodAreRemoved) {
    TestBed bed;
    auto id = bed.tracking->create_experiment(bed.project, "e", "", {});
    bed.log({span('a', "1")}, {}, id);
    bed.start("tr-stays");
    EXPECT_EQ(bed.service->remove_orphans(), 0);
    bed.tracking->set_experiment_deleted(bed.project, id, true);
    EXPECT_EQ(bed.service->remove_orphans(), 0);
    bed.clock.advance(std::chrono::hours(1));
    for (const auto& deleted :
         bed.tracking->find_deleted([&](const std::string&) { return bed.clock.now(); }))
        EXPECT_TRUE(bed.tracking->remove_deleted(deleted));
    // Its number in tracking/ is the next one's, in another project: no trace may show up there.
    std::string other = "fedcba9876543210fedcba9876543210";
    auto made = bed.tracking->create_experiment(other, "f", "", {});
    EXPECT_THAT(bed.service->search(other, {made, "0"}, {}).items, IsEmpty());
    EXPECT_EQ(bed.service->remove_orphans(), 1);
    EXPECT_EQ(bed.service->remove_orphans(), 0);
    EXPECT_THAT(bed.find(""), ElementsAre("tr-stays"));
}

TEST(Traces, AreLinkedToRunsAndPrompts) {
    TestBed bed;
    auto run = bed.tracking->create_run(bed.project, {.experiment_id = "0", .user = "ada"});
    bed.start("tr-1", 1000, {}, {{"mlflow.sourceRun", run.id}});
    bed.start("tr-3", 3000);
    bed.service->link_to_run(bed.project, {"tr-2"}, run.id);  // comes later
    bed.start("tr-2", 2000);
    EXPECT_THAT(bed.find("run_id = '" + run.id + "'"), ElementsAre("tr-2", "tr-1"));
    EXPECT_THAT(bed.service->get_trace(bed.project, "tr-2").run_ids, ElementsAre(run.id));
    EXPECT_EQ(error_of([&] { bed.service->link_to_run(bed.project, {"tr-1"}, "nope"); }).first,
              "not_found");
    EXPECT_THAT(error_of([&] {
                    bed.service->link_to_run(bed.project, std::vector<std::string>(101, "t"),
                                             run.id);
                }).second,
                HasSubstr("more than 100 traces"));
    bed.service->link_prompts(bed.project, "tr-3", {{"greet", "2"}});
    EXPECT_THAT(bed.find("prompt = 'greet/2'"), ElementsAre("tr-3"));
    bed.tracking->set_run_deleted(bed.project, run.id, true);
    EXPECT_EQ(bed.find("run_id = '" + run.id + "'").size(), 2u);
}

TEST(Assessments, AreMadeChangedAndDeleted) {
    TestBed bed;
    bed.start("tr-1");
    auto made = bed.service->create_assessment(bed.project, "tr-1",
                                               {.name = "quality",
                                                .value = {"0.5"},
                                                .source_type = AssessmentSource::HUMAN,
                                                .metadata = {{"a", "b"}}});
    EXPECT_TRUE(made.id.starts_with("a-"));
    bed.clock.advance(std::chrono::seconds(1));
    auto changed = bed.service->update_assessment(bed.project, "tr-1", made.id,
                                                  {.rationale = "why",
                                                   .kind = AssessmentKind::feedback,
                                                   .value = {"{\"x\":1}"},
                                                   .metadata = {{"c", "d"}}});
    EXPECT_EQ(changed.value.text, "{\"x\": 1}");
    EXPECT_EQ(changed.rationale, "why");
    EXPECT_THAT(changed.metadata, ElementsAre(Pair("a", "b"), Pair("c", "d")));
    EXPECT_GT(changed.updated_at, changed.created_at);
    EXPECT_THAT(error_of([&] {
                    bed.service->update_assessment(
                        bed.project, "tr-1", made.id,
                        {.kind = AssessmentKind::expectation, .value = {"1"}});
                }).second,
                HasSubstr("Cannot update expectation value on a Feedback assessment."));
    auto over = bed.service->create_assessment(
        bed.project, "tr-1", {.name = "quality", .value = {"1"}, .overrides = made.id});
    EXPECT_FALSE(bed.service->get_assessment(bed.project, "tr-1", made.id).valid);
    bed.service->delete_assessment(bed.project, "tr-1", over.id);
    EXPECT_TRUE(bed.service->get_assessment(bed.project, "tr-1", made.id).valid);
    bed.service->delete_assessment(bed.project, "tr-1", "nope");
    EXPECT_EQ(error_of([&] { bed.service->get_assessment(bed.project, "tr-1", "nope"); }).second,
              "Assessment with ID 'nope' not found for trace 'tr-1'");
    EXPECT_EQ(error_of([&] {
                  bed.service->create_assessment(bed.project, "tr-1",
                                                 {.name = "q", .overrides = "nope"});
              }).first,
              "not_found");
    EXPECT_EQ(error_of([&] {
                  bed.service->create_assessment(bed.project, "tr-1",
                                                 {.name = "q", .value = {"{broken"}});
              }).first,
              "invalid_argument");
}

}  // namespace
}  // namespace maru::traces
