#include "serving/inference/open_inference.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace maru::serving {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string refusal(std::string_view body, std::string_view json_bytes = "") {
    try {
        parse_infer_request(body, json_bytes);
    } catch (const Error& error) {
        return error.message();
    }
    return "accepted";
}

std::string with_input(std::string_view fields) {
    return fmt::format(R"({{"inputs":[{{{}}}]}})", fields);
}

struct Fixed final : Prediction {};

TEST(ParseInferRequest, ReadsInputsInAnyOrderOfFields) {
    auto request = parse_infer_request(
        R"({"id":"7","inputs":[{"data":[1,2,3,4],"datatype":"INT32","shape":[2,2],"name":"x","extra":{}}],)"
        R"("outputs":[{"name":"y","parameters":{"binary_data":true,"other":1}}],"parameters":{"sequence_id":0}})",
        "");
    EXPECT_EQ(request.id, "7");
    ASSERT_EQ(request.inputs.size(), 1u);
    EXPECT_EQ(request.inputs[0].name, "x");
    EXPECT_THAT(request.inputs[0].shape, ElementsAre(2, 2));
    EXPECT_EQ(request.inputs[0].data.size(), 16u);
    ASSERT_EQ(request.outputs.size(), 1u);
    EXPECT_EQ(request.outputs[0].binary, true);
    EXPECT_FALSE(request.binary_output);
}

TEST(ParseInferRequest, BinaryTensorsFollowTheJson) {
    std::string json =
        R"({"inputs":[{"name":"a","datatype":"FP32","shape":[2],"parameters":{"binary_data_size":8}},)"
        R"({"name":"s","datatype":"BYTES","shape":[2],"parameters":{"binary_data_size":11}}],)"
        R"("parameters":{"binary_data_output":true}})";
    std::vector<float> values{1.5f, -2};
    std::string body = json;
    body.append(reinterpret_cast<const char*>(values.data()), 8);
    body.append(std::string("\x03\0\0\0abc\0\0\0\0", 11));
    auto request = parse_infer_request(body, std::to_string(json.size()));
    EXPECT_TRUE(request.binary_output);
    auto sent = std::as_bytes(std::span(values));
    EXPECT_EQ(std::memcmp(request.inputs[0].data.data(), sent.data(), sent.size()), 0);
    EXPECT_EQ(request.inputs[1].strings[0], "abc");
    EXPECT_EQ(request.inputs[1].strings[1], "");
}

TEST(ParseInferRequest, SaysWhatIsWrongWithWhichInput) {
    EXPECT_THAT(refusal("{}"), HasSubstr("inputs is missing"));
    EXPECT_THAT(refusal("[]"), HasSubstr("expected {"));
    EXPECT_THAT(refusal(with_input(R"("name":"x","shape":[1],"data":[1])")),
                HasSubstr("input x: datatype is missing"));
    EXPECT_THAT(refusal(with_input(R"("name":"x","datatype":"FLOAT","shape":[1],"data":[1])")),
                HasSubstr("\"FLOAT\" is none of BOOL"));
    EXPECT_THAT(refusal(with_input(R"("name":"x","datatype":"FP32","shape":[3],"data":[1,2])")),
                HasSubstr("input x: shape [3] has 3 elements, but data has 2"));
    EXPECT_THAT(
        refusal(with_input(R"("name":"x","datatype":"FP32","shape":[4],"data":[[1,2],[3,4]])")),
        HasSubstr("data is nested as [2, 2], but shape says [4]"));
    EXPECT_THAT(refusal(with_input(R"("name":"x","datatype":"FP32","shape":[-1],"data":[1])")),
                HasSubstr("shape"));
    EXPECT_THAT(refusal(with_input(
                    R"("name":"x","datatype":"FP32","shape":[4294967296,4294967296],"data":[1])")),
                HasSubstr("too large"));
    EXPECT_THAT(refusal(with_input(R"("name":"x","datatype":"FP32","shape":[1])")),
                HasSubstr("neither"));
    EXPECT_THAT(refusal(with_input(R"("datatype":"FP32","shape":[1],"data":[1])")),
                HasSubstr("no name"));
}

TEST(ParseInferRequest, ALargeShapeTakesNoMemoryWithoutData) {
    EXPECT_THAT(
        refusal(with_input(R"("name":"x","datatype":"FP64","shape":[100000000000],"data":[1])")),
        HasSubstr("has 100000000000 elements, but data has 1"));
    auto json = with_input(
        R"("name":"s","datatype":"BYTES","shape":[100000000000],"parameters":{"binary_data_size":4})");
    EXPECT_THAT(refusal(json + "abcd", std::to_string(json.size())),
                HasSubstr("strings can't be in 4 bytes"));
}

TEST(ParseInferRequest, BinarySizesAreChecked) {
    auto json = with_input(
        R"("name":"x","datatype":"FP32","shape":[2],"parameters":{"binary_data_size":8})");
    auto length = std::to_string(json.size());
    EXPECT_THAT(refusal(json + "1234", length),
                HasSubstr("binary_data_size is 8, but 4 bytes are left"));
    EXPECT_THAT(refusal(json + "123456789", length),
                HasSubstr("1 bytes are left after the last input"));
    EXPECT_THAT(refusal(json, "99999"), HasSubstr("Inference-Header-Content-Length"));
    EXPECT_THAT(refusal(json, "x"), HasSubstr("Inference-Header-Content-Length"));
    auto wrong = with_input(
        R"("name":"x","datatype":"FP32","shape":[1],"parameters":{"binary_data_size":8})");
    EXPECT_THAT(refusal(wrong + "12345678", std::to_string(wrong.size())),
                HasSubstr("takes 4 bytes"));
    auto text = with_input(
        R"("name":"s","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":6})");
    EXPECT_THAT(refusal(text + std::string("\x09\0\0\0ab", 6), std::to_string(text.size())),
                HasSubstr("string 0 goes past"));
}

TEST(WriteInferResponse, WritesEachOutputInTheFormAskedFor) {
    std::vector<float> values{1, 2};
    StringList strings;
    strings.append("hé");
    Fixed prediction;
    prediction.tensors.push_back({.name = "y",
                                  .type = DataType::float32,
                                  .shape = {1, 2},
                                  .data = std::as_bytes(std::span(values))});
    prediction.tensors.push_back(
        {.name = "s", .type = DataType::bytes, .shape = {1}, .strings = &strings});
    InferRequest request;
    request.id = "a";
    auto json = write_infer_response(request, "m", "3", prediction);
    EXPECT_EQ(std::get<std::string>(json.body),
              R"({"model_name":"m","model_version":"3","id":"a","outputs":[)"
              R"({"name":"y","shape":[1,2],"datatype":"FP32","data":[1.0,2.0]},)"
              R"({"name":"s","shape":[1],"datatype":"BYTES","data":["hé"]}]})");
    EXPECT_FALSE(json.headers.has("Inference-Header-Content-Length"));

    request.binary_output = true;
    auto binary = write_infer_response(request, "m", "3", prediction);
    const auto& body = std::get<std::string>(binary.body);
    auto json_bytes =
        std::stoul(std::string(binary.headers.get("Inference-Header-Content-Length")));
    EXPECT_EQ(body.size(), json_bytes + 8 + 4 + 3);
    EXPECT_EQ(body[json_bytes - 1], '}');
    auto sent = std::as_bytes(std::span(values));
    EXPECT_EQ(std::memcmp(body.data() + json_bytes, sent.data(), sent.size()), 0);
    EXPECT_EQ(body.substr(json_bytes + 12), "hé");
    EXPECT_EQ(binary.headers.get("Content-Type"), "application/octet-stream");
}

}  // namespace
}  // namespace maru::serving
