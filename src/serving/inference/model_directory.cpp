#include "serving/inference/model_directory.hpp"

#include <yaml-cpp/yaml.h>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "serving/inference/json_cursor.hpp"

namespace maru::serving {

namespace {

/// The names in a signature's inputs, which MLmodel holds as a string of JSON.
std::vector<std::string> read_columns(const std::string& json) {
    std::vector<std::string> columns;
    bool tensors = false;
    JsonCursor cursor(json);
    cursor.array([&] {
        cursor.object([&](std::string_view key) {
            if (key == "name" && cursor.peek() == '"') {
                columns.emplace_back(cursor.string());
            } else if (key == "type" && cursor.peek() == '"') {
                tensors |= cursor.string() == "tensor";
            } else {
                cursor.value();
            }
        });
    });
    if (tensors) columns.clear();
    return columns;
}

ModelDirectory read_mlmodel(const std::filesystem::path& directory,
                            const std::filesystem::path& file) {
    ModelDirectory model;
    try {
        auto document = YAML::Load(read_file(file));
        auto flavors = document["flavors"];
        if (!flavors || !flavors.IsMap())
            fail(ErrorCode::failed_precondition, "{} has no flavors", file.string());
        model.is_pyfunc = static_cast<bool>(flavors["python_function"]);
        if (auto onnx = flavors["onnx"]; onnx && onnx["data"]) {
            auto data = onnx["data"].as<std::string>();
            check_relative_path("flavors.onnx.data", data);
            model.onnx_file = directory / data;
            // Early versions of MLflow kept a folder with the model in it.
            if (std::filesystem::is_directory(*model.onnx_file)) *model.onnx_file /= "model.onnx";
        }
        auto signature = document["signature"];
        if (signature && signature["inputs"] && signature["inputs"].IsScalar())
            model.signature_columns = read_columns(signature["inputs"].as<std::string>());
    } catch (const YAML::Exception& error) {
        fail(ErrorCode::failed_precondition, "{} is not an MLmodel file: {}", file.string(),
             error.what());
    }
    return model;
}

}  // namespace

ModelDirectory read_model_directory(const std::filesystem::path& path) {
    if (!std::filesystem::exists(path))
        fail(ErrorCode::not_found, "{} does not exist", path.string());
    ModelDirectory model;
    if (std::filesystem::is_regular_file(path)) {
        model.onnx_file = path;
        return model;
    }
    if (auto file = path / "MLmodel"; std::filesystem::exists(file))
        return read_mlmodel(path, file);
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
        if (entry.path().extension() != ".onnx") continue;
        if (model.onnx_file)
            fail(ErrorCode::failed_precondition,
                 "{} has no MLmodel file and more than one .onnx file", path.string());
        model.onnx_file = entry.path();
    }
    if (!model.onnx_file)
        fail(ErrorCode::not_found, "{} holds no model: neither an MLmodel file nor an .onnx file",
             path.string());
    return model;
}

}  // namespace maru::serving
