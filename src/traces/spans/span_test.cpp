#include "traces/spans/span.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"

namespace maru::traces::spans {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

Span sample() {
    return {.trace_id = "0123456789abcdef0123456789abcdef",
            .id = "00000000000000aa",
            .parent_id = "00000000000000bb",
            .name = "naïve \"name\"\n",
            .started_ns = 1'795'382'295'365'207'318,
            .ended_ns = 1'795'382'295'464'068'081,
            .status = SpanStatus::ERROR,
            .status_message = "ValueError: 나쁨",
            .attributes = {{"mlflow.spanType", "\"LLM\""}, {"n", "[1, 1.5, null, {\"a\": true}]"}},
            .events = {{"exception", 1'795'382'295'400'000'000, {{"exception.message", "\"no\""}}}},
            .links = {{"ffffffffffffffffffffffffffffffff", "00000000000000cc", {}}}};
}

TEST(Span, ComesBackFromItsLineAsItWas) {
    Span span = sample();
    std::string line = to_line(span);
    EXPECT_THAT(line, HasSubstr(R"("trace_id": "ASNFZ4mrze8BI0VniavN7w==")"));
    EXPECT_THAT(line, HasSubstr(R"("code": "STATUS_CODE_ERROR", "message": "ValueError: 나쁨")"));
    EXPECT_EQ(line.find('\n'), std::string::npos);
    Span back = from_line(line);
    EXPECT_EQ(to_line(back), line);
    EXPECT_EQ(back.trace_id, span.trace_id);
    EXPECT_EQ(back.parent_id, span.parent_id);
    EXPECT_EQ(back.started_ns, span.started_ns);
    EXPECT_EQ(back.name, span.name);
    EXPECT_EQ(back.type(), "LLM");
    EXPECT_EQ(back.links[0].span_id, "00000000000000cc");
}

TEST(Span, FilesOfOlderClientsAreRead) {
    auto found = from_file(R"({"spans": [{"name": "old", "context": {"span_id":
        "0x00000000000000aa", "trace_id": "0x0123456789abcdef0123456789abcdef"}, "parent_id": null,
        "start_time": 5, "end_time": 9, "status_code": "OK", "status_message": "",
        "attributes": {"mlflow.spanType": "\"TOOL\""},
        "events": [{"name": "e", "timestamp": 7, "attributes": {"k": "v"}}]}]})");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].trace_id, "0123456789abcdef0123456789abcdef");
    EXPECT_EQ(found[0].id, "00000000000000aa");
    EXPECT_EQ(found[0].type(), "TOOL");
    EXPECT_EQ(found[0].status, SpanStatus::OK);
    EXPECT_EQ(found[0].events[0].at_ns, 7);
    for (std::string_view wrong : {"[]", "{}", R"({"spans": [1]})", R"({"spans": [{"name": 1}]})",
                                   R"({"spans": [{"trace_id": "x"}]})"})
        EXPECT_THROW(from_file(wrong), Error) << wrong;
}

TEST(Span, IsWrittenAsProtobufsJson) {
    std::string out;
    append_proto_json(out, sample());
    EXPECT_THAT(out, HasSubstr(R"("span_id":"AAAAAAAAAKo=")"));
    EXPECT_THAT(out, HasSubstr(R"("start_time_unix_nano":1795382295365207318)"));
    EXPECT_THAT(
        out,
        HasSubstr(
            R"({"key":"n","value":{"array_value":{"values":[{"int_value":1},{"double_value":1.5},{},{"kvlist_value":{"values":[{"key":"a","value":{"bool_value":true}}]}}]}}})"));
    EXPECT_THAT(out, HasSubstr(R"("code":"STATUS_CODE_ERROR")"));
    Span strange = sample();
    strange.attributes = {{"x", "NaN"}, {"y", "no json"}, {"z", R"({"a": [-Infinity, "\"NaN"]})"}};
    EXPECT_EQ(to_resource(strange, 0).attributes.at("z").text, R"({"a": ["-Infinity", "\"NaN"]})");
    out.clear();
    append_proto_json(out, strange);
    EXPECT_THAT(out, HasSubstr(R"({"double_value":"NaN"})"));
    EXPECT_THAT(out, HasSubstr(R"({"string_value":"no json"})"));
    EXPECT_THAT(out, HasSubstr(R"({"double_value":"-Infinity"},{"string_value":"\"NaN"})"));
}

TEST(Span, ChunksKeepLines) {
    std::vector<std::string> lines;
    for (int i = 0; i < 3000; ++i) lines.push_back(std::string(200, 'x') + std::to_string(i));
    auto chunks = pack(lines);
    EXPECT_GT(chunks.size(), 1u);
    std::vector<std::string> back;
    for (const auto& chunk : chunks)
        for (auto& line : unpack(chunk)) back.push_back(std::move(line));
    EXPECT_EQ(back, lines);
    chunks[0].packed.resize(chunks[0].packed.size() / 2);
    EXPECT_THROW(unpack(chunks[0]), Error);
}

Span node(std::string id, std::string parent, std::int64_t at) {
    return {.id = std::move(id), .parent_id = std::move(parent), .started_ns = at};
}

std::vector<std::string> ids(const std::vector<Span>& spans) {
    std::vector<std::string> list;
    for (const auto& span : spans) list.push_back(span.id);
    return list;
}

TEST(Span, TreesHaveParentsFirst) {
    std::vector<Span> list{node("c", "b", 3), node("d", "a", 2), node("b", "a", 4),
                           node("a", "", 5), node("orphan", "gone", 1)};
    sort_as_tree(list);
    EXPECT_THAT(ids(list), ElementsAre("orphan", "a", "d", "b", "c"));
    std::vector<Span> circle{node("x", "y", 1), node("y", "x", 2), node("self", "self", 3)};
    sort_as_tree(circle);
    EXPECT_EQ(circle.size(), 3u);
}

TEST(Span, UsageOfAParentIsTheSumOfItsChildren) {
    auto totals = sum_usage({{"a", "", {{"t", 10}}},
                             {"b", "a", {}},
                             {"c", "b", {{"t", 4}}},
                             {"d", "", {}},
                             {"e", "d", {{"t", 5}}},
                             {"x", "y", {{"t", 1}}},
                             {"y", "x", {}}});
    // x and y are each other's parents: neither is the one that counts.
    EXPECT_THAT(totals, ElementsAre(Pair("t", 15)));
    EXPECT_TRUE(sum_usage({{"a", "", {}}}).empty());
}

TEST(Conventions, OfOthersBecomeMlflows) {
    Span span;
    span.attributes = {{"gen_ai.operation.name", "\"chat\""},
                       {"gen_ai.usage.input_tokens", "7"},
                       {"gen_ai.usage.output_tokens", "\"3\""},
                       {"gen_ai.request.model", "\"m\""},
                       {"gen_ai.input.messages", R"("[{\"role\": \"user\"}]")"},
                       {"output.value", "\"plain\""}};
    apply_conventions(span);
    EXPECT_EQ(span.type(), "CHAT_MODEL");
    EXPECT_EQ(*span.attribute(kUsage),
              R"({"input_tokens": 7, "output_tokens": 3, "total_tokens": 10})");
    EXPECT_EQ(*span.attribute(kInputs), R"([{"role": "user"}])");
    EXPECT_EQ(*span.attribute(kOutputs), "\"plain\"");
    EXPECT_EQ(*span.attribute(kModel), "\"m\"");
}

TEST(Conventions, WhatIsThereAlreadyStays) {
    Span span;
    span.attributes = {{"mlflow.spanType", "\"TOOL\""},
                       {"openinference.span.kind", "\"LLM\""},
                       {"mlflow.spanInputs", "1"},
                       {"input.value", "\"2\""}};
    apply_conventions(span);
    EXPECT_EQ(span.type(), "TOOL");
    EXPECT_EQ(*span.attribute(kInputs), "1");
}

TEST(Preview, OfAChatIsItsLastMessage) {
    EXPECT_EQ(preview(R"({"messages": [{"role": "user", "content": "a"},
                         {"role": "user", "content": [{"type": "text", "text": "안녕"}]},
                         {"role": "assistant", "content": "c"}]})",
                      "user"),
              "안녕");
    EXPECT_EQ(preview(R"({"choices": [{"message": {"role": "assistant", "content": "hi"}}]})",
                      "assistant"),
              "hi");
    EXPECT_EQ(preview(R"({"q": 1})", "user"), R"({"q": 1})");
    std::string many;
    for (int i = 0; i < 2000; ++i) many += "가";
    std::string cut = preview(many, "user");
    EXPECT_TRUE(cut.ends_with("가..."));
    EXPECT_EQ(cut.size(), 997u * 3 + 3);
}

}  // namespace
}  // namespace maru::traces::spans
