#include "serving/inference/tensor_json.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.hpp"
#include "base/json.hpp"

namespace maru::serving {

namespace {

constexpr int kRankMax = 32;

struct Float16 {
    static std::uint16_t from(float value) { return float16_from(value); }
    static float to(std::uint16_t bits) { return float16_to(bits); }
};
struct BFloat16 {
    static std::uint16_t from(float value) { return bfloat16_from(value); }
    static float to(std::uint16_t bits) { return bfloat16_to(bits); }
};

template <class T>
constexpr bool is_half = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;

/// Calls `f` with a null pointer of the element's type: bool, an integer, Float16, BFloat16, float,
/// double.
template <class F>
decltype(auto) with_number_type(DataType type, F&& f) {
    switch (type) {
        case DataType::boolean:
            return f(static_cast<bool*>(nullptr));
        case DataType::uint8:
            return f(static_cast<std::uint8_t*>(nullptr));
        case DataType::uint16:
            return f(static_cast<std::uint16_t*>(nullptr));
        case DataType::uint32:
            return f(static_cast<std::uint32_t*>(nullptr));
        case DataType::uint64:
            return f(static_cast<std::uint64_t*>(nullptr));
        case DataType::int8:
            return f(static_cast<std::int8_t*>(nullptr));
        case DataType::int16:
            return f(static_cast<std::int16_t*>(nullptr));
        case DataType::int32:
            return f(static_cast<std::int32_t*>(nullptr));
        case DataType::int64:
            return f(static_cast<std::int64_t*>(nullptr));
        case DataType::float16:
            return f(static_cast<Float16*>(nullptr));
        case DataType::bfloat16:
            return f(static_cast<BFloat16*>(nullptr));
        case DataType::float64:
            return f(static_cast<double*>(nullptr));
        default:
            return f(static_cast<float*>(nullptr));
    }
}

[[noreturn]] void wrong_element(const Tensor& tensor, std::string_view got) {
    auto index = tensor.type == DataType::bytes ? tensor.strings.size()
                                                : tensor.data.size() / element_size(tensor.type);
    fail(ErrorCode::invalid_argument, "input {}: element {}: expected {}, got {}", tensor.name,
         index, to_string(tensor.type), got.substr(0, 60));
}

bool starts_number(char c) {
    return c == '-' || (c >= '0' && c <= '9');
}

/// The double that a JSON scalar stands for, for the forms that are not plain numbers of the type.
template <class T>
T slow_float(JsonCursor& cursor, const Tensor& tensor) {
    bool quoted = cursor.peek() == '"';
    std::string_view text = quoted ? cursor.string() : cursor.scalar();
    constexpr auto infinity = std::numeric_limits<T>::infinity();
    if (text == "NaN" || (!quoted && text == "null")) return std::numeric_limits<T>::quiet_NaN();
    if (text == "Infinity") return infinity;
    if (text == "-Infinity") return -infinity;
    if (!quoted && text == "true") return 1;
    if (!quoted && text == "false") return 0;
    if (!quoted && starts_number(text[0])) {
        // Out of T's range on one side or the other: zero is a fair answer for what is too small.
        std::string copy(text);
        char* end = nullptr;
        double value = std::strtod(copy.c_str(), &end);
        if (end == copy.c_str() + copy.size() && std::abs(value) < std::numeric_limits<T>::min())
            return static_cast<T>(value);
    }
    wrong_element(tensor, text);
}

template <class T>
T read_float(JsonCursor& cursor, const Tensor& tensor) {
    if (starts_number(cursor.peek())) {
        const char* from = cursor.position();
        // from_chars would also take "-inf" and "-nan".
        if (*from != '-' || (from + 1 != cursor.end() && from[1] >= '0' && from[1] <= '9')) {
            T value{};
            auto [end, error] = std::from_chars(from, cursor.end(), value);
            if (error == std::errc()) {
                cursor.move_to(end);
                return value;
            }
        }
    }
    return slow_float<T>(cursor, tensor);
}

template <class T>
T slow_integer(JsonCursor& cursor, const Tensor& tensor) {
    auto text = cursor.peek() == '"' ? cursor.value() : cursor.scalar();
    if (text == "true") return 1;
    if (text == "false") return 0;
    double value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    // 2^53 bounds the integers that a double holds exactly.
    if (starts_number(text[0]) && error == std::errc() && end == text.data() + text.size() &&
        value == std::trunc(value) && std::abs(value) <= 9007199254740992.0 &&
        value >= static_cast<double>(std::numeric_limits<T>::min()) &&
        value <= static_cast<double>(std::numeric_limits<T>::max()))
        return static_cast<T>(value);
    wrong_element(tensor, text);
}

template <class T>
T read_integer(JsonCursor& cursor, const Tensor& tensor) {
    if (starts_number(cursor.peek())) {
        T value{};
        auto [end, error] = std::from_chars(cursor.position(), cursor.end(), value);
        bool whole = end == cursor.end() || (*end != '.' && *end != 'e' && *end != 'E');
        if (error == std::errc() && whole) {
            cursor.move_to(end);
            return value;
        }
    }
    return slow_integer<T>(cursor, tensor);
}

template <class T>
void append_parsed(JsonCursor& cursor, Tensor& tensor) {
    if constexpr (std::is_same_v<T, bool>) {
        auto value = read_integer<std::uint8_t>(cursor, tensor);
        if (value > 1) wrong_element(tensor, fmt::format("{}", value));
        tensor.data.append(value);
    } else if constexpr (is_half<T>) {
        tensor.data.append(T::from(read_float<float>(cursor, tensor)));
    } else if constexpr (std::is_floating_point_v<T>) {
        tensor.data.append(read_float<T>(cursor, tensor));
    } else {
        tensor.data.append(read_integer<T>(cursor, tensor));
    }
}

/// Follows the nesting, holds it to one shape, and calls `leaf()` at each scalar.
template <class F>
std::vector<std::int64_t> walk(JsonCursor& cursor, const Tensor& tensor, F&& leaf) {
    std::array<std::int64_t, kRankMax + 1> lengths, counts{};
    lengths.fill(-1);
    int depth = 0, leaf_depth = -1;
    auto ragged = [&] {
        fail(ErrorCode::invalid_argument,
             "input {}: the nested arrays have different lengths or depths, so they are not a "
             "tensor",
             tensor.name);
    };
    auto close = [&] {
        if (lengths[depth] < 0) lengths[depth] = counts[depth];
        if (lengths[depth] != counts[depth]) ragged();
        --depth;
    };
    while (true) {
        if (cursor.take('[')) {
            if (depth == kRankMax || depth == leaf_depth) ragged();
            counts[++depth] = 0;
            if (!cursor.take(']')) continue;
            close();
        } else {
            if (leaf_depth < 0) leaf_depth = depth;
            if (depth != leaf_depth) ragged();
            leaf();
        }
        while (depth > 0) {
            ++counts[depth];
            if (cursor.take(',')) break;
            cursor.expect(']');
            close();
        }
        if (depth == 0) break;
    }
    std::vector<std::int64_t> shape;
    for (int i = 1; i <= kRankMax && lengths[i] >= 0; ++i) shape.push_back(lengths[i]);
    if (leaf_depth > 0 && static_cast<int>(shape.size()) != leaf_depth) ragged();
    return shape;
}

template <class T>
void append_float(std::string& out, T value) {
    if (!std::isfinite(value)) {
        out += std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
        return;
    }
    char text[40];
    auto end = std::to_chars(text, text + sizeof text - 2, value).ptr;
    // Keeps a float a float for readers that tell 1 from 1.0.
    bool whole = true;
    for (const char* c = text; c != end; ++c)
        if (*c == '.' || *c == 'e') whole = false;
    if (whole) {
        *end++ = '.';
        *end++ = '0';
    }
    out.append(text, end);
}

template <class T>
void append_number(std::string& out, const std::byte* at) {
    if constexpr (std::is_same_v<T, bool>) {
        out += *at != std::byte{0} ? "true" : "false";
    } else if constexpr (is_half<T>) {
        std::uint16_t bits;
        std::memcpy(&bits, at, sizeof bits);
        append_float(out, T::to(bits));
    } else {
        T value;
        std::memcpy(&value, at, sizeof value);
        if constexpr (std::is_floating_point_v<T>) {
            append_float(out, value);
        } else {
            char text[24];
            out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
        }
    }
}

template <class F>
void nest(std::string& out, std::span<const std::int64_t> shape, std::size_t& index, F&& append) {
    if (shape.empty()) {
        append(index++);
        return;
    }
    out += '[';
    for (std::int64_t i = 0; i < shape[0]; ++i) {
        if (i > 0) out += ',';
        nest(out, shape.subspan(1), index, append);
    }
    out += ']';
}

void append_shaped(std::string& out, const TensorView& tensor,
                   std::span<const std::int64_t> shape) {
    std::size_t index = 0;
    if (tensor.type == DataType::bytes) {
        nest(out, shape, index,
             [&](std::size_t i) { append_json_string(out, (*tensor.strings)[i]); });
        return;
    }
    out.reserve(out.size() + tensor.data.size() * 3);
    with_number_type(tensor.type, [&]<class T>(T*) {
        auto size = element_size(tensor.type);
        nest(out, shape, index,
             [&](std::size_t i) { append_number<T>(out, tensor.data.data() + i * size); });
    });
}

}  // namespace

std::vector<std::int64_t> parse_values(JsonCursor& cursor, Tensor& tensor) {
    if (tensor.type == DataType::bytes)
        return walk(cursor, tensor, [&] {
            if (cursor.peek() != '"') wrong_element(tensor, cursor.scalar());
            tensor.strings.append(cursor.string());
        });
    return with_number_type(tensor.type, [&]<class T>(T*) {
        return walk(cursor, tensor, [&] { append_parsed<T>(cursor, tensor); });
    });
}

void append_flat(std::string& out, const TensorView& tensor) {
    std::array<std::int64_t, 1> flat{element_count(tensor.name, tensor.shape)};
    append_shaped(out, tensor, flat);
}

void append_nested(std::string& out, const TensorView& tensor) {
    append_shaped(out, tensor, tensor.shape);
}

void append_element(std::string& out, const TensorView& tensor, std::size_t index) {
    if (tensor.type == DataType::bytes) {
        append_json_string(out, (*tensor.strings)[index]);
        return;
    }
    with_number_type(tensor.type, [&]<class T>(T*) {
        append_number<T>(out, tensor.data.data() + index * element_size(tensor.type));
    });
}

}  // namespace maru::serving
