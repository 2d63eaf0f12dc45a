#include "serving/inference/python_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <future>
#include <thread>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/id.hpp"
#include "serving/inference/open_inference.hpp"

namespace maru::serving {
namespace {

using testing::HasSubstr;

class PythonModelTest : public testing::Test {
  protected:
    PythonModelTest() : folder_(testing::TempDir() + "python-model-" + new_id()) {
        std::filesystem::create_directories(folder_);
        // Called as: python SCRIPT FD MODEL
        write_file_atomically(
            python(), "#!/bin/sh\nexec python3 " MARU_TEST_DATA "/echo_worker.py \"$2\" \"$3\"\n",
            0755);
    }
    ~PythonModelTest() override { std::filesystem::remove_all(folder_); }

    std::filesystem::path python() const { return folder_ / "python"; }
    std::unique_ptr<Model> start(int workers = 1) {
        return start_python_model(
            {.python = python(), .model = "echo", .workers = workers, .on_failed = {}});
    }
    static void wait_ready(const Model& model) {
        for (int i = 0; i < 6000 && !model.why_not_ready().empty(); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        ASSERT_EQ(model.why_not_ready(), "");
    }
    static std::string score(Model& model, std::string body) {
        net::Request request;
        request.body = std::move(body);
        try {
            return std::get<std::string>(model.invocations(request).body);
        } catch (const Error& error) {
            return fmt::format("{}: {}", to_string(error.code()), error.message());
        }
    }

    std::filesystem::path folder_;
};

TEST_F(PythonModelTest, AnswersTensorsAndScoring) {
    auto model = start();
    wait_ready(*model);
    EXPECT_EQ(write_metadata("m", "1", model->describe()),
              R"({"name":"m","versions":["1"],"platform":"mlflow_pyfunc",)"
              R"("inputs":[{"name":"x","datatype":"FP32","shape":[-1, 2]}],"outputs":[]})");
    auto request = parse_infer_request(
        R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,2]},)"
        R"({"name":"s","datatype":"BYTES","shape":[2],"data":["é",""]}]})",
        "");
    auto prediction = model->predict(request.inputs, {});
    EXPECT_THAT(
        std::get<std::string>(write_infer_response(request, "m", "1", *prediction).body),
        HasSubstr(
            R"("data":[1.0,2.0]},{"name":"s","shape":[2],"datatype":"BYTES","data":["é",""]}]})"));
    prediction = model->predict(request.inputs, {"s"});
    EXPECT_EQ(prediction->tensors.size(), 1u);
    EXPECT_THROW(model->predict(request.inputs, {"q"}), Error);
    EXPECT_EQ(score(*model, "{}"), "{}");
    EXPECT_EQ(score(*model, "fail"), "internal: the model failed: ValueError: no");
    EXPECT_EQ(score(*model, "{}"), "{}");
}

TEST_F(PythonModelTest, AProcessThatEndsIsStartedAgain) {
    auto model = start();
    wait_ready(*model);
    EXPECT_THAT(score(*model, "crash"), HasSubstr("unavailable: "));
    wait_ready(*model);
    EXPECT_EQ(score(*model, "{}"), "{}");
}

TEST_F(PythonModelTest, SeveralProcessesAnswerSeveralCallers) {
    auto model = start(2);
    wait_ready(*model);
    std::vector<std::future<std::string>> answers;
    for (int i = 0; i < 16; ++i)
        answers.push_back(std::async(std::launch::async, [&, i] {
            return score(*model, std::string(100'000, static_cast<char>('a' + i)));
        }));
    for (int i = 0; i < 16; ++i)
        EXPECT_EQ(answers[static_cast<std::size_t>(i)].get(),
                  std::string(100'000, static_cast<char>('a' + i)));
}

TEST_F(PythonModelTest, AModelThatCannotBeLoadedIsReportedOnce) {
    std::promise<std::string> reason;
    auto model = start_python_model(
        {.python = python(), .model = "broken", .on_failed = [&](std::string text) {
             reason.set_value(std::move(text));
         }});
    EXPECT_EQ(reason.get_future().get(), "the model could not be loaded: no such layer");
    EXPECT_EQ(model->why_not_ready(), "the model could not be loaded: no such layer");
    EXPECT_THAT(score(*model, "{}"), HasSubstr("unavailable: the model could not be loaded"));
}

TEST_F(PythonModelTest, AMissingInterpreterIsReported) {
    std::promise<std::string> reason;
    auto model = start_python_model(
        {.python = folder_ / "none", .model = "echo", .on_failed = [&](std::string text) {
             reason.set_value(std::move(text));
         }});
    EXPECT_THAT(reason.get_future().get(), HasSubstr("cannot start "));
}

}  // namespace
}  // namespace maru::serving
