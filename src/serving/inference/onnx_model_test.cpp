#include "serving/inference/onnx_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/json.hpp"
#include "serving/inference/open_inference.hpp"
#include "serving/inference/scoring.hpp"

namespace maru::serving {
namespace {

using testing::HasSubstr;

std::unique_ptr<Model> load(std::string_view name,
                            std::vector<std::string> signature_columns = {}) {
    return load_onnx_model(
        {.library = MARU_TEST_ONNXRUNTIME,
         .model = std::filesystem::path(MARU_TEST_DATA) / fmt::format("{}.onnx", name),
         .threads = 1,
         .signature_columns = std::move(signature_columns)});
}

std::string infer(Model& model, const std::string& body) {
    try {
        auto request = parse_infer_request(body, "");
        std::vector<std::string> wanted;
        for (const auto& output : request.outputs) wanted.push_back(output.name);
        auto prediction = model.predict(request.inputs, wanted);
        return std::get<std::string>(write_infer_response(request, "m", "1", *prediction).body);
    } catch (const Error& error) {
        return error.message();
    }
}

std::string score(Model& model, std::string body,
                  std::string_view content_type = "application/json") {
    net::Request request;
    request.body = std::move(body);
    request.headers.set("Content-Type", content_type);
    try {
        return std::get<std::string>(model.invocations(request).body);
    } catch (const Error& error) {
        return error.message();
    }
}

TEST(OnnxModel, DescribesItself) {
    EXPECT_EQ(write_metadata("m", "1", load("affine")->describe()),
              R"({"name":"m","versions":["1"],"platform":"onnxruntime_onnx",)"
              R"("inputs":[{"name":"x","datatype":"FP32","shape":[-1, 3]}],)"
              R"("outputs":[{"name":"y","datatype":"FP32","shape":[-1, 3]}]})");
}

TEST(OnnxModel, ComputesOverAnyNumberOfRows) {
    auto model = load("affine");
    EXPECT_THAT(
        infer(*model,
              R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,3],"data":[1,2,3]}]})"),
        HasSubstr(R"("shape":[1,3],"datatype":"FP32","data":[3.0,5.0,7.0])"));
    EXPECT_THAT(
        infer(
            *model,
            R"({"inputs":[{"name":"x","datatype":"FP32","shape":[2,3],"data":[[1,2,3],[0,0,0]]}]})"),
        HasSubstr(R"("data":[3.0,5.0,7.0,1.0,1.0,1.0])"));
    EXPECT_THAT(
        infer(*model, R"({"inputs":[{"name":"x","datatype":"FP32","shape":[0,3],"data":[]}]})"),
        HasSubstr(R"("shape":[0,3],"datatype":"FP32","data":[])"));
}

TEST(OnnxModel, RefusesWhatDoesNotFit) {
    auto model = load("affine");
    EXPECT_EQ(infer(*model,
                    R"({"inputs":[{"name":"z","datatype":"FP32","shape":[1,3],"data":[1,2,3]}]})"),
              "the model has no input \"z\"; its inputs are x");
    EXPECT_EQ(infer(*model,
                    R"({"inputs":[{"name":"x","datatype":"FP64","shape":[1,3],"data":[1,2,3]}]})"),
              "input x: expected datatype FP32, got FP64");
    EXPECT_EQ(
        infer(*model,
              R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,4],"data":[1,2,3,4]}]})"),
        "input x: expected shape [-1, 3] (-1 is any length), got [1, 4]");
    EXPECT_EQ(infer(*model, R"({"inputs":[]})"),
              "the input \"x\" (FP32, shape [-1, 3]) is missing");
    EXPECT_THAT(
        infer(
            *model,
            R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,3],"data":[1,2,3]}],"outputs":[{"name":"q"}]})"),
        HasSubstr("the model has no output \"q\"; its outputs are y"));
}

TEST(OnnxModel, EveryDataTypeGoesInAndComesOut) {
    auto model = load("types");
    std::string inputs;
    for (const auto& spec : model->describe().inputs) {
        if (!inputs.empty()) inputs += ',';
        auto data = spec.type == DataType::bytes     ? R"(["a\u0000b",""])"
                    : spec.type == DataType::boolean ? "[true,false]"
                                                     : "[1,2]";
        inputs += fmt::format(R"({{"name":"{}","datatype":"{}","shape":[2],"data":{}}})", spec.name,
                              to_string(spec.type), data);
    }
    auto answer = infer(*model, "{\"inputs\":[" + inputs + "]}");
    for (const auto& spec : model->describe().outputs) {
        bool is_float = to_string(spec.type).find('F') != std::string_view::npos;
        auto data = spec.type == DataType::bytes     ? R"(["a\u0000b",""])"
                    : spec.type == DataType::boolean ? "[true,false]"
                    : is_float                       ? "[1.0,2.0]"
                                                     : "[1,2]";
        EXPECT_THAT(answer,
                    HasSubstr(fmt::format(R"("name":"{}","shape":[2],"datatype":"{}","data":{}}})",
                                          spec.name, to_string(spec.type), data)));
    }
}

TEST(OnnxScoring, TensorsAreAnsweredAsAnObjectOfOutputs) {
    auto model = load("affine");
    EXPECT_EQ(score(*model, R"({"inputs":[[1,2,3]]})"), R"({"predictions":{"y":[[3.0,5.0,7.0]]}})");
    EXPECT_EQ(score(*model, R"({"instances":[[1,2,3],[0,0,0]]})"),
              R"({"predictions":{"y":[[3.0,5.0,7.0],[1.0,1.0,1.0]]}})");
    EXPECT_EQ(score(*model, R"({"inputs":{"x":[[1,2,3]]},"params":{"a":1}})"),
              R"({"predictions":{"y":[[3.0,5.0,7.0]]}})");
}

TEST(OnnxScoring, TablesAreAnsweredAsRecords) {
    auto model = load("columns");
    std::string_view expected = R"({"predictions":[{"sum":4.0,"same":7},{"sum":6.0,"same":8}]})";
    EXPECT_EQ(
        score(*model,
              R"({"dataframe_split":{"columns":["count","a","b"],"data":[[7,1,3],[8,2,4]]}})"),
        expected);
    EXPECT_EQ(
        score(*model, R"({"dataframe_records":[{"a":1,"b":3,"count":7},{"count":8,"b":4,"a":2}]})"),
        expected);
    EXPECT_EQ(score(*model, "a,b,count\n1,3,7\n2,\"4\",8\n", "text/csv; charset=utf-8"), expected);
    EXPECT_EQ(score(*model, R"({"instances":[{"a":1,"b":3,"count":7},{"a":2,"b":4,"count":8}]})"),
              R"({"predictions":{"sum":[4.0,6.0],"same":[[7],[8]]}})");
}

TEST(OnnxScoring, TheSignatureOrdersTheColumns) {
    auto model = load("affine", {"p", "q", "r"});
    // MLflow's DataFrame of outputs is flat, whatever their rank.
    EXPECT_EQ(score(*model,
                    R"({"dataframe_split":{"columns":["r","p","q","unused"],"data":[[3,1,2,9]]}})"),
              R"({"predictions":[{"y":3.0},{"y":5.0},{"y":7.0}]})");
    EXPECT_EQ(score(*model, R"({"dataframe_split":{"columns":["r","p"],"data":[[3,1]]}})"),
              "the column \"q\" of the model's signature is missing; got r, p");
}

TEST(OnnxScoring, MapsComeOutAsObjects) {
    auto model = load("zipmap");
    EXPECT_EQ(
        score(*model, R"({"dataframe_split":{"columns":["u","v"],"data":[[0.25,0.75],[1,0]]}})"),
        R"({"predictions":[{"label":1,"probability":{"3":0.25,"7":0.75}},{"label":0,"probability":{"3":1.0,"7":0.0}}]})");
    EXPECT_EQ(score(*model, R"({"inputs":[[0.25,0.75]]})"),
              R"({"predictions":{"label":[1],"probability":[{"3":0.25,"7":0.75}]}})");
    // The Open Inference Protocol knows tensors only.
    EXPECT_THAT(
        infer(*model, R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[0,1]}]})"),
        HasSubstr(R"("outputs":[{"name":"label","shape":[1],"datatype":"INT64","data":[1]}])"));
}

TEST(OnnxScoring, RefusesWhatIsNoScoringRequest) {
    auto model = load("affine");
    EXPECT_THAT(score(*model, "[1,2]"),
                HasSubstr("expected a JSON object with one of dataframe_split"));
    EXPECT_THAT(score(*model, "{}"), HasSubstr("got none"));
    EXPECT_THAT(score(*model, R"({"inputs":[[1,2,3]],"instances":[]})"),
                HasSubstr("exactly one of"));
    EXPECT_THAT(score(*model, R"({"inputs":[[1,"a",3]]})"), HasSubstr("element 1: expected FP32"));
    EXPECT_THAT(score(*model, R"({"inputs":[[1,2]]})"), HasSubstr("expected shape [-1, 3]"));
    EXPECT_THAT(score(*model, R"({"dataframe_split":{"columns":["a"],"data":[[1,2,3]]}})"),
                HasSubstr("3 values for 1 columns"));
    EXPECT_THAT(score(*model, R"({"dataframe_records":[{"a":1},{"b":2}]})"),
                HasSubstr("row 1 has the column \"b\""));
    EXPECT_THAT(score(*model, "a,b\n1", "text/csv"),
                HasSubstr("CSV line 2: 1 cells for 2 columns"));
    EXPECT_THAT(score(*model, "<a/>", "text/xml"), HasSubstr("text/csv, got \"text/xml\""));
    auto columns = load("columns");
    EXPECT_THAT(score(*columns, R"({"inputs":[1,2]})"),
                HasSubstr("the model has 3 inputs (a, b, count)"));
}

TEST(OnnxModel, SaysWhyItCannotBeLoaded) {
    EXPECT_THROW(load("missing"), Error);
    EXPECT_THROW(load_onnx_model(
                     {.library = MARU_TEST_ONNXRUNTIME, .model = MARU_TEST_DATA "/make_models.py"}),
                 Error);
}

}  // namespace
}  // namespace maru::serving
