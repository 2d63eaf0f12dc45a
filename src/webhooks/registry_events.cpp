#include "base/json.hpp"
#include "base/text.hpp"
#include "webhooks/service.hpp"

/// What happens in the registry, in the shapes of MLflow. Its prompts are models and versions with
/// a tag, and have events of their own.
namespace maru::webhooks {
namespace {

using Kind = models::RegistryEvent::Kind;
using Tags = std::map<std::string, std::string>;

constexpr const char* kPromptTag = "mlflow.prompt.is_prompt";
constexpr const char* kPromptText = "mlflow.prompt.text";
constexpr const char* kPromptType = "_mlflow_prompt_type";

struct ModelCreated {
    std::string name;
    Tags tags;
    std::string description;
};
BOOST_DESCRIBE_STRUCT(ModelCreated, (), (name, tags, description))

struct VersionCreated {
    std::string name, version, source;
    std::optional<std::string> run_id;
    Tags tags;
    std::optional<std::string> description;
};
BOOST_DESCRIBE_STRUCT(VersionCreated, (), (name, version, source, run_id, tags, description))

/// What a tag or an alias is about; what an event does not have is left out.
struct Detail {
    std::string name;
    std::optional<std::string> alias, version, key, value;
};
BOOST_DESCRIBE_STRUCT(Detail, (), (name, alias, version, key, value))

bool is_prompt(const Tags& tags) {
    auto tag = tags.find(kPromptTag);
    return tag != tags.end() && to_lower(tag->second) == "true";
}

std::optional<std::string> unless_empty(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
}

/// Takes out the tags that make a prompt of a model.
Tags without_marks(Tags tags) {
    tags.erase(kPromptTag);
    tags.erase(kPromptType);
    return tags;
}

std::string describe_version(const models::ModelVersion& made, bool prompt) {
    std::string version = std::to_string(made.version);
    auto description = unless_empty(made.description);
    if (!prompt)
        return to_json(VersionCreated{made.model, version, made.source,
                                      made.run_id ? unless_empty(*made.run_id) : std::nullopt,
                                      made.tags, description});
    Tags tags = without_marks(made.tags);
    std::string text = "null";
    if (auto tag = tags.find(kPromptText); tag != tags.end()) {
        text = json_string(tag->second);
        tags.erase(tag);
    }
    return fmt::format(R"({{"name":{},"version":"{}","template":{},"tags":{},"description":{}}})",
                       json_string(made.model), version, text, to_json(tags),
                       description ? json_string(*description) : "null");
}

/// The event's name; empty for what MLflow has none for.
std::string_view name_of(Kind kind, bool prompt) {
    switch (kind) {
        case Kind::model_created:
            return prompt ? "prompt.created" : "registered_model.created";
        case Kind::version_created:
            return prompt ? "prompt_version.created" : "model_version.created";
        case Kind::model_tag_set:
            return prompt ? "prompt_tag.set" : "";
        case Kind::model_tag_deleted:
            return prompt ? "prompt_tag.deleted" : "";
        case Kind::version_tag_set:
            return prompt ? "prompt_version_tag.set" : "model_version_tag.set";
        case Kind::version_tag_deleted:
            return prompt ? "prompt_version_tag.deleted" : "model_version_tag.deleted";
        case Kind::alias_set:
            return prompt ? "prompt_alias.created" : "model_version_alias.created";
        case Kind::alias_deleted:
            return prompt ? "prompt_alias.deleted" : "model_version_alias.deleted";
    }
    return "";
}

std::string data_of(const models::RegistryEvent& event, bool prompt) {
    const models::Model& model = event.model;
    Detail detail{.name = model.name};
    if (event.version != 0) detail.version = std::to_string(event.version);
    switch (event.kind) {
        case Kind::model_created:
            return to_json(ModelCreated{model.name, prompt ? without_marks(model.tags) : model.tags,
                                        model.description});
        case Kind::version_created:
            return describe_version(*event.created, prompt);
        case Kind::model_tag_set:
        case Kind::version_tag_set:
            detail.value = event.value;
            detail.key = event.key;
            break;
        case Kind::model_tag_deleted:
        case Kind::version_tag_deleted:
            detail.key = event.key;
            break;
        case Kind::alias_set:
        case Kind::alias_deleted:
            detail.alias = event.key;
            break;
    }
    return to_json(detail, {.omit_null = true});
}

}  // namespace

void Service::on_registry(sql::Connection& connection, const models::RegistryEvent& event) {
    bool prompt = is_prompt(event.created ? event.created->tags : event.model.tags);
    auto name = name_of(event.kind, prompt);
    if (!name.empty()) emit(connection, {event.project_id, name, data_of(event, prompt)});
}

}  // namespace maru::webhooks
