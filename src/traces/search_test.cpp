#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "traces/test_support.hpp"

namespace maru::traces {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using tracking::error_of;

/// Three traces: a (0 s), b (1 s, with an error), c (2 s).
struct Searched : TestBed {
    Searched() {
        for (char name : {'a', 'b', 'c'}) {
            std::int64_t at = (name - 'a') * 1000;
            auto root = span(name, "1", "", at, at + 100 * (name - 'a' + 1));
            root.name = std::string("root ") + name;
            if (name == 'b') root.status = SpanStatus::ERROR;
            root.attributes = {
                {"mlflow.spanInputs", "\"question of " + std::string(1, name) + "\""},
                {"mlflow.traceTag.letter", "\"" + std::string(1, name) + "\""}};
            auto model = span(name, "2", "1", at, at + 10);
            model.name = "model";
            model.attributes = {{"mlflow.spanType", "\"LLM\""},
                                {"temperature", name == 'c' ? "1.5" : "0.5"},
                                {"mlflow.llm.model", "\"gpt-" + std::string(1, name) + "\""}};
            log({root, model});
        }
        service->set_tag(project, trace_id('a'), "only", "here");
        service->create_assessment(project, trace_id('a'), {.name = "quality", .value = {"0.9"}});
        service->create_assessment(project, trace_id('b'), {.name = "quality", .value = {"0.1"}});
        service->create_assessment(project, trace_id('b'), {.name = "ok", .value = {"\"no\""}});
        service->create_assessment(
            project, trace_id('c'),
            {.name = "answer", .kind = AssessmentKind::expectation, .value = {"\"42\""}});
    }
    std::string letters(const std::string& filter, std::vector<std::string> order_by = {}) {
        std::string result;
        for (const auto& id : find(filter, std::move(order_by))) result += id[3];
        return result;
    }
};

TEST(TraceSearch, FindsByWhatTracesHave) {
    Searched bed;
    const std::pair<const char*, const char*> cases[] = {
        {"", "cba"},
        {"trace.status = 'ERROR'", "b"},
        {"status != 'ERROR'", "ca"},
        {"status IN ('OK', 'ERROR')", "cba"},
        {"timestamp_ms >= 1000", "cb"},
        {"execution_time < 200", "a"},
        {"end_time > 1100", "cb"},
        {"name = 'root a'", "a"},
        {"name LIKE 'root%' AND name NOT IN ('root a')", "cb"},
        {"name ILIKE 'ROOT C'", "c"},
        {"name RLIKE '^root [ab]$'", "ba"},
        {"tags.letter = 'b'", "b"},
        {"tags.letter != 'b'", "ca"},
        {"tags.only IS NULL", "cb"},
        {"tags.only IS NOT NULL", "a"},
        {"tags.letter RLIKE '[bc]'", "cb"},
        {"metadata.nope = 'x'", ""},
        {"span.name = 'model'", "cba"},
        {"span.name = 'model' AND span.type = 'LLM' AND span.status = 'OK'", "cba"},
        {"span.name = 'model' AND span.status = 'ERROR'", ""},
        {"span.status = 'ERROR'", "b"},
        {"span.attributes.temperature = '1.5'", "c"},
        {"span.attributes.mlflow.llm.model LIKE 'gpt-%'", "cba"},
        {"span.attributes.mlflow.llm.model IN ('gpt-a', 'gpt-b')", "ba"},
        {"span.attributes.mlflow.llm.model RLIKE 'a$' AND span.name = 'model'", "a"},
        {"span.attributes.mlflow.llm.model LIKE 'gpt%' AND span.name LIKE 'root%'", ""},
        {"trace.text LIKE '%question of b%'", "b"},
        {"trace.text ILIKE '%QUESTION OF _\\\"%'", "cba"},
        {"feedback.quality > 0.5", "a"},
        {"feedback.quality <= 0.9", "ba"},
        {"feedback.quality = '0.9'", "a"},
        {"feedback.ok = 'no'", "b"},
        {"feedback.quality IS NULL", "c"},
        {"expectation.answer IS NOT NULL", "c"},
        {"expectation.answer = '42'", "c"},
        {"feedback.answer = '42'", ""},
        {"tags.letter = 'a' AND status = 'OK' AND span.type = 'LLM'", "a"},
    };
    for (const auto& [filter, letters] : cases) EXPECT_EQ(bed.letters(filter), letters) << filter;
}

TEST(TraceSearch, OrdersByAnything) {
    Searched bed;
    EXPECT_EQ(bed.letters("", {"timestamp ASC"}), "abc");
    EXPECT_EQ(bed.letters("", {"execution_time DESC"}), "cba");
    EXPECT_EQ(bed.letters("", {"status", "timestamp"}), "bac");
    EXPECT_EQ(bed.letters("", {"name DESC"}), "cba");
    // Those without the tag are last, the newest first.
    EXPECT_EQ(bed.letters("", {"tags.only"}), "acb");
    EXPECT_EQ(bed.letters("", {"tags.only DESC"}), "acb");
    EXPECT_EQ(bed.letters("", {"tags.letter"}), "abc");
    EXPECT_EQ(bed.letters("", {"request_id"}), "abc");
}

TEST(TraceSearch, PagesCoverAllOnce) {
    Searched bed;
    for (const char* filter : {"", "span.name = 'model'", "trace.text LIKE '%question%'"}) {
        std::string seen, token;
        do {
            auto page = bed.service->search(
                bed.project, {"0"}, {.filter = filter, .results_max = 1, .page_token = token});
            for (const auto& trace : page.items) seen += trace.id[3];
            token = page.next_page_token.value_or("");
        } while (!token.empty());
        EXPECT_EQ(seen, "cba") << filter;
    }
}

TEST(TraceSearch, StaysInItsProjectAndExperiments) {
    Searched bed;
    EXPECT_THAT(bed.service->search("another", {"0"}, {}).items, IsEmpty());
    EXPECT_THAT(bed.service->search(bed.project, {"77"}, {}).items, IsEmpty());
    EXPECT_THAT(bed.service->search(bed.project, {}, {}).items, IsEmpty());
}

TEST(TraceSearch, RefusesWrongPatterns) {
    Searched bed;
    EXPECT_THAT(error_of([&] { bed.find("name RLIKE '('"); }).second,
                HasSubstr("Invalid regular expression"));
    EXPECT_EQ(bed.letters("name RLIKE '(a+)+$'"), "a");
}

TEST(TraceSearch, FiltersAreCorrelated) {
    Searched bed;
    auto result = bed.service->correlate(bed.project, {"0"}, "status = 'ERROR'",
                                         "feedback.quality < 0.5", "");
    EXPECT_EQ(result.both, 1);
    EXPECT_EQ(result.total, 3);
    EXPECT_DOUBLE_EQ(result.npmi, 1);
    auto never = bed.service->correlate(bed.project, {"0"}, "status = 'ERROR'",
                                        "trace.text LIKE '%question of a%'", "");
    EXPECT_DOUBLE_EQ(never.npmi, -1);
    auto none = bed.service->correlate(bed.project, {"0"}, "status = 'X'", "status = 'OK'", "");
    EXPECT_TRUE(std::isnan(none.npmi));
    auto based = bed.service->correlate(bed.project, {"0"}, "status = 'ERROR'", "status = 'OK'",
                                        "timestamp >= 1000");
    EXPECT_EQ(based.total, 2);
    EXPECT_EQ(based.second, 1);
}

TEST(TraceMetrics, AreAggregated) {
    Searched bed;
    MetricQuery query{.experiment_ids = {"0"},
                      .view = "TRACES",
                      .metric = "latency",
                      .aggregations = {{"AVG", {}}, {"PERCENTILE", 50.0}, {"MAX", {}}}};
    auto answers = bed.service->query_metrics(bed.project, query);
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_THAT(answers[0].values,
                ElementsAre(testing::Pair("AVG", 200), testing::Pair("P50.0", 200),
                            testing::Pair("MAX", 300)));
    query = {.experiment_ids = {"0"},
             .view = "SPANS",
             .metric = "span_count",
             .aggregations = {{"COUNT", {}}},
             .dimensions = {"span_type"},
             .filters = {"trace.tag.letter = 'a'"}};
    answers = bed.service->query_metrics(bed.project, query);
    ASSERT_EQ(answers.size(), 2u);
    EXPECT_EQ(answers[0].dimensions.at("span_type"), "LLM");
    query = {.experiment_ids = {"0"},
             .view = "TRACES",
             .metric = "trace_count",
             .aggregations = {{"COUNT", {}}},
             .interval_s = 2,
             .from_ms = 0,
             .to_ms = 10'000};
    answers = bed.service->query_metrics(bed.project, query);
    ASSERT_EQ(answers.size(), 2u);
    EXPECT_EQ(answers[1].dimensions.at("time_bucket"), "1970-01-01T00:00:02+00:00");
    query = {.experiment_ids = {"0"},
             .view = "ASSESSMENTS",
             .metric = "assessment_value",
             .aggregations = {{"AVG", {}}},
             .dimensions = {"assessment_name"}};
    answers = bed.service->query_metrics(bed.project, query);
    EXPECT_EQ(answers.size(), 2u);
    query.metric = "nope";
    EXPECT_THAT(error_of([&] { bed.service->query_metrics(bed.project, query); }).second,
                HasSubstr("metric_name must be one of"));
    query.metric = "assessment_value";
    query.dimensions = {"x"};
    EXPECT_THAT(error_of([&] { bed.service->query_metrics(bed.project, query); }).second,
                HasSubstr("Found invalid dimension(s): ['x']"));
}

}  // namespace
}  // namespace maru::traces
