#include <array>
#include <boost/json/value.hpp>
#include <span>

#include "base/json.hpp"
#include "base/text.hpp"
#include "traces/spans/json_text.hpp"
#include "traces/spans/span.hpp"

namespace maru::traces::spans {

namespace json = boost::json;

namespace {

using Names = std::span<const std::string_view>;

struct TypeName {
    std::string_view kind, type;
};

/// How one convention of OpenTelemetry for language models names what MLflow has names of its own
/// for.
struct Convention {
    std::string_view kind_key;
    std::span<const TypeName> types;
    std::string_view input_tokens, output_tokens, total_tokens;
    Names cache_read, cache_creation, inputs, outputs, models, providers, tools;
};

constexpr TypeName kOpenInferenceTypes[] = {
    {"TOOL", "TOOL"},           {"CHAIN", "CHAIN"},         {"LLM", "LLM"},
    {"RETRIEVER", "RETRIEVER"}, {"EMBEDDING", "EMBEDDING"}, {"AGENT", "AGENT"},
    {"RERANKER", "RERANKER"},   {"GUARDRAIL", "GUARDRAIL"}, {"EVALUATOR", "EVALUATOR"}};
constexpr TypeName kGenAiTypes[] = {{"chat", "CHAT_MODEL"},      {"create_agent", "AGENT"},
                                    {"embeddings", "EMBEDDING"}, {"execute_tool", "TOOL"},
                                    {"generate_content", "LLM"}, {"invoke_agent", "AGENT"},
                                    {"text_completion", "LLM"},  {"response", "LLM"}};
constexpr TypeName kTraceloopTypes[] = {
    {"workflow", "WORKFLOW"}, {"task", "TASK"}, {"agent", "AGENT"}, {"tool", "TOOL"}};
constexpr TypeName kVercelTypes[] = {{"ai.generateText", "LLM"},
                                     {"ai.generateText.doGenerate", "LLM"},
                                     {"ai.toolCall", "TOOL"},
                                     {"ai.streamText", "LLM"},
                                     {"ai.streamText.doStream", "LLM"},
                                     {"ai.generateObject", "LLM"},
                                     {"ai.generateObject.doGenerate", "LLM"},
                                     {"ai.streamObject", "LLM"},
                                     {"ai.streamObject.doStream", "LLM"},
                                     {"ai.embed", "EMBEDDING"},
                                     {"ai.embed.doEmbed", "EMBEDDING"},
                                     {"ai.embedMany", "EMBEDDING"}};

constexpr std::string_view kInferenceCacheRead[] = {"llm.token_count.prompt_details.cache_read"};
constexpr std::string_view kInferenceCacheWrite[] = {"llm.token_count.prompt_details.cache_write"};
constexpr std::string_view kInferenceInputs[] = {"input.value"};
constexpr std::string_view kInferenceOutputs[] = {"output.value"};
constexpr std::string_view kInferenceModels[] = {"llm.response.model_name", "llm.model_name",
                                                 "llm.request.model_name", "embedding.model_name"};
constexpr std::string_view kInferenceProviders[] = {"llm.provider"};
constexpr std::string_view kGenAiCacheRead[] = {"gen_ai.usage.cache_read.input_tokens"};
constexpr std::string_view kGenAiCacheWrite[] = {"gen_ai.usage.cache_write.input_tokens",
                                                 "gen_ai.usage.cache_creation.input_tokens"};
constexpr std::string_view kGenAiInputs[] = {"gen_ai.input.messages", "gen_ai.tool.call.arguments"};
constexpr std::string_view kGenAiOutputs[] = {"gen_ai.output.messages", "gen_ai.tool.call.result"};
constexpr std::string_view kGenAiModels[] = {"gen_ai.response.model", "gen_ai.request.model"};
constexpr std::string_view kGenAiProviders[] = {"gen_ai.provider.name", "gen_ai.system"};
constexpr std::string_view kGenAiTools[] = {"gen_ai.tool.definitions"};
constexpr std::string_view kTraceloopInputs[] = {"traceloop.entity.input",
                                                 "gen_ai.prompt.0.content"};
constexpr std::string_view kTraceloopOutputs[] = {"traceloop.entity.output",
                                                  "gen_ai.completion.0.content"};
constexpr std::string_view kVercelInputs[] = {"ai.prompt", "ai.prompt.messages", "ai.toolCall.args",
                                              "ai.value", "ai.values"};
constexpr std::string_view kVercelOutputs[] = {"ai.response.text", "ai.toolCall.result",
                                               "ai.response.object", "ai.embedding",
                                               "ai.embeddings"};
constexpr std::string_view kVercelModels[] = {"ai.model.id"};
constexpr std::string_view kVercelProviders[] = {"ai.model.provider"};

const std::array<Convention, 4> kConventions{{
    {.kind_key = "openinference.span.kind",
     .types = kOpenInferenceTypes,
     .input_tokens = "llm.token_count.prompt",
     .output_tokens = "llm.token_count.completion",
     .total_tokens = "llm.token_count.total",
     .cache_read = kInferenceCacheRead,
     .cache_creation = kInferenceCacheWrite,
     .inputs = kInferenceInputs,
     .outputs = kInferenceOutputs,
     .models = kInferenceModels,
     .providers = kInferenceProviders,
     .tools = {}},
    {.kind_key = "gen_ai.operation.name",
     .types = kGenAiTypes,
     .input_tokens = "gen_ai.usage.input_tokens",
     .output_tokens = "gen_ai.usage.output_tokens",
     .total_tokens = "",
     .cache_read = kGenAiCacheRead,
     .cache_creation = kGenAiCacheWrite,
     .inputs = kGenAiInputs,
     .outputs = kGenAiOutputs,
     .models = kGenAiModels,
     .providers = kGenAiProviders,
     .tools = kGenAiTools},
    {.kind_key = "traceloop.span.kind",
     .types = kTraceloopTypes,
     .input_tokens = "gen_ai.usage.prompt_tokens",
     .output_tokens = "gen_ai.usage.completion_tokens",
     .total_tokens = "llm.usage.total_tokens",
     .cache_read = {},
     .cache_creation = {},
     .inputs = kTraceloopInputs,
     .outputs = kTraceloopOutputs,
     .models = {},
     .providers = {},
     .tools = {}},
    {.kind_key = "ai.operationId",
     .types = kVercelTypes,
     .input_tokens = "ai.usage.promptTokens",
     .output_tokens = "ai.usage.completionTokens",
     .total_tokens = "",
     .cache_read = {},
     .cache_creation = {},
     .inputs = kVercelInputs,
     .outputs = kVercelOutputs,
     .models = kVercelModels,
     .providers = kVercelProviders,
     .tools = {}},
}};

/// The attribute's JSON; of a text that holds JSON itself, as these conventions have it, that.
std::optional<std::string> content(const Span& span, Names keys) {
    for (std::string_view key : keys) {
        const std::string* found = span.attribute(key);
        if (found == nullptr || *found == "null" || *found == "\"\"" || *found == "{}" ||
            *found == "[]")
            continue;
        if (auto text = span.text(key)) {
            auto trimmed = trim(*text);
            if (trimmed.starts_with('{') || trimmed.starts_with('[')) {
                boost::system::error_code error;
                auto value = parse_value(trimmed, error);
                if (!error) return dump(value);
            }
        }
        return *found;
    }
    return std::nullopt;
}

std::optional<std::int64_t> count(const Span& span, std::string_view key) {
    const std::string* found = key.empty() ? nullptr : span.attribute(key);
    if (found == nullptr) return std::nullopt;
    if (auto text = span.text(key)) return parse_int(*text);
    return parse_int(*found);
}

std::optional<std::int64_t> count(const Span& span, Names keys) {
    for (std::string_view key : keys)
        if (auto found = count(span, key)) return found;
    return std::nullopt;
}

std::optional<std::string> usage(const Span& span) {
    for (const Convention& convention : kConventions) {
        auto input = count(span, convention.input_tokens);
        auto output = count(span, convention.output_tokens);
        auto total = count(span, convention.total_tokens);
        if (!input && !output && !total) continue;
        if (!total && input && output) total = *input + *output;
        json::object object;
        if (input) object["input_tokens"] = *input;
        if (output) object["output_tokens"] = *output;
        if (total) object["total_tokens"] = *total;
        if (auto read = count(span, convention.cache_read))
            object["cache_read_input_tokens"] = *read;
        if (auto written = count(span, convention.cache_creation))
            object["cache_creation_input_tokens"] = *written;
        return dump(object);
    }
    return std::nullopt;
}

void apply_type(Span& span) {
    if (span.type() != "UNKNOWN") return;
    for (const Convention& convention : kConventions) {
        auto kind = span.text(convention.kind_key);
        if (!kind) continue;
        for (const auto& known : convention.types)
            if (known.kind == *kind) return span.set(kType, json_string(known.type));
    }
}

void apply_first(Span& span, std::string_view key, Names Convention::* names) {
    if (span.attribute(key) != nullptr) return;
    for (const Convention& convention : kConventions)
        if (auto found = content(span, convention.*names)) return span.set(key, std::move(*found));
}

/// A model that stands in what was asked or answered: {"model": "..."}.
void apply_model_of_messages(Span& span) {
    for (std::string_view key : {kInputs, kOutputs}) {
        const std::string* found = span.attribute(key);
        if (span.attribute(kModel) != nullptr || found == nullptr || !found->starts_with('{'))
            continue;
        boost::system::error_code error;
        auto value = parse_value(*found, error);
        if (error || !value.is_object()) continue;
        const auto* model = value.get_object().if_contains("model");
        if (model != nullptr && model->is_string() && !model->get_string().empty())
            span.set(kModel, dump(*model));
    }
}

bool is_message(const json::value& value) {
    return value.is_object() && value.get_object().contains("role") &&
           value.get_object().contains("content");
}

const json::array* messages_in(const json::value& value, int depth = 0) {
    if (!value.is_object() || depth > 3) return nullptr;
    const auto& object = value.get_object();
    for (const char* key : {"messages", "input", "output"})
        if (const auto* list = object.if_contains(key); list != nullptr && list->is_array())
            return &list->get_array();
    if (const auto* request = object.if_contains("request"))
        return messages_in(*request, depth + 1);
    return nullptr;
}

std::string text_of_message(const json::value& message) {
    const auto& content = message.get_object().at("content");
    if (content.is_string()) return std::string(view(content.get_string()));
    if (!content.is_array()) return "";
    for (const auto& part : content.get_array()) {
        if (part.is_string()) return std::string(view(part.get_string()));
        if (!part.is_object()) continue;
        const auto* text = part.get_object().if_contains("text");
        if (text != nullptr && text->is_string()) return std::string(view(text->get_string()));
    }
    return "";
}

/// The last message of a role in a chat as OpenAI's interfaces have it, or its last message.
std::string last_message(const json::value& value, std::string_view role) {
    if (value.is_object()) {
        const auto* choices = value.get_object().if_contains("choices");
        if (choices != nullptr && choices->is_array() && !choices->get_array().empty()) {
            const auto& first = choices->get_array().front();
            const auto* message =
                first.is_object() ? first.get_object().if_contains("message") : nullptr;
            if (message != nullptr && is_message(*message)) return text_of_message(*message);
        }
    }
    const auto* messages = messages_in(value);
    if (messages == nullptr) return "";
    const json::value* last = nullptr;
    for (const auto& message : *messages) {
        if (!is_message(message)) continue;
        const auto& said_by = message.get_object().at("role");
        bool wanted = said_by.is_string() && view(said_by.get_string()) == role;
        bool had = last != nullptr && last->get_object().at("role").is_string() &&
                   view(last->get_object().at("role").get_string()) == role;
        if (wanted || !had) last = &message;
    }
    return last == nullptr ? "" : text_of_message(*last);
}

/// At most so many characters, cut between two of them.
std::string shortened(std::string text) {
    constexpr std::size_t kCharactersMax = 1000;
    std::size_t characters = 0, cut = text.size();
    for (std::size_t i = 0; i < text.size(); ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xc0) == 0x80) continue;
        if (++characters == kCharactersMax - 2) cut = i;
        if (characters > kCharactersMax) return text.substr(0, cut) + "...";
    }
    return text;
}

}  // namespace

void apply_conventions(Span& span) {
    apply_type(span);
    apply_first(span, kInputs, &Convention::inputs);
    apply_first(span, kOutputs, &Convention::outputs);
    if (span.attribute(kUsage) == nullptr)
        if (auto found = usage(span)) span.set(kUsage, std::move(*found));
    apply_first(span, kTools, &Convention::tools);
    apply_first(span, kModel, &Convention::models);
    apply_model_of_messages(span);
    apply_first(span, kProvider, &Convention::providers);
}

std::string preview(std::string_view text, std::string_view role) {
    boost::system::error_code error;
    auto value = parse_value(text, error);
    if (!error)
        if (auto message = last_message(value, role); !message.empty())
            return shortened(std::move(message));
    return shortened(std::string(text));
}

}  // namespace maru::traces::spans
