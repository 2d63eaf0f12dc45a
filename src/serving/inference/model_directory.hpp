#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace maru::serving {

/// What a folder with a model says of it: MLflow's MLmodel file, or just a model.onnx.
struct ModelDirectory {
    std::optional<std::filesystem::path> onnx_file;  // MLflow's onnx flavour
    bool is_pyfunc = false;
    /// Names of the signature's input columns, empty for a signature of tensors or none.
    std::vector<std::string> signature_columns;
};

/// Reads an MLflow model's folder, a folder with one .onnx file, or that file itself. Throws
/// not_found, or failed_precondition for an MLmodel file that isn't one.
ModelDirectory read_model_directory(const std::filesystem::path& path);

}  // namespace maru::serving
