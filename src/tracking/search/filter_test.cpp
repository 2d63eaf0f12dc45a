#include "tracking/search/filter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/error.hpp"

namespace maru::tracking::search {
namespace {

using testing::HasSubstr;

std::vector<Comparison> parse(std::string_view text) {
    return parse_filter(text, runs_grammar());
}

std::string refusal(std::string_view text, const Grammar& grammar = runs_grammar()) {
    try {
        parse_filter(text, grammar);
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
        return error.message();
    }
    return "";
}

TEST(Filter, AnEmptyFilterHasNoComparisons) {
    EXPECT_TRUE(parse("").empty());
    EXPECT_TRUE(parse("  \n").empty());
}

TEST(Filter, ComparisonsAreJoinedByAnd) {
    auto parsed =
        parse("metrics.accuracy >= -1.5e-3 and params.\"model\" = 'cnn' AND tags.`a b` LIKE '%x%'");
    ASSERT_EQ(parsed.size(), 3u);
    EXPECT_EQ(parsed[0].subject, Subject::metric);
    EXPECT_EQ(parsed[0].key, "accuracy");
    EXPECT_EQ(parsed[0].comparator, Comparator::greater_equal);
    EXPECT_EQ(std::get<double>(parsed[0].value), -1.5e-3);
    EXPECT_EQ(parsed[1].subject, Subject::parameter);
    EXPECT_EQ(parsed[1].key, "model");
    EXPECT_EQ(std::get<std::string>(parsed[1].value), "cnn");
    EXPECT_EQ(parsed[2].key, "a b");
    EXPECT_EQ(parsed[2].comparator, Comparator::like);
}

TEST(Filter, NumbersBeyondADoubleAreInfinite) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    EXPECT_EQ(std::get<double>(parse("metrics.loss < 1e999")[0].value), kInfinity);
    EXPECT_EQ(std::get<double>(parse("start_time > -1e999")[0].value), -kInfinity);
    EXPECT_EQ(std::get<double>(parse("metrics.loss < +1.5")[0].value), 1.5);
}

TEST(Filter, KeysMayHaveDotsSlashesAndQuotes) {
    EXPECT_EQ(parse("tags.mlflow.source.name != 'x'")[0].key, "mlflow.source.name");
    EXPECT_EQ(parse("metrics.val/loss<1")[0].key, "val/loss");
    EXPECT_EQ(parse("metrics.`val loss`<1")[0].key, "val loss");
    EXPECT_EQ(parse("`metrics`.`val loss`<1")[0].key, "val loss");
    EXPECT_EQ(parse("params.k = 'it''s'")[0].key, "k");
    EXPECT_EQ(std::get<std::string>(parse("params.k = 'it''s'")[0].value), "it's");
    EXPECT_EQ(std::get<std::string>(parse("params.k = \"it's\"")[0].value), "it's");
}

TEST(Filter, AttributesHaveAliasesAndKinds) {
    auto parsed = parse("attributes.Created > 12 and run_name ilike 'a%' and status = 'FINISHED'");
    EXPECT_EQ(parsed[0].key, "start_time");
    EXPECT_EQ(std::get<std::int64_t>(parsed[0].value), 12);
    EXPECT_EQ(parsed[1].key, "run_name");
    EXPECT_EQ(parsed[1].comparator, Comparator::ilike);
    EXPECT_EQ(parsed[2].key, "status");
    EXPECT_EQ(parse("attributes.`run name` = 'x'")[0].key, "run_name");
}

TEST(Filter, ListsAndNulls) {
    auto parsed =
        parse("attributes.run_id NOT IN ('a', 'b',) and tags.x is not null and params.y IS NULL");
    EXPECT_EQ(parsed[0].comparator, Comparator::not_in);
    EXPECT_THAT(std::get<std::vector<std::string>>(parsed[0].value),
                testing::ElementsAre("a", "b"));
    EXPECT_EQ(parsed[1].comparator, Comparator::is_not_null);
    EXPECT_EQ(parsed[2].comparator, Comparator::is_null);
}

TEST(Filter, RefusesWhatItCannotRead) {
    EXPECT_THAT(refusal("metrics.a > 1 OR metrics.b > 2"),
                HasSubstr("Invalid clause(s) in filter string: 'OR'"));
    EXPECT_THAT(refusal("nothing.a = 'x'"), HasSubstr("Invalid entity type 'nothing'"));
    EXPECT_THAT(refusal("attribute.nothing = 'x'"), HasSubstr("Invalid attribute key 'nothing'"));
    EXPECT_THAT(refusal("metrics.a > 'x'"), HasSubstr("Expected numeric value type for metric"));
    EXPECT_THAT(refusal("params.a = 3"), HasSubstr("Expected a quoted string value for parameter"));
    EXPECT_THAT(refusal("tags.a > 'x'"), HasSubstr("Invalid comparator"));
    EXPECT_THAT(refusal("metrics.a LIKE 'x'"), HasSubstr("Expected numeric value type for metric"));
    EXPECT_THAT(refusal("metrics.a IS NULL"), HasSubstr("IS NULL"));
    EXPECT_THAT(refusal("status IN ('a')"), HasSubstr("support comparison with a list"));
    EXPECT_THAT(refusal("run_id IN ()"), HasSubstr("non-empty list"));
    EXPECT_THAT(refusal("run_id IN ('a'"), HasSubstr("expected"));
    EXPECT_THAT(refusal("params.a = 'x"), HasSubstr("not closed"));
    EXPECT_THAT(refusal("params.a ="), HasSubstr("Got value nothing"));
    EXPECT_THAT(refusal("params.a"), HasSubstr("expected a comparator, found nothing"));
    EXPECT_THAT(refusal("metrics. > 1"), HasSubstr("Invalid identifier"));
    EXPECT_THAT(refusal("metrics.a > 1 AND"), HasSubstr("missing after AND"));
    EXPECT_THAT(refusal("metrics.a > 1; drop table x"), HasSubstr("unexpected character ';'"));
    EXPECT_THAT(refusal("metrics.a = 1 metrics.b = 2"), HasSubstr("Invalid clause(s)"));
    EXPECT_THAT(refusal("'x' = 'y'"), HasSubstr("Expected 'Identifier'"));
    EXPECT_THAT(refusal("metrics.a > 1", registered_models_grammar()),
                HasSubstr("Invalid entity type 'metrics'"));
}

TEST(Order, FieldsAndDirections) {
    EXPECT_EQ(parse_order("metrics.loss", runs_grammar()), (Order{Subject::metric, "loss", true}));
    EXPECT_EQ(parse_order("metrics.`val loss` DESC", runs_grammar()),
              (Order{Subject::metric, "val loss", false}));
    EXPECT_EQ(parse_order("start_time asc", runs_grammar()),
              (Order{Subject::attribute, "start_time", true}));
    EXPECT_EQ(parse_order("params.\"a b\" desc", runs_grammar()),
              (Order{Subject::parameter, "a b", false}));
    EXPECT_THROW(parse_order("metrics.loss sideways", runs_grammar()), Error);
    EXPECT_THROW(parse_order("metrics.loss asc, x", runs_grammar()), Error);
    EXPECT_THROW(parse_order("", runs_grammar()), Error);
    EXPECT_THROW(parse_order("nothing", runs_grammar()), Error);
}

TEST(Filter, NoBytesMakeItFailOtherwise) {
    // Every text is either read or refused with invalid_argument.
    std::uint32_t state = 1;
    constexpr std::string_view kPieces[] = {
        "metrics", ".",   "a",  "`",   "'",  "\"",   " ", "=", "!", "<",    "(", ")",
        ",",       "AND", "IN", "NOT", "IS", "NULL", "1", "-", "e", "\xc3", "%", "params"};
    for (int round = 0; round < 20000; ++round) {
        std::string text;
        for (int i = 0; i < 12; ++i) {
            state = state * 1664525 + 1013904223;
            text += kPieces[(state >> 16) % std::size(kPieces)];
        }
        try {
            parse(text);
        } catch (const Error& error) {
            ASSERT_EQ(error.code(), ErrorCode::invalid_argument) << text;
        }
    }
}

}  // namespace
}  // namespace maru::tracking::search
