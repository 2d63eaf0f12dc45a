#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace maru::serving {

/// The data types of the Open Inference Protocol; `bytes` is text or binary strings.
enum class DataType {
    boolean,
    uint8,
    uint16,
    uint32,
    uint64,
    int8,
    int16,
    int32,
    int64,
    float16,
    bfloat16,
    float32,
    float64,
    bytes,
};

/// The name on the wire: "BOOL", "FP32", "BYTES".
std::string_view to_string(DataType type);
std::optional<DataType> data_type_from(std::string_view name);
/// Bytes of one element; 0 for DataType::bytes.
std::size_t element_size(DataType type);

/// How many elements a shape has. Throws invalid_argument, naming the tensor, for a negative
/// dimension or a product that no memory holds.
std::int64_t element_count(std::string_view tensor, std::span<const std::int64_t> shape);

/// "[1, 64]"; -1 stands for any length.
std::string format_shape(std::span<const std::int64_t> shape);

/// Strings back to back, so that a tensor of them costs two allocations and not one each.
class StringList {
  public:
    void append(std::string_view text) {
        text_ += text;
        ends_.push_back(text_.size());
    }
    std::size_t size() const { return ends_.size(); }
    std::string_view operator[](std::size_t i) const {
        auto begin = i == 0 ? 0 : ends_[i - 1];
        return std::string_view(text_).substr(begin, ends_[i] - begin);
    }
    std::size_t text_size() const { return text_.size(); }
    void reserve(std::size_t count, std::size_t text_bytes) {
        ends_.reserve(count);
        text_.reserve(text_bytes);
    }

  private:
    std::string text_;
    std::vector<std::size_t> ends_;
};

/// Bytes that grow without being zeroed first, or a view of bytes that outlive it.
class Storage {
  public:
    Storage() = default;
    static Storage view(std::span<const std::byte> bytes);
    static Storage copy(std::span<const std::byte> bytes);
    const std::byte* data() const { return view_.data() != nullptr ? view_.data() : owned_.get(); }
    std::size_t size() const { return view_.data() != nullptr ? view_.size() : size_; }
    void reserve(std::size_t bytes);
    template <class T>
    void append(T value) {
        if (size_ + sizeof(T) > capacity_) reserve(capacity_ == 0 ? 64 * sizeof(T) : capacity_ * 2);
        __builtin_memcpy(owned_.get() + size_, &value, sizeof(T));
        size_ += sizeof(T);
    }

  private:
    std::span<const std::byte> view_;
    std::unique_ptr<std::byte[]> owned_;
    std::size_t size_ = 0, capacity_ = 0;
};

/// A tensor in row-major order: numbers in `data`, or `strings` for DataType::bytes.
struct Tensor {
    std::string name;
    DataType type = DataType::float32;
    std::vector<std::int64_t> shape;
    Storage data;
    StringList strings;
};

/// A tensor that somebody else holds.
struct TensorView {
    std::string_view name;
    DataType type = DataType::float32;
    std::vector<std::int64_t> shape;
    std::span<const std::byte> data;
    const StringList* strings = nullptr;
};

/// What a model takes or gives; -1 in a shape is any length. No shape: any rank.
struct TensorSpec {
    std::string name;
    DataType type = DataType::float32;
    std::optional<std::vector<std::int64_t>> shape;
};

std::vector<std::string_view> input_names(const std::vector<TensorSpec>& specs);

/// Checks that a tensor fits an input; throws invalid_argument that names the input, what came and
/// what was expected.
void check_fits(const TensorSpec& spec, DataType type, std::span<const std::int64_t> shape);

/// Half-precision numbers, IEEE 754 binary16 and bfloat16.
std::uint16_t float16_from(float value);
float float16_to(std::uint16_t bits);
std::uint16_t bfloat16_from(float value);
float bfloat16_to(std::uint16_t bits);

}  // namespace maru::serving
