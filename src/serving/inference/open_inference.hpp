#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "net/http.hpp"
#include "serving/inference/model.hpp"

namespace maru::serving {

/// A request of the Open Inference Protocol v2 (KServe), Triton's binary tensors included.
///
/// Lifetime: not longer than the body it was parsed from; binary tensors are views of it where
/// alignment allows.
struct InferRequest {
    struct Output {
        std::string name;
        std::optional<bool> binary;
    };
    std::optional<std::string> id;
    std::vector<Tensor> inputs;
    std::vector<Output> outputs;  // empty: all
    bool binary_output = false;   // for outputs that don't say
};

/// Parses POST .../infer. `json_bytes`: value of Inference-Header-Content-Length, empty if there is
/// none. Throws invalid_argument that says what is wrong with which input.
InferRequest parse_infer_request(std::string_view body, std::string_view json_bytes);

/// Writes the answer, its outputs in the form that the request asks for.
net::Response write_infer_response(const InferRequest& request, std::string_view model,
                                   std::string_view version, const Prediction& prediction);

/// GET v2/models/NAME.
std::string write_metadata(std::string_view model, std::string_view version,
                           const ModelDescription& description);

/// {"error": "..."} with the status of an Error's code.
net::Response write_open_inference_error(const Error& error);

}  // namespace maru::serving
