#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "serving/inference/model.hpp"

namespace maru::serving {

struct OnnxOptions {
    /// libonnxruntime.so; empty: as the system's loader finds it.
    std::filesystem::path library;
    std::filesystem::path model;
    /// Threads inside one operator; 1 runs the model on the caller's thread.
    int threads = 1;
    /// The columns that the model's signature asks for, if it has a signature of columns.
    std::vector<std::string> signature_columns;
};

/// Loads a model into ONNX Runtime, whose library is loaded when this is first called: nothing of
/// it is linked. Throws not_found (library or model), failed_precondition (a library older than the
/// header's API, or a model that it refuses).
std::unique_ptr<Model> load_onnx_model(const OnnxOptions& options);

}  // namespace maru::serving
