#include "serving/inference/tensor.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "base/error.hpp"

namespace maru::serving {

namespace {

struct TypeRow {
    DataType type;
    std::string_view name;
    std::size_t size;
};

constexpr std::array<TypeRow, 14> kTypes{{
    {DataType::boolean, "BOOL", 1},
    {DataType::uint8, "UINT8", 1},
    {DataType::uint16, "UINT16", 2},
    {DataType::uint32, "UINT32", 4},
    {DataType::uint64, "UINT64", 8},
    {DataType::int8, "INT8", 1},
    {DataType::int16, "INT16", 2},
    {DataType::int32, "INT32", 4},
    {DataType::int64, "INT64", 8},
    {DataType::float16, "FP16", 2},
    {DataType::bfloat16, "BF16", 2},
    {DataType::float32, "FP32", 4},
    {DataType::float64, "FP64", 8},
    {DataType::bytes, "BYTES", 0},
}};

}  // namespace

std::string_view to_string(DataType type) {
    return kTypes[static_cast<std::size_t>(type)].name;
}

std::optional<DataType> data_type_from(std::string_view name) {
    for (const auto& row : kTypes)
        if (row.name == name) return row.type;
    return std::nullopt;
}

std::size_t element_size(DataType type) {
    return kTypes[static_cast<std::size_t>(type)].size;
}

std::int64_t element_count(std::string_view tensor, std::span<const std::int64_t> shape) {
    std::int64_t count = 1;
    for (auto dimension : shape) {
        if (dimension < 0)
            fail(ErrorCode::invalid_argument, "tensor {}: shape {} has a negative dimension",
                 tensor, format_shape(shape));
        if (__builtin_mul_overflow(count, dimension, &count) || count > (std::int64_t{1} << 48))
            fail(ErrorCode::invalid_argument, "tensor {}: shape {} is too large", tensor,
                 format_shape(shape));
    }
    return count;
}

std::string format_shape(std::span<const std::int64_t> shape) {
    return fmt::format("[{}]", fmt::join(shape, ", "));
}

Storage Storage::view(std::span<const std::byte> bytes) {
    Storage storage;
    storage.view_ = bytes;
    return storage;
}

Storage Storage::copy(std::span<const std::byte> bytes) {
    Storage storage;
    storage.reserve(bytes.size());
    if (!bytes.empty()) __builtin_memcpy(storage.owned_.get(), bytes.data(), bytes.size());
    storage.size_ = bytes.size();
    return storage;
}

void Storage::reserve(std::size_t bytes) {
    if (bytes <= capacity_) return;
    auto larger = std::make_unique_for_overwrite<std::byte[]>(bytes);
    if (size_ > 0) __builtin_memcpy(larger.get(), owned_.get(), size_);
    owned_ = std::move(larger);
    capacity_ = bytes;
}

std::vector<std::string_view> input_names(const std::vector<TensorSpec>& specs) {
    std::vector<std::string_view> names;
    for (const auto& spec : specs) names.push_back(spec.name);
    return names;
}

void check_fits(const TensorSpec& spec, DataType type, std::span<const std::int64_t> shape) {
    if (type != spec.type)
        fail(ErrorCode::invalid_argument, "input {}: expected datatype {}, got {}", spec.name,
             to_string(spec.type), to_string(type));
    if (!spec.shape) return;
    bool fits = shape.size() == spec.shape->size();
    for (std::size_t i = 0; fits && i < shape.size(); ++i)
        fits = (*spec.shape)[i] < 0 || (*spec.shape)[i] == shape[i];
    if (!fits)
        fail(ErrorCode::invalid_argument, "input {}: expected shape {} (-1 is any length), got {}",
             spec.name, format_shape(*spec.shape), format_shape(shape));
}

std::uint16_t float16_from(float value) {
    return std::bit_cast<std::uint16_t>(static_cast<_Float16>(value));
}

float float16_to(std::uint16_t bits) {
    return static_cast<float>(std::bit_cast<_Float16>(bits));
}

std::uint16_t bfloat16_from(float value) {
    auto bits = std::bit_cast<std::uint32_t>(value);
    if (std::isnan(value)) return static_cast<std::uint16_t>((bits >> 16) | 0x40);
    // Rounds to nearest, ties to even, as hardware does.
    bits += 0x7fff + ((bits >> 16) & 1);
    return static_cast<std::uint16_t>(bits >> 16);
}

float bfloat16_to(std::uint16_t bits) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

}  // namespace maru::serving
