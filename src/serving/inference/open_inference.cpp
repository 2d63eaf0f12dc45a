#include "serving/inference/open_inference.hpp"

#include <algorithm>
#include <cstring>

#include "base/json.hpp"
#include "base/text.hpp"
#include "serving/inference/tensor_json.hpp"

namespace maru::serving {

namespace {

constexpr std::string_view kHeaderLength = "Inference-Header-Content-Length";

bool read_bool(JsonCursor& cursor, std::string_view what) {
    auto text = cursor.scalar();
    if (text != "true" && text != "false")
        fail(ErrorCode::invalid_argument, "{}: expected true or false, got {}", what, text);
    return text == "true";
}

std::size_t read_size(JsonCursor& cursor, std::string_view what) {
    auto text = cursor.scalar();
    auto number = parse_int(text);
    if (!number || *number < 0)
        fail(ErrorCode::invalid_argument, "{}: expected a whole number of at least 0, got {}", what,
             text);
    return static_cast<std::size_t>(*number);
}

std::vector<std::int64_t> read_shape(JsonCursor& cursor, std::string_view input) {
    std::vector<std::int64_t> shape;
    cursor.array([&] {
        auto what = fmt::format("input {}: shape", input);
        shape.push_back(static_cast<std::int64_t>(read_size(cursor, what)));
    });
    return shape;
}

/// One member of "inputs" while its fields come in any order.
struct InputReader {
    Tensor tensor;
    std::optional<DataType> type;
    std::optional<std::vector<std::int64_t>> shape;
    std::optional<std::size_t> binary_bytes;
    const char* skipped_data = nullptr;
    bool has_data = false;

    void read_data(JsonCursor& cursor) {
        has_data = true;
        tensor.type = *type;
        auto count = static_cast<std::size_t>(element_count(tensor.name, *shape));
        // Each element takes two bytes of text or more, so a shape can't ask for more memory than
        // was sent.
        auto possible = static_cast<std::size_t>(cursor.end() - cursor.position()) / 2 + 1;
        tensor.data.reserve(std::min(count, possible) * element_size(*type));
        auto nesting = parse_values(cursor, tensor);
        auto got = *type == DataType::bytes ? tensor.strings.size()
                                            : tensor.data.size() / element_size(*type);
        if (got != count)
            fail(ErrorCode::invalid_argument, "input {}: shape {} has {} elements, but data has {}",
                 tensor.name, format_shape(*shape), count, got);
        if (nesting.size() > 1 && nesting != *shape)
            fail(ErrorCode::invalid_argument, "input {}: data is nested as {}, but shape says {}",
                 tensor.name, format_shape(nesting), format_shape(*shape));
    }

    void read(JsonCursor& cursor) {
        cursor.object([&](std::string_view key) {
            if (key == "name") {
                tensor.name = cursor.string();
            } else if (key == "datatype") {
                auto name = cursor.string();
                type = data_type_from(name);
                if (!type)
                    fail(ErrorCode::invalid_argument,
                         "input {}: datatype \"{}\" is none of BOOL, UINT8, UINT16, UINT32, "
                         "UINT64, INT8, "
                         "INT16, INT32, INT64, FP16, BF16, FP32, FP64, BYTES",
                         tensor.name, name);
            } else if (key == "shape") {
                shape = read_shape(cursor, tensor.name);
            } else if (key == "parameters") {
                cursor.object([&](std::string_view parameter) {
                    if (parameter == "binary_data_size")
                        binary_bytes = read_size(
                            cursor, fmt::format("input {}: binary_data_size", tensor.name));
                    else
                        cursor.value();
                });
            } else if (key == "data") {
                if (type && shape && !tensor.name.empty()) {
                    read_data(cursor);
                } else {
                    cursor.peek();
                    skipped_data = cursor.position();
                    cursor.value();
                }
            } else {
                cursor.value();
            }
        });
        finish(cursor);
    }

    void finish(const JsonCursor& cursor) {
        if (tensor.name.empty()) fail(ErrorCode::invalid_argument, "an input has no name");
        if (!type) fail(ErrorCode::invalid_argument, "input {}: datatype is missing", tensor.name);
        if (!shape) fail(ErrorCode::invalid_argument, "input {}: shape is missing", tensor.name);
        if (skipped_data != nullptr && !has_data) {
            auto back = cursor;
            back.move_to(skipped_data);
            read_data(back);
        }
        if (has_data == binary_bytes.has_value())
            fail(ErrorCode::invalid_argument,
                 "input {}: expected either data or the parameter binary_data_size, got {}",
                 tensor.name, has_data ? "both" : "neither");
        tensor.type = *type;
        tensor.shape = std::move(*shape);
    }
};

InferRequest::Output read_output(JsonCursor& cursor) {
    InferRequest::Output output;
    cursor.object([&](std::string_view key) {
        if (key == "name") {
            output.name = cursor.string();
        } else if (key == "parameters") {
            cursor.object([&](std::string_view parameter) {
                if (parameter == "binary_data") {
                    output.binary = read_bool(cursor, "binary_data");
                } else if (parameter == "classification" && cursor.peek() != '0') {
                    fail(ErrorCode::unimplemented,
                         "output {}: the classification extension is not supported", output.name);
                } else {
                    cursor.value();
                }
            });
        } else {
            cursor.value();
        }
    });
    if (output.name.empty()) fail(ErrorCode::invalid_argument, "an output has no name");
    return output;
}

/// Takes strings, each after its length as four bytes, out of a binary tensor.
void take_strings(Tensor& tensor, std::string_view bytes, std::size_t count) {
    if (count > bytes.size() / 4)
        fail(ErrorCode::invalid_argument, "input {}: {} strings can't be in {} bytes", tensor.name,
             count, bytes.size());
    tensor.strings.reserve(count, bytes.size() - 4 * count);
    for (std::size_t i = 0; i < count; ++i) {
        std::uint32_t length = 0;
        if (bytes.size() >= 4) std::memcpy(&length, bytes.data(), 4);
        if (bytes.size() < 4 || bytes.size() - 4 < length)
            fail(ErrorCode::invalid_argument, "input {}: string {} goes past the tensor's bytes",
                 tensor.name, i);
        tensor.strings.append(bytes.substr(4, length));
        bytes.remove_prefix(4 + length);
    }
    if (!bytes.empty())
        fail(ErrorCode::invalid_argument, "input {}: {} bytes are left after its {} strings",
             tensor.name, bytes.size(), count);
}

void take_binary(Tensor& tensor, std::string_view bytes) {
    auto count = static_cast<std::size_t>(element_count(tensor.name, tensor.shape));
    if (tensor.type == DataType::bytes) {
        take_strings(tensor, bytes, count);
        return;
    }
    auto size = element_size(tensor.type);
    if (bytes.size() != count * size)
        fail(ErrorCode::invalid_argument,
             "input {}: shape {} of {} takes {} bytes, but binary_data_size is {}", tensor.name,
             format_shape(tensor.shape), to_string(tensor.type), count * size, bytes.size());
    auto span = std::as_bytes(std::span(bytes.data(), bytes.size()));
    bool aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % size == 0;
    tensor.data = aligned && !span.empty() ? Storage::view(span) : Storage::copy(span);
    if (tensor.type == DataType::boolean)
        for (auto byte : span)
            if (byte > std::byte{1})
                fail(ErrorCode::invalid_argument,
                     "input {}: a BOOL is the byte {}, expected 0 or 1", tensor.name,
                     static_cast<unsigned>(byte));
}

void append_binary(std::string& out, const TensorView& tensor) {
    if (tensor.type != DataType::bytes) {
        out.append(reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size());
        return;
    }
    for (std::size_t i = 0; i < tensor.strings->size(); ++i) {
        auto text = (*tensor.strings)[i];
        auto length = static_cast<std::uint32_t>(text.size());
        out.append(reinterpret_cast<const char*>(&length), 4);
        out += text;
    }
}

std::size_t binary_size(const TensorView& tensor) {
    if (tensor.type != DataType::bytes) return tensor.data.size();
    return tensor.strings->size() * 4 + tensor.strings->text_size();
}

void append_specs(std::string& out, const std::vector<TensorSpec>& specs) {
    out += '[';
    for (const auto& spec : specs) {
        if (&spec != &specs.front()) out += ',';
        out += "{\"name\":";
        append_json_string(out, spec.name);
        out += fmt::format(",\"datatype\":\"{}\",\"shape\":{}}}", to_string(spec.type),
                           spec.shape ? format_shape(*spec.shape) : "[-1]");
    }
    out += ']';
}

unsigned status_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument:
        case ErrorCode::failed_precondition:
        case ErrorCode::out_of_range:
            return 400;
        case ErrorCode::unauthenticated:
            return 401;
        case ErrorCode::permission_denied:
            return 403;
        case ErrorCode::not_found:
            return 404;
        case ErrorCode::resource_exhausted:
            return 429;
        case ErrorCode::unimplemented:
            return 501;
        case ErrorCode::unavailable:
            return 503;
        case ErrorCode::deadline_exceeded:
            return 504;
        default:
            return 500;
    }
}

}  // namespace

InferRequest parse_infer_request(std::string_view body, std::string_view json_bytes) {
    std::string_view json = body, binary;
    if (!json_bytes.empty()) {
        auto length = parse_int(json_bytes);
        if (!length || *length < 0 || static_cast<std::size_t>(*length) > body.size())
            fail(ErrorCode::invalid_argument, "{}: expected 0 to {} (the body's bytes), got \"{}\"",
                 kHeaderLength, body.size(), json_bytes);
        json = body.substr(0, static_cast<std::size_t>(*length));
        binary = body.substr(json.size());
    }
    InferRequest request;
    std::vector<std::pair<std::size_t, std::size_t>> in_binary;  // input, bytes
    bool has_inputs = false;
    JsonCursor cursor(json);
    cursor.object([&](std::string_view key) {
        if (key == "id") {
            request.id = cursor.string();
        } else if (key == "inputs") {
            has_inputs = true;
            cursor.array([&] {
                InputReader reader;
                reader.read(cursor);
                if (reader.binary_bytes)
                    in_binary.emplace_back(request.inputs.size(), *reader.binary_bytes);
                request.inputs.push_back(std::move(reader.tensor));
            });
        } else if (key == "outputs") {
            cursor.array([&] { request.outputs.push_back(read_output(cursor)); });
        } else if (key == "parameters") {
            cursor.object([&](std::string_view parameter) {
                if (parameter == "binary_data_output")
                    request.binary_output = read_bool(cursor, parameter);
                else
                    cursor.value();
            });
        } else {
            cursor.value();
        }
    });
    cursor.expect_end();
    if (!has_inputs) fail(ErrorCode::invalid_argument, "inputs is missing");
    for (auto [input, bytes] : in_binary) {
        auto& tensor = request.inputs[input];
        if (bytes > binary.size())
            fail(ErrorCode::invalid_argument,
                 "input {}: binary_data_size is {}, but {} bytes are left after the JSON ({} says "
                 "where that ends)",
                 tensor.name, bytes, binary.size(), kHeaderLength);
        take_binary(tensor, binary.substr(0, bytes));
        binary.remove_prefix(bytes);
    }
    if (!binary.empty())
        fail(ErrorCode::invalid_argument, "{} bytes are left after the last input", binary.size());
    return request;
}

net::Response write_infer_response(const InferRequest& request, std::string_view model,
                                   std::string_view version, const Prediction& prediction) {
    auto is_binary = [&](const TensorView& tensor) {
        for (const auto& output : request.outputs)
            if (output.name == tensor.name) return output.binary.value_or(request.binary_output);
        return request.binary_output;
    };
    std::string out = "{\"model_name\":";
    append_json_string(out, model);
    out += ",\"model_version\":";
    append_json_string(out, version);
    if (request.id) {
        out += ",\"id\":";
        append_json_string(out, *request.id);
    }
    out += ",\"outputs\":[";
    std::size_t binary_bytes = 0;
    for (const auto& tensor : prediction.tensors) {
        if (&tensor != &prediction.tensors.front()) out += ',';
        out += "{\"name\":";
        append_json_string(out, tensor.name);
        fmt::format_to(std::back_inserter(out), ",\"shape\":[{}],\"datatype\":\"{}\",",
                       fmt::join(tensor.shape, ","), to_string(tensor.type));
        if (is_binary(tensor)) {
            auto size = binary_size(tensor);
            fmt::format_to(std::back_inserter(out), "\"parameters\":{{\"binary_data_size\":{}}}}}",
                           size);
            binary_bytes += size;
        } else {
            out += "\"data\":";
            append_flat(out, tensor);
            out += '}';
        }
    }
    out += "]}";
    auto json_bytes = out.size();
    out.reserve(json_bytes + binary_bytes);
    bool any_binary = false;
    for (const auto& tensor : prediction.tensors) {
        if (!is_binary(tensor)) continue;
        any_binary = true;
        append_binary(out, tensor);
    }
    auto response = net::Response::json(std::move(out));
    if (any_binary) {
        response.headers.set("Content-Type", "application/octet-stream");
        response.headers.set(kHeaderLength, std::to_string(json_bytes));
    }
    return response;
}

std::string write_metadata(std::string_view model, std::string_view version,
                           const ModelDescription& description) {
    std::string out = "{\"name\":";
    append_json_string(out, model);
    out += ",\"versions\":[";
    append_json_string(out, version);
    out += "],\"platform\":";
    append_json_string(out, description.platform);
    out += ",\"inputs\":";
    append_specs(out, description.inputs);
    out += ",\"outputs\":";
    append_specs(out, description.outputs);
    out += '}';
    return out;
}

net::Response write_open_inference_error(const Error& error) {
    return net::Response::json("{\"error\":" + json_string(error.message()) + "}",
                               status_of(error.code()));
}

}  // namespace maru::serving
