#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "serving/inference/model.hpp"

namespace maru::serving {

struct PythonOptions {
    std::filesystem::path python;  // of the model's environment
    std::filesystem::path model;
    int workers = 1;  // processes, each with the model; one answers one request at a time
    int threads = 1;  // of the numeric libraries, in each
    /// Called once, from a thread of the model's, if the model can't be loaded when it is started.
    std::function<void(std::string reason)> on_failed;
};

/// Runs an MLflow pyfunc model in Python processes of its own environment. Returns at once;
/// why_not_ready() says when it has been loaded. A process that ends later is started again, with a
/// growing pause; requests that it took with it, and those that come while there is none, are
/// answered `unavailable`.
std::unique_ptr<Model> start_python_model(PythonOptions options);

}  // namespace maru::serving
