#include "serving/inference/model_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/id.hpp"

namespace maru::serving {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ModelDirectoryTest : public testing::Test {
  protected:
    ModelDirectoryTest() : folder_(testing::TempDir() + "model-directory-" + new_id()) {
        std::filesystem::create_directories(folder_);
    }
    ~ModelDirectoryTest() override { std::filesystem::remove_all(folder_); }
    ModelDirectory read(std::string_view mlmodel) {
        write_file_atomically(folder_ / "MLmodel", mlmodel);
        return read_model_directory(folder_);
    }

    std::filesystem::path folder_;
};

TEST_F(ModelDirectoryTest, ReadsFlavoursAndColumns) {
    auto model = read(
        "flavors:\n  onnx:\n    data: model.onnx\n  python_function:\n    loader_module: "
        "mlflow.onnx\n"
        "signature:\n  inputs: '[{\"type\": \"double\", \"name\": \"a b\", \"required\": true}, "
        "{\"type\":\n"
        "    \"long\", \"name\": \"c\"}]'\n  outputs: null\n");
    EXPECT_EQ(model.onnx_file, folder_ / "model.onnx");
    EXPECT_TRUE(model.is_pyfunc);
    EXPECT_THAT(model.signature_columns, ElementsAre("a b", "c"));
}

TEST_F(ModelDirectoryTest, ASignatureOfTensorsHasNoColumns) {
    auto model = read(
        "flavors:\n  python_function: {}\n"
        "signature:\n  inputs: '[{\"type\": \"tensor\", \"name\": \"x\", \"tensor-spec\": "
        "{\"dtype\": \"float32\", \"shape\": [-1]}}]'\n");
    EXPECT_FALSE(model.onnx_file);
    EXPECT_TRUE(model.is_pyfunc);
    EXPECT_THAT(model.signature_columns, IsEmpty());
}

TEST_F(ModelDirectoryTest, RefusesWhatIsNoModel) {
    EXPECT_THROW(read_model_directory(folder_ / "none"), Error);
    EXPECT_THROW(read_model_directory(folder_), Error);
    EXPECT_THROW(read("flavors: [\n"), Error);
    EXPECT_THROW(read("artifact_path: model\n"), Error);
    EXPECT_THROW(read("flavors:\n  onnx:\n    data: ../../secret.onnx\n"), Error);
}

TEST_F(ModelDirectoryTest, TakesABareOnnxFile) {
    write_file_atomically(folder_ / "a.onnx", "");
    EXPECT_EQ(read_model_directory(folder_).onnx_file, folder_ / "a.onnx");
    EXPECT_EQ(read_model_directory(folder_ / "a.onnx").onnx_file, folder_ / "a.onnx");
    write_file_atomically(folder_ / "b.onnx", "");
    EXPECT_THROW(read_model_directory(folder_), Error);
}

}  // namespace
}  // namespace maru::serving
