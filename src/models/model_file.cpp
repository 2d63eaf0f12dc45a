#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>

#include "base/error.hpp"
#include "base/json.hpp"
#include "models/service.hpp"

namespace maru::models {
namespace {

constexpr int kDepthMax = 60;

bool is_json_number(std::string_view text) {
    if (text.empty() || text.find_first_not_of("0123456789+-.eE") != std::string_view::npos)
        return false;
    double number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() && text.back() != '.' &&
           text[0] != '.' &&
           !(text.size() > 1 && text[0] == '0' && text[1] != '.' && text[1] != 'e' &&
             text[1] != 'E');
}

/// YAML as JSON; plain scalars that look like numbers, booleans or null become those.
void append_json(std::string& out, const YAML::Node& node, int depth) {
    if (depth > kDepthMax) fail(ErrorCode::invalid_argument, "the MLmodel file nests too deep");
    switch (node.Type()) {
        case YAML::NodeType::Map: {
            out += '{';
            for (const auto& entry : node) {
                if (out.back() != '{') out += ',';
                append_json_string(out, entry.first.IsScalar() ? entry.first.Scalar() : "");
                out += ':';
                append_json(out, entry.second, depth + 1);
            }
            out += '}';
            return;
        }
        case YAML::NodeType::Sequence: {
            out += '[';
            for (const auto& entry : node) {
                if (out.back() != '[') out += ',';
                append_json(out, entry, depth + 1);
            }
            out += ']';
            return;
        }
        case YAML::NodeType::Scalar: {
            const std::string& text = node.Scalar();
            bool plain = node.Tag() == "?";
            if (plain && (text == "true" || text == "false" || is_json_number(text)))
                out += text[0] == '+' ? text.substr(1) : text;
            else
                append_json_string(out, text);
            return;
        }
        default:
            out += "null";
    }
}

Json to_json_value(const YAML::Node& node) {
    Json json;
    append_json(json.text, node, 0);
    return json;
}

std::optional<std::string> text_of(const YAML::Node& parent, const char* name) {
    if (!parent.IsMap()) return std::nullopt;
    YAML::Node node = parent[name];
    return node && node.IsScalar() ? std::optional(node.Scalar()) : std::nullopt;
}

/// MLmodel holds the signature's parts as JSON in strings.
std::optional<Json> signature_of(const YAML::Node& node) {
    if (!node || !node.IsMap()) return std::nullopt;
    std::string text = "{";
    for (const char* part : {"inputs", "outputs", "params"}) {
        auto json = text_of(node, part);
        if (!json || *json == "null") continue;
        check_json(*json);
        if (text.size() > 1) text += ',';
        text += json_string(part) + ":" + *json;
    }
    return Json{text + "}"};
}

}  // namespace

ModelFile parse_model_file(std::string_view yaml) {
    try {
        YAML::Node root = YAML::Load(std::string(yaml));
        if (!root.IsMap())
            fail(ErrorCode::invalid_argument, "the MLmodel file is not a YAML mapping");
        ModelFile file;
        if (YAML::Node flavors = root["flavors"]; flavors && flavors.IsMap())
            for (const auto& flavor : flavors)
                file.flavors[flavor.first.Scalar()] = to_json_value(flavor.second);
        file.signature = signature_of(root["signature"]);
        if (YAML::Node example = root["saved_input_example_info"]; example && example.IsMap()) {
            file.input_example_path = text_of(example, "artifact_path");
            file.serving_input_path = text_of(example, "serving_input_path");
        }
        file.model_uuid = text_of(root, "model_uuid");
        file.mlflow_version = text_of(root, "mlflow_version");
        return file;
    } catch (const YAML::Exception& error) {
        fail(ErrorCode::invalid_argument, "the MLmodel file is not valid YAML: {}", error.what());
    }
}

}  // namespace maru::models
