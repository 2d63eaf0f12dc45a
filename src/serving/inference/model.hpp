#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http.hpp"
#include "serving/inference/tensor.hpp"

namespace maru::serving {

/// What a model says of itself.
struct ModelDescription {
    std::string platform;  // "onnxruntime_onnx", "mlflow_pyfunc"
    std::vector<TensorSpec> inputs;
    std::vector<TensorSpec> outputs;
};

/// What a model answered. Lifetime: the views live as long as this object, which owns (or keeps
/// alive) the memory they point to; nothing is copied out of the runtime before it is written to
/// the response.
class Prediction {
  public:
    virtual ~Prediction() = default;
    std::vector<TensorView> tensors;
    /// Outputs that are no tensors but lists (of maps, as classifiers give), each element as JSON;
    /// only MLflow's scoring can answer them.
    std::vector<std::pair<std::string, std::vector<std::string>>> lists;
};

/// A loaded model behind one of the backends.
///
/// Threads: all functions from any thread. Errors: invalid_argument for a request that doesn't fit
/// the model, unavailable while a worker restarts, internal where the model's own code fails.
class Model {
  public:
    virtual ~Model() = default;
    /// Known once the model is ready.
    virtual ModelDescription describe() const = 0;
    /// Nothing if it can answer; else why not ("the model is being loaded").
    virtual std::string why_not_ready() const = 0;
    /// Runs the model. `wanted`: names of the outputs to compute; empty: all.
    virtual std::unique_ptr<Prediction> predict(std::vector<Tensor>& inputs,
                                                const std::vector<std::string>& wanted) = 0;
    /// Answers MLflow's POST /invocations. Throws for what write_scoring_error makes an answer of.
    virtual net::Response invocations(const net::Request& request) = 0;
};

}  // namespace maru::serving
