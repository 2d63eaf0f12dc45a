#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "serving/inference/json_cursor.hpp"
#include "serving/inference/tensor.hpp"

namespace maru::serving {

/// Reads a JSON value, scalars nested in arrays to any depth, and appends its elements to `tensor`
/// in the tensor's type. Returns the shape of the nesting (of a scalar: no dimensions). Leaves
/// tensor.shape alone.
///
/// Floats also take null and "NaN" (as NaN), "Infinity" and "-Infinity"; integers take true, false
/// and numbers such as 3.0. Errors: invalid_argument that names the tensor and the element: a value
/// of another type, an integer out of the type's range, a ragged array.
std::vector<std::int64_t> parse_values(JsonCursor& cursor, Tensor& tensor);

/// Appends a tensor's elements as one flat JSON array.
void append_flat(std::string& out, const TensorView& tensor);
/// Appends a tensor as arrays nested by its shape; without dimensions as a scalar.
void append_nested(std::string& out, const TensorView& tensor);
/// Appends one element; NaN and infinities become the strings "NaN", "Infinity", "-Infinity".
void append_element(std::string& out, const TensorView& tensor, std::size_t index);

}  // namespace maru::serving
