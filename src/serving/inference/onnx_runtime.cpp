#include "serving/inference/onnx_runtime.hpp"

#include <dlfcn.h>

#include <array>
#include <mutex>
#include <optional>

#include "base/error.hpp"
#include "base/json.hpp"
#include "serving/inference/tensor_json.hpp"

namespace maru::serving::ort {

namespace {

const OrtApi* loaded_api = nullptr;

constexpr std::array<std::pair<ONNXTensorElementDataType, DataType>, 14> kElementTypes{{
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, DataType::boolean},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, DataType::uint8},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16, DataType::uint16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32, DataType::uint32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64, DataType::uint64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8, DataType::int8},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16, DataType::int16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, DataType::int32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, DataType::int64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16, DataType::float16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16, DataType::bfloat16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, DataType::float32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, DataType::float64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, DataType::bytes},
}};

const OrtApi& open_library(const std::filesystem::path& library) {
    void* handle = nullptr;
    std::string reason;
    std::vector<std::string> names{"libonnxruntime.so.1", "libonnxruntime.so"};
    if (!library.empty()) names = {library.string()};
    for (const auto& name : names) {
        handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (handle != nullptr) break;
        reason = dlerror();
    }
    if (handle == nullptr)
        fail(ErrorCode::not_found,
             "cannot load ONNX Runtime: {} (--onnxruntime takes the path of libonnxruntime.so)",
             reason);
    // The library stays loaded: its threads and allocators outlive any session.
    auto base = reinterpret_cast<const OrtApiBase* (*)()>(dlsym(handle, "OrtGetApiBase"));
    if (base == nullptr)
        fail(ErrorCode::failed_precondition, "{} is not ONNX Runtime: it has no OrtGetApiBase",
             library.string());
    auto* api = base()->GetApi(ORT_API_VERSION);
    if (api == nullptr)
        fail(ErrorCode::failed_precondition,
             "ONNX Runtime {} is too old: version 1.{} or newer is needed",
             base()->GetVersionString(), ORT_API_VERSION);
    return *api;
}

std::size_t count_of(const OrtValue& value) {
    ShapeInfo info;
    check(api().GetTensorTypeAndShape(&value, info.out()), "output");
    std::size_t count = 0;
    check(api().GetTensorShapeElementCount(info.get(), &count), "output");
    return count;
}

std::string map_json(std::string_view name, const OrtValue& map) {
    OrtAllocator* allocator = nullptr;
    check(api().GetAllocatorWithDefaultOptions(&allocator), "allocator");
    Value keys, values;
    check(api().GetValue(&map, 0, allocator, keys.out()), name);
    check(api().GetValue(&map, 1, allocator, values.out()), name);
    StringList key_strings, value_strings;
    auto key_view = view_value(name, *keys.get(), key_strings);
    auto value_view = view_value(name, *values.get(), value_strings);
    std::string out = "{";
    auto count = count_of(*keys.get());
    for (std::size_t i = 0; i < count; ++i) {
        if (i > 0) out += ',';
        // JSON's keys are strings, whole numbers too.
        bool text = key_view.type == DataType::bytes;
        if (!text) out += '"';
        append_element(out, key_view, i);
        out += text ? ":" : "\":";
        append_element(out, value_view, i);
    }
    return out + "}";
}

}  // namespace

const OrtApi& load_api(const std::filesystem::path& library) {
    static const OrtApi& opened = open_library(library);
    loaded_api = &opened;
    return opened;
}

const OrtApi& api() {
    return *loaded_api;
}

void check(OrtStatus* status, std::string_view what, bool is_load) {
    if (status == nullptr) return;
    auto code = api().GetErrorCode(status);
    std::string message = fmt::format("{}: {}", what, api().GetErrorMessage(status));
    api().ReleaseStatus(status);
    if (code == ORT_NO_SUCHFILE) throw Error(ErrorCode::not_found, message);
    if (is_load) throw Error(ErrorCode::failed_precondition, message);
    throw Error(code == ORT_INVALID_ARGUMENT ? ErrorCode::invalid_argument : ErrorCode::internal,
                message);
}

std::optional<DataType> data_type_of(ONNXTensorElementDataType type) {
    for (auto [onnx, own] : kElementTypes)
        if (onnx == type) return own;
    return std::nullopt;
}

ONNXTensorElementDataType element_type_of(DataType type) {
    for (auto [onnx, own] : kElementTypes)
        if (own == type) return onnx;
    return ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
}

Value make_value(const MemoryInfo& memory, Tensor& tensor) {
    Value value;
    if (tensor.type == DataType::bytes) {
        OrtAllocator* allocator = nullptr;
        check(api().GetAllocatorWithDefaultOptions(&allocator), "allocator");
        check(api().CreateTensorAsOrtValue(allocator, tensor.shape.data(), tensor.shape.size(),
                                           ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, value.out()),
              tensor.name);
        for (std::size_t i = 0; i < tensor.strings.size(); ++i) {
            auto text = tensor.strings[i];
            char* buffer = nullptr;
            check(api().GetResizedStringTensorElementBuffer(value.get(), i, text.size(), &buffer),
                  tensor.name);
            text.copy(buffer, text.size());
        }
        return value;
    }
    // The API takes no const pointer, but inputs are only read.
    auto* data = const_cast<std::byte*>(tensor.data.data());
    check(api().CreateTensorWithDataAsOrtValue(memory.get(), data, tensor.data.size(),
                                               tensor.shape.data(), tensor.shape.size(),
                                               element_type_of(tensor.type), value.out()),
          tensor.name);
    return value;
}

TensorView view_value(std::string_view name, const OrtValue& value, StringList& strings) {
    ShapeInfo info;
    check(api().GetTensorTypeAndShape(&value, info.out()), name);
    ONNXTensorElementDataType element{};
    std::size_t rank = 0, count = 0;
    check(api().GetTensorElementType(info.get(), &element), name);
    check(api().GetDimensionsCount(info.get(), &rank), name);
    check(api().GetTensorShapeElementCount(info.get(), &count), name);
    auto type = data_type_of(element);
    if (!type)
        fail(ErrorCode::unimplemented,
             "output {}: ONNX element type {} has no counterpart in the protocol", name,
             static_cast<int>(element));
    TensorView view;
    view.name = name;
    view.type = *type;
    view.shape.resize(rank);
    check(api().GetDimensions(info.get(), view.shape.data(), rank), name);
    if (*type == DataType::bytes) {
        std::size_t text_bytes = 0;
        check(api().GetStringTensorDataLength(&value, &text_bytes), name);
        std::string text(text_bytes, '\0');
        std::vector<std::size_t> offsets(count);
        check(api().GetStringTensorContent(&value, text.data(), text.size(), offsets.data(), count),
              name);
        for (std::size_t i = 0; i < count; ++i) {
            auto end = i + 1 < count ? offsets[i + 1] : text_bytes;
            strings.append(std::string_view(text).substr(offsets[i], end - offsets[i]));
        }
        view.strings = &strings;
    } else {
        void* data = nullptr;
        check(api().GetTensorMutableData(const_cast<OrtValue*>(&value), &data), name);
        view.data = {static_cast<const std::byte*>(data), count * element_size(*type)};
    }
    return view;
}

std::vector<std::string> sequence_json(std::string_view name, const OrtValue& value) {
    OrtAllocator* allocator = nullptr;
    check(api().GetAllocatorWithDefaultOptions(&allocator), "allocator");
    std::size_t count = 0;
    check(api().GetValueCount(&value, &count), name);
    std::vector<std::string> elements;
    elements.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        Value element;
        check(api().GetValue(&value, static_cast<int>(i), allocator, element.out()), name);
        ONNXType kind{};
        check(api().GetValueType(element.get(), &kind), name);
        if (kind == ONNX_TYPE_MAP) {
            elements.push_back(map_json(name, *element.get()));
        } else if (kind == ONNX_TYPE_TENSOR) {
            StringList strings;
            append_nested(elements.emplace_back(), view_value(name, *element.get(), strings));
        } else {
            fail(ErrorCode::unimplemented,
                 "output {}: a sequence of neither maps nor tensors has no JSON form", name);
        }
    }
    return elements;
}

}  // namespace maru::serving::ort
