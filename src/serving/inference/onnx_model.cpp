#include "serving/inference/onnx_model.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/log.hpp"
#include "serving/inference/onnx_runtime.hpp"
#include "serving/inference/scoring.hpp"

namespace maru::serving {

namespace {

using ort::check;

/// One environment for the process; ONNX Runtime's own warnings come out through our log.
OrtEnv* environment() {
    static OrtEnv* const made = [] {
        OrtEnv* env = nullptr;
        auto log = [](void*, OrtLoggingLevel level, const char*, const char*, const char*,
                      const char* message) {
            log::write(level >= ORT_LOGGING_LEVEL_ERROR ? log::Level::error : log::Level::warning,
                       message);
        };
        check(ort::api().CreateEnvWithCustomLogger(log, nullptr, ORT_LOGGING_LEVEL_WARNING, "maru",
                                                   &env),
              "ONNX Runtime", true);
        return env;
    }();
    return made;
}

struct OnnxPrediction final : Prediction {
    std::vector<ort::Value> values;
    std::vector<StringList> strings;
};

class OnnxModel final : public Model {
  public:
    explicit OnnxModel(const OnnxOptions& options) : signature_columns_(options.signature_columns) {
        const auto& api = ort::load_api(options.library);
        ort::SessionOptions session_options;
        check(api.CreateSessionOptions(session_options.out()), "session options", true);
        auto* raw = session_options.get();
        check(api.SetSessionGraphOptimizationLevel(raw, ORT_ENABLE_ALL), "session options", true);
        check(api.SetIntraOpNumThreads(raw, options.threads), "session options", true);
        check(api.SetInterOpNumThreads(raw, 1), "session options", true);
        check(api.SetSessionExecutionMode(raw, ORT_SEQUENTIAL), "session options", true);
        // Replicas share cores: a thread that spins while it waits takes them from the others.
        check(api.AddSessionConfigEntry(raw, "session.intra_op.allow_spinning", "0"),
              "session options", true);
        check(api.AddSessionConfigEntry(raw, "session.inter_op.allow_spinning", "0"),
              "session options", true);
        check(api.CreateSession(environment(), options.model.c_str(), raw, session_.out()),
              options.model.string(), true);
        check(api.CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, memory_.out()),
              "memory", true);
        read_ports(true, input_names_, description_.inputs);
        read_ports(false, output_names_, description_.outputs);
        description_.platform = "onnxruntime_onnx";
    }

    ModelDescription describe() const override { return description_; }
    std::string why_not_ready() const override { return ""; }

    std::unique_ptr<Prediction> predict(std::vector<Tensor>& inputs,
                                        const std::vector<std::string>& wanted) override {
        return run(inputs, wanted, false);
    }

    net::Response invocations(const net::Request& request) override {
        auto input = parse_scoring(request.body, request.headers.get("Content-Type"));
        auto tensors = scoring_tensors(input, description_.inputs, signature_columns_);
        return write_predictions(input, *run(tensors, {}, true));
    }

  private:
    void read_ports(bool inputs, std::vector<std::string>& names, std::vector<TensorSpec>& specs) {
        const auto& api = ort::api();
        OrtAllocator* allocator = nullptr;
        check(api.GetAllocatorWithDefaultOptions(&allocator), "allocator", true);
        std::size_t count = 0;
        check(inputs ? api.SessionGetInputCount(session_.get(), &count)
                     : api.SessionGetOutputCount(session_.get(), &count),
              "model", true);
        for (std::size_t i = 0; i < count; ++i) {
            char* name = nullptr;
            check(inputs ? api.SessionGetInputName(session_.get(), i, allocator, &name)
                         : api.SessionGetOutputName(session_.get(), i, allocator, &name),
                  "model", true);
            names.emplace_back(name);
            check(api.AllocatorFree(allocator, name), "allocator", true);
            ort::TypeInfo type;
            check(inputs ? api.SessionGetInputTypeInfo(session_.get(), i, type.out())
                         : api.SessionGetOutputTypeInfo(session_.get(), i, type.out()),
                  names.back(), true);
            auto spec = read_spec(names.back(), *type.get());
            if (!spec && inputs)
                fail(ErrorCode::failed_precondition,
                     "the model's input {} is not a tensor of numbers or strings, which is all "
                     "that can be sent",
                     names.back());
            if (!inputs) output_is_tensor_.push_back(spec.has_value());
            if (spec) specs.push_back(std::move(*spec));
        }
    }

    static std::optional<TensorSpec> read_spec(const std::string& name, const OrtTypeInfo& type) {
        const auto& api = ort::api();
        const OrtTensorTypeAndShapeInfo* info = nullptr;
        check(api.CastTypeInfoToTensorInfo(&type, &info), name, true);
        if (info == nullptr) return std::nullopt;
        ONNXTensorElementDataType element{};
        check(api.GetTensorElementType(info, &element), name, true);
        auto own = ort::data_type_of(element);
        if (!own) return std::nullopt;
        std::size_t rank = 0;
        check(api.GetDimensionsCount(info, &rank), name, true);
        std::vector<std::int64_t> shape(rank);
        check(api.GetDimensions(info, shape.data(), rank), name, true);
        return TensorSpec{name, *own, std::move(shape)};
    }

    /// Finds each input's tensor, in the session's order.
    std::vector<Tensor*> match(std::vector<Tensor>& inputs) const {
        const auto& specs = description_.inputs;
        std::vector<Tensor*> ordered(specs.size(), nullptr);
        for (auto& tensor : inputs) {
            auto spec = std::find_if(specs.begin(), specs.end(),
                                     [&](auto& s) { return s.name == tensor.name; });
            if (spec == specs.end())
                fail(ErrorCode::invalid_argument,
                     "the model has no input \"{}\"; its inputs are {}", tensor.name,
                     fmt::join(maru::serving::input_names(specs), ", "));
            auto& place = ordered[static_cast<std::size_t>(spec - specs.begin())];
            if (place != nullptr)
                fail(ErrorCode::invalid_argument, "the input \"{}\" was sent twice", tensor.name);
            check_fits(*spec, tensor.type, tensor.shape);
            place = &tensor;
        }
        for (std::size_t i = 0; i < ordered.size(); ++i)
            if (ordered[i] == nullptr)
                fail(ErrorCode::invalid_argument, "the input \"{}\" ({}, shape {}) is missing",
                     specs[i].name, to_string(specs[i].type), format_shape(*specs[i].shape));
        return ordered;
    }

    std::vector<std::size_t> choose(const std::vector<std::string>& wanted, bool lists) const {
        std::vector<std::size_t> chosen;
        for (const auto& name : wanted) {
            auto found = std::find(output_names_.begin(), output_names_.end(), name);
            if (found == output_names_.end())
                fail(ErrorCode::invalid_argument,
                     "the model has no output \"{}\"; its outputs are {}", name,
                     fmt::join(output_names_, ", "));
            auto index = static_cast<std::size_t>(found - output_names_.begin());
            if (!output_is_tensor_[index])
                fail(ErrorCode::unimplemented,
                     "the output \"{}\" is no tensor; only POST /invocations can answer it", name);
            chosen.push_back(index);
        }
        if (wanted.empty())
            for (std::size_t i = 0; i < output_names_.size(); ++i)
                if (lists || output_is_tensor_[i]) chosen.push_back(i);
        return chosen;
    }

    std::unique_ptr<Prediction> run(std::vector<Tensor>& inputs,
                                    const std::vector<std::string>& wanted, bool lists) {
        auto ordered = match(inputs);
        auto chosen = choose(wanted, lists);
        std::vector<ort::Value> values;
        std::vector<const OrtValue*> raw_inputs;
        std::vector<const char*> in_names, out_names;
        for (std::size_t i = 0; i < ordered.size(); ++i) {
            values.push_back(ort::make_value(memory_, *ordered[i]));
            raw_inputs.push_back(values.back().get());
            in_names.push_back(input_names_[i].c_str());
        }
        for (auto index : chosen) out_names.push_back(output_names_[index].c_str());
        std::vector<OrtValue*> raw_outputs(chosen.size(), nullptr);
        check(ort::api().Run(session_.get(), nullptr, in_names.data(), raw_inputs.data(),
                             raw_inputs.size(), out_names.data(), out_names.size(),
                             raw_outputs.data()),
              "the model could not be run");
        auto prediction = std::make_unique<OnnxPrediction>();
        prediction->strings.resize(chosen.size());
        for (auto* output : raw_outputs) prediction->values.emplace_back(output);
        for (std::size_t i = 0; i < chosen.size(); ++i) {
            const auto& name = output_names_[chosen[i]];
            if (output_is_tensor_[chosen[i]])
                prediction->tensors.push_back(
                    ort::view_value(name, *raw_outputs[i], prediction->strings[i]));
            else
                prediction->lists.emplace_back(name, ort::sequence_json(name, *raw_outputs[i]));
        }
        return prediction;
    }

    std::vector<std::string> signature_columns_;
    ort::Session session_;
    ort::MemoryInfo memory_;
    std::vector<std::string> input_names_, output_names_;
    std::vector<bool> output_is_tensor_;
    ModelDescription description_;
};

}  // namespace

std::unique_ptr<Model> load_onnx_model(const OnnxOptions& options) {
    return std::make_unique<OnnxModel>(options);
}

}  // namespace maru::serving
