#pragma once

#include <onnxruntime_c_api.h>

#include <filesystem>
#include <string>
#include <utility>

#include "serving/inference/tensor.hpp"

/// ONNX Runtime's C API; included only by the .cpp files of the backend.
namespace maru::serving::ort {

/// The API of the library, loaded at the first call from `library` and kept for the process.
const OrtApi& load_api(const std::filesystem::path& library);
/// The API once it is loaded.
const OrtApi& api();

/// Throws the status as an Error: what ONNX Runtime calls an invalid argument is the caller's, all
/// else `otherwise`.
void check(OrtStatus* status, std::string_view what, bool is_load = false);

/// Owns an object of ONNX Runtime.
template <class T, void (*const OrtApi::*Release)(T*)>
class Owned {
  public:
    Owned() = default;
    explicit Owned(T* object) : object_(object) {}
    Owned(Owned&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    Owned& operator=(Owned&& other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~Owned() {
        if (object_ != nullptr) (api().*Release)(object_);
    }
    T* get() const { return object_; }
    /// For functions that return an object through a pointer; the object must be empty.
    T** out() { return &object_; }

  private:
    T* object_ = nullptr;
};

using Value = Owned<OrtValue, &OrtApi::ReleaseValue>;
using Session = Owned<OrtSession, &OrtApi::ReleaseSession>;
using SessionOptions = Owned<OrtSessionOptions, &OrtApi::ReleaseSessionOptions>;
using MemoryInfo = Owned<OrtMemoryInfo, &OrtApi::ReleaseMemoryInfo>;
using TypeInfo = Owned<OrtTypeInfo, &OrtApi::ReleaseTypeInfo>;
using ShapeInfo = Owned<OrtTensorTypeAndShapeInfo, &OrtApi::ReleaseTensorTypeAndShapeInfo>;

std::optional<DataType> data_type_of(ONNXTensorElementDataType type);
ONNXTensorElementDataType element_type_of(DataType type);

/// A tensor over memory that outlives it (strings are copied in).
Value make_value(const MemoryInfo& memory, Tensor& tensor);
/// A view of a tensor of ONNX Runtime; its strings are copied to `strings`.
TensorView view_value(std::string_view name, const OrtValue& value, StringList& strings);
/// A sequence's elements as JSON: maps as objects, tensors as nested arrays.
std::vector<std::string> sequence_json(std::string_view name, const OrtValue& value);

}  // namespace maru::serving::ort
