#include "serving/inference/tensor_json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "base/error.hpp"

namespace maru::serving {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Parsed {
    std::vector<std::int64_t> shape;
    Tensor tensor;

    template <class T>
    std::vector<T> as() const {
        std::vector<T> values(tensor.data.size() / sizeof(T));
        std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
        return values;
    }
};

Parsed parse(std::string_view text, DataType type) {
    Parsed parsed;
    parsed.tensor.name = "x";
    parsed.tensor.type = type;
    JsonCursor cursor(text);
    parsed.shape = parse_values(cursor, parsed.tensor);
    cursor.expect_end();
    return parsed;
}

std::string refusal(std::string_view text, DataType type) {
    try {
        parse(text, type);
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
        return error.message();
    }
    return "accepted";
}

TEST(ParseValues, NumbersKeepTheirNesting) {
    auto parsed = parse(" [ [1, 2.5, -3e2] , [0.1,-0,1E-3] ] ", DataType::float32);
    EXPECT_THAT(parsed.shape, ElementsAre(2, 3));
    EXPECT_THAT(parsed.as<float>(), ElementsAre(1.f, 2.5f, -300.f, 0.1f, -0.f, 0.001f));
}

TEST(ParseValues, AScalarHasNoDimensions) {
    auto parsed = parse("7", DataType::int64);
    EXPECT_TRUE(parsed.shape.empty());
    EXPECT_THAT(parsed.as<std::int64_t>(), ElementsAre(7));
}

TEST(ParseValues, EmptyArraysAreTensorsToo) {
    EXPECT_THAT(parse("[]", DataType::float32).shape, ElementsAre(0));
    EXPECT_THAT(parse("[[],[]]", DataType::float32).shape, ElementsAre(2, 0));
}

TEST(ParseValues, FloatsTakeWhatPythonWrites) {
    auto values =
        parse(R"([NaN, Infinity, -Infinity, null, "NaN", "-Infinity", true])", DataType::float64)
            .as<double>();
    EXPECT_TRUE(std::isnan(values[0]));
    EXPECT_EQ(values[1], INFINITY);
    EXPECT_EQ(values[2], -INFINITY);
    EXPECT_TRUE(std::isnan(values[3]));
    EXPECT_TRUE(std::isnan(values[4]));
    EXPECT_EQ(values[5], -INFINITY);
    EXPECT_EQ(values[6], 1.0);
}

TEST(ParseValues, TooSmallIsZeroAndTooLargeIsRefused) {
    EXPECT_THAT(parse("[1e-60]", DataType::float32).as<float>(), ElementsAre(0.f));
    EXPECT_THAT(refusal("[1, 1e40]", DataType::float32),
                HasSubstr("element 1: expected FP32, got 1e40"));
}

TEST(ParseValues, IntegersAreHeldToTheirRange) {
    EXPECT_THAT(parse("[255, 3.0, true]", DataType::uint8).as<std::uint8_t>(),
                ElementsAre(255, 3, 1));
    EXPECT_THAT(parse("[18446744073709551615]", DataType::uint64).as<std::uint64_t>(),
                ElementsAre(UINT64_MAX));
    EXPECT_THAT(refusal("[256]", DataType::uint8),
                HasSubstr("input x: element 0: expected UINT8, got 256"));
    EXPECT_THAT(refusal("[-1]", DataType::uint64), HasSubstr("expected UINT64, got -1"));
    EXPECT_THAT(refusal("[1.5]", DataType::int64), HasSubstr("expected INT64, got 1.5"));
    EXPECT_THAT(refusal("[null]", DataType::int64), HasSubstr("got null"));
    EXPECT_THAT(refusal("[2]", DataType::boolean), HasSubstr("expected BOOL, got 2"));
}

TEST(ParseValues, HalvesAreRounded) {
    auto bits = parse("[1, 0.1, 65504]", DataType::float16).as<std::uint16_t>();
    EXPECT_THAT(bits, ElementsAre(0x3c00, 0x2e66, 0x7bff));
    EXPECT_THAT(parse("[1, -2.5]", DataType::bfloat16).as<std::uint16_t>(),
                ElementsAre(0x3f80, 0xc020));
}

TEST(ParseValues, StringsAreDecoded) {
    auto parsed = parse(R"([["a", "b\"\n"], ["é", "\u00e9\ud83d\ude00"]])", DataType::bytes);
    EXPECT_THAT(parsed.shape, ElementsAre(2, 2));
    EXPECT_EQ(parsed.tensor.strings[1], "b\"\n");
    EXPECT_EQ(parsed.tensor.strings[3], "é😀");
    EXPECT_THAT(refusal(R"(["a", 1])", DataType::bytes),
                HasSubstr("element 1: expected BYTES, got 1"));
}

TEST(ParseValues, RaggedArraysAreNoTensor) {
    for (auto text :
         {"[[1,2],[3]]", "[1,[2]]", "[[1],2]", "[[],[1]]", "[[1],[]]", "[[[1]],[[1],[2]]]"})
        EXPECT_THAT(refusal(text, DataType::float32), HasSubstr("not a tensor")) << text;
}

TEST(ParseValues, BrokenJsonSaysWhere) {
    EXPECT_THAT(refusal("[1, 2", DataType::float32), HasSubstr("ends at byte 5"));
    EXPECT_THAT(refusal("[1 2]", DataType::float32), HasSubstr("wrong at byte 3"));
    for (auto text : {"", "[", "[1,]", "[,1]", "[-]", "[-inf]", "[inf]", "[.5]", "[+1]", "[abc]",
                      "[{}]", "[\"1\"]", "[1]]"})
        EXPECT_NE(refusal(text, DataType::float32), "accepted") << text;
    EXPECT_NE(refusal(std::string(5000, '['), DataType::float32), "accepted");
    EXPECT_NE(refusal(R"(["\ud83d\u00"])", DataType::bytes), "accepted");
    EXPECT_NE(refusal("[\"a\nb\"]", DataType::bytes), "accepted");
}

TEST(JsonCursor, PassesOverAnyValueButNotOverDeepOnes) {
    JsonCursor cursor(R"( {"a":[1,{"b":null},"}"],"c":"\""} ,)");
    EXPECT_EQ(cursor.value(), R"({"a":[1,{"b":null},"}"],"c":"\""})");
    std::string deep = std::string(100, '[') + std::string(100, ']');
    JsonCursor over(deep);
    EXPECT_THROW(over.value(), Error);
}

template <class T>
std::string written(DataType type, const std::vector<T>& values,
                    const std::vector<std::int64_t>& shape) {
    std::string out;
    append_nested(out, {.name = "y",
                        .type = type,
                        .shape = std::move(shape),
                        .data = std::as_bytes(std::span(values))});
    return out;
}

TEST(AppendNested, WritesTheShortestFormThatReadsBack) {
    EXPECT_EQ(written<float>(DataType::float32, {0.1f, 1, -2.5f, 1e20f, NAN, -INFINITY}, {2, 3}),
              R"([[0.1,1.0,-2.5],[1e+20,"NaN","-Infinity"]])");
    EXPECT_EQ(written<double>(DataType::float64, {0.1, 1e-7}, {2}), "[0.1,1e-07]");
    EXPECT_EQ(written<std::int64_t>(DataType::int64, {INT64_MIN, 5}, {2, 1}),
              "[[-9223372036854775808],[5]]");
    EXPECT_EQ(written<std::uint8_t>(DataType::boolean, {1, 0}, {2}), "[true,false]");
    EXPECT_EQ(written<std::uint16_t>(DataType::float16, {0x3c00, 0x3800}, {2}), "[1.0,0.5]");
    EXPECT_EQ(written<float>(DataType::float32, {3}, {}), "3.0");
    EXPECT_EQ(written<float>(DataType::float32, {}, {0, 4}), "[]");
}

TEST(AppendFlat, WritesOneArray) {
    std::vector<std::int32_t> values{1, 2, 3, 4};
    std::string out;
    append_flat(out, {.name = "y",
                      .type = DataType::int32,
                      .shape = {2, 2},
                      .data = std::as_bytes(std::span(values))});
    EXPECT_EQ(out, "[1,2,3,4]");
}

}  // namespace
}  // namespace maru::serving
