#include "traces/search/filter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"

namespace maru::traces::search {
namespace {

using testing::HasSubstr;

std::string refusal(std::string_view text) {
    try {
        parse_filter(text);
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
        return error.message();
    }
    return "";
}

std::string order_refusal(const std::vector<std::string>& clauses) {
    try {
        parse_orders(clauses);
    } catch (const Error& error) {
        return error.message();
    }
    return "";
}

TEST(TraceFilter, NamesWhatIsCompared) {
    auto parsed = parse_filter(
        "trace.status = 'OK' AND timestamp_ms >= 5 and tags.`a b` LIKE '%x%' AND "
        "metadata.mlflow.trace.session != 's' AND span.attributes.model.name ILIKE 'g%' AND "
        "feedback.quality > 0.5 AND name IN ('a', 'b') AND run_id = 'r' AND tag.t IS NOT NULL AND "
        "trace.text LIKE '%hi%' AND expectation.`the answer` = 'x' AND prompt = 'p/1' AND "
        "issue.id = 'i'");
    std::vector<Subject> subjects;
    for (const auto& condition : parsed) subjects.push_back(condition.subject);
    EXPECT_EQ(subjects,
              (std::vector{Subject::state, Subject::started_at, Subject::tag, Subject::metadata,
                           Subject::span_attribute, Subject::feedback, Subject::name, Subject::run,
                           Subject::tag, Subject::span_content, Subject::expectation,
                           Subject::prompt, Subject::issue}));
    EXPECT_EQ(parsed[2].key, "a b");
    EXPECT_EQ(parsed[4].key, "model.name");
    EXPECT_EQ(std::get<double>(parsed[5].value), 0.5);
    EXPECT_EQ(std::get<std::vector<std::string>>(parsed[6].value),
              (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(parsed[8].comparator, Comparator::is_not_null);
    EXPECT_EQ(parsed[10].key, "the answer");
    EXPECT_TRUE(parse_filter("").empty());
}

TEST(TraceFilter, KeysOfMlflowThatAreColumnsAreFound) {
    EXPECT_EQ(parse_filter("tags.mlflow.traceName = 'x'")[0].subject, Subject::name);
    EXPECT_EQ(parse_filter("metadata.mlflow.sourceRun = 'x'")[0].subject, Subject::run);
    EXPECT_EQ(parse_filter("tags.name = 'x'")[0].subject, Subject::tag);
}

TEST(TraceFilter, SaysWhatIsWrong) {
    EXPECT_THAT(refusal("bad = 3"), HasSubstr("Invalid attribute key 'bad' specified"));
    EXPECT_THAT(refusal("foo.bar = 'x'"), HasSubstr("Invalid entity type 'foo'"));
    EXPECT_THAT(refusal("name = 'a' OR name = 'b'"),
                HasSubstr("Invalid clause(s) in filter string: 'OR'"));
    EXPECT_THAT(refusal("span.foo = 'x'"), HasSubstr("Invalid span attribute 'foo'"));
    EXPECT_THAT(refusal("span.content = 'x'"), HasSubstr("comparator '=' not one of"));
    EXPECT_THAT(refusal("feedback.q > '1'"), HasSubstr("Expected a numeric value for feedback.q"));
    EXPECT_THAT(refusal("feedback.q = 1"), HasSubstr("Expected a quoted string value"));
    EXPECT_THAT(refusal("tags.t = 3"), HasSubstr("Expected a quoted string value for tags.t"));
    EXPECT_THAT(refusal("timestamp > 'x'"), HasSubstr("Expected a numeric value for timestamp"));
    EXPECT_THAT(refusal("status IS NULL"), HasSubstr("comparator 'IS NULL' not one of"));
    EXPECT_THAT(refusal("prompt = 'a'"), HasSubstr("Expected format: prompt = \"name/version\""));
    EXPECT_THAT(refusal("name = a"), HasSubstr("not quoted"));
    EXPECT_THAT(refusal("name ="), HasSubstr("nothing"));
    EXPECT_THAT(refusal("name = 'a' AND"), HasSubstr("missing after AND"));
    EXPECT_THAT(refusal("name IN ()"), HasSubstr("got empty list"));
    EXPECT_THAT(refusal("tags. = 'x'"), HasSubstr("a name is missing"));
}

TEST(TraceFilter, OrdersHaveADirection) {
    EXPECT_EQ(parse_order("timestamp DESC"), (Order{Subject::started_at, "", false}));
    EXPECT_EQ(parse_order("tags.`a b`"), (Order{Subject::tag, "a b", true}));
    EXPECT_EQ(parse_order("attributes.execution_time asc"), (Order{Subject::duration, "", true}));
    EXPECT_THAT(order_refusal({"timestamp DOWN"}), HasSubstr("Invalid ordering key"));
    EXPECT_THAT(order_refusal({"span.name"}), HasSubstr("Invalid identifier type 'span'"));
    EXPECT_THAT(order_refusal({"feedback.q"}), HasSubstr("Invalid identifier type 'feedback'"));
    EXPECT_THAT(order_refusal({"client_request_id"}), HasSubstr("Invalid attribute key"));
    EXPECT_THAT(order_refusal({"name", "tags.mlflow.traceName DESC"}), HasSubstr("duplicate"));
}

}  // namespace
}  // namespace maru::traces::search
