#pragma once

#include "api/operation.hpp"
#include "models/types.hpp"

namespace maru::models {

struct ListModels {
    std::string project, page_token;
    std::int64_t page_size = 0;
};
BOOST_DESCRIBE_STRUCT(ListModels, (), (project, page_token, page_size))
inline constexpr api::Operation<ListModels, api::Page<Model>> list_models{
    .id = "models.list",
    .method = api::Method::get,
    .path = "/projects/{project}/models",
    .summary = "List registered models by name",
    .permission = api::Permission::models_read};

struct NameModel {
    std::string project, model;
};
BOOST_DESCRIBE_STRUCT(NameModel, (), (project, model))
inline constexpr api::Operation<NameModel, Model> get_model{
    .id = "models.get",
    .method = api::Method::get,
    .path = "/projects/{project}/models/{model}",
    .summary = "Show one registered model",
    .permission = api::Permission::models_read};
inline constexpr api::Operation<NameModel, api::Nothing> delete_model{
    .id = "models.delete",
    .method = api::Method::delete_,
    .path = "/projects/{project}/models/{model}",
    .summary =
        "Remove a model from the registry with all its versions; the files stay with their runs",
    .permission = api::Permission::models_write};

struct ListVersions {
    std::string project, model, page_token;
    std::int64_t page_size = 0;
};
BOOST_DESCRIBE_STRUCT(ListVersions, (), (project, model, page_token, page_size))
inline constexpr api::Operation<ListVersions, api::Page<ModelVersion>> list_versions{
    .id = "models.versions",
    .method = api::Method::get,
    .path = "/projects/{project}/models/{model}/versions",
    .summary = "List a model's versions, the newest first",
    .permission = api::Permission::models_read};

struct NameVersion {
    std::string project, model;
    std::int64_t version = 0;
};
BOOST_DESCRIBE_STRUCT(NameVersion, (), (project, model, version))
inline constexpr api::Operation<NameVersion, ModelVersion> get_version{
    .id = "models.version",
    .method = api::Method::get,
    .path = "/projects/{project}/models/{model}/versions/{version}",
    .summary = "Show one version of a model",
    .permission = api::Permission::models_read};
inline constexpr api::Operation<NameVersion, api::Nothing> delete_version{
    .id = "models.delete_version",
    .method = api::Method::delete_,
    .path = "/projects/{project}/models/{model}/versions/{version}",
    .summary = "Remove one version of a model; its number is not used again",
    .permission = api::Permission::models_write};

struct SetAlias {
    std::string project, model, alias;
    std::int64_t version = 0;
};
BOOST_DESCRIBE_STRUCT(SetAlias, (), (project, model, alias, version))
MARU_REQUIRED(SetAlias, "version")
inline constexpr api::Operation<SetAlias, Model> set_alias{
    .id = "models.set_alias",
    .method = api::Method::put,
    .path = "/projects/{project}/models/{model}/aliases/{alias}",
    .summary = "Point an alias at a version",
    .permission = api::Permission::models_write};

struct NameAlias {
    std::string project, model, alias;
};
BOOST_DESCRIBE_STRUCT(NameAlias, (), (project, model, alias))
inline constexpr api::Operation<NameAlias, api::Nothing> delete_alias{
    .id = "models.delete_alias",
    .method = api::Method::delete_,
    .path = "/projects/{project}/models/{model}/aliases/{alias}",
    .summary = "Remove an alias",
    .permission = api::Permission::models_write};

inline constexpr api::Operation<NameModel, api::Nothing> remove_model{
    .id = "models.remove",
    .method = api::Method::post,
    .path = "/projects/{project}/models/{model}/remove",
    .summary = "Remove a model with all versions, and the files that nothing else is made of",
    .permission = api::Permission::project_administer};
inline constexpr api::Operation<NameVersion, api::Nothing> remove_version{
    .id = "models.remove_version",
    .method = api::Method::post,
    .path = "/projects/{project}/models/{model}/versions/{version}/remove",
    .summary = "Remove a version, and its files unless something else is made of them",
    .permission = api::Permission::project_administer};

struct CreateModel {
    std::string project, name, description;
    std::map<std::string, std::string> tags;
};
BOOST_DESCRIBE_STRUCT(CreateModel, (), (project, name, description, tags))
MARU_REQUIRED(CreateModel, "name")
inline constexpr api::Operation<CreateModel, Model> create_model{
    .id = "models.create",
    .method = api::Method::post,
    .path = "/projects/{project}/models",
    .summary = "Register a name for a model",
    .permission = api::Permission::models_write};

struct UpdateModel {
    std::string project, model;
    std::optional<std::string> name, description;
};
BOOST_DESCRIBE_STRUCT(UpdateModel, (), (project, model, name, description))
inline constexpr api::Operation<UpdateModel, Model> update_model{
    .id = "models.update",
    .method = api::Method::patch,
    .path = "/projects/{project}/models/{model}",
    .summary = "Rename or describe a model",
    .permission = api::Permission::models_write};

struct CreateVersion {
    std::string project, model, source, description;
    std::map<std::string, std::string> tags;
    bool create_model = false;
};
BOOST_DESCRIBE_STRUCT(CreateVersion, (), (project, model, source, description, tags, create_model))
MARU_REQUIRED(CreateVersion, "source")
inline constexpr api::Operation<CreateVersion, ModelVersion> create_version{
    .id = "models.create_version",
    .method = api::Method::post,
    .path = "/projects/{project}/models/{model}/versions",
    .summary =
        "Register a version of files that are there: runs:/RUN/path, models:/m-ID, "
        "models:/NAME/VERSION; with create_model the name too, if it is new",
    .permission = api::Permission::models_write};

struct UpdateVersion {
    std::string project, model;
    std::int64_t version = 0;
    std::optional<std::string> description, stage;
    bool archive_existing = false;
};
BOOST_DESCRIBE_STRUCT(UpdateVersion, (),
                      (project, model, version, description, stage, archive_existing))
inline constexpr api::Operation<UpdateVersion, ModelVersion> update_version{
    .id = "models.update_version",
    .method = api::Method::patch,
    .path = "/projects/{project}/models/{model}/versions/{version}",
    .summary = "Describe a version, or move it to a stage",
    .permission = api::Permission::models_write};

struct SetTags {
    std::string project, model;
    std::optional<std::int64_t> version;
    std::map<std::string, std::string> set;
    std::vector<std::string> remove;
};
BOOST_DESCRIBE_STRUCT(SetTags, (), (project, model, version, set, remove))
inline constexpr api::Operation<SetTags, Model> set_tags{
    .id = "models.set_tags",
    .method = api::Method::post,
    .path = "/projects/{project}/models/{model}/tags",
    .summary = "Set and remove tags of a model, or of a version of it",
    .permission = api::Permission::models_write};

inline constexpr api::Operation<NameVersion, VersionContents> get_contents{
    .id = "models.contents",
    .method = api::Method::get,
    .path = "/projects/{project}/models/{model}/versions/{version}/contents",
    .summary = "Read what a version's files say: signature, input example, flavors, requirements",
    .permission = api::Permission::models_read};

struct NameCard {
    std::string project, model;
    std::optional<std::int64_t> version;
};
BOOST_DESCRIBE_STRUCT(NameCard, (), (project, model, version))
inline constexpr api::Operation<NameCard, Card> get_card{
    .id = "models.card",
    .method = api::Method::get,
    .path = "/projects/{project}/models/{model}/card",
    .summary = "Read the card of a model, or of a version of it",
    .permission = api::Permission::models_read};

struct SetCard {
    std::string project, model;
    std::optional<std::int64_t> version, revision;
    std::string text;
};
BOOST_DESCRIBE_STRUCT(SetCard, (), (project, model, version, revision, text))
MARU_REQUIRED(SetCard, "text")
inline constexpr api::Operation<SetCard, Card> set_card{
    .id = "models.set_card",
    .method = api::Method::put,
    .path = "/projects/{project}/models/{model}/card",
    .summary =
        "Write the card of a model, or of a version of it; with a revision only if it still "
        "has that",
    .permission = api::Permission::models_write};

struct ListChanges {
    std::string project, model;
    std::optional<std::int64_t> version;
    std::string page_token;
    std::int64_t page_size = 0;
};
BOOST_DESCRIBE_STRUCT(ListChanges, (), (project, model, version, page_token, page_size))
inline constexpr api::Operation<ListChanges, api::Page<Change>> list_changes{
    .id = "models.history",
    .method = api::Method::get,
    .path = "/projects/{project}/models/{model}/history",
    .summary = "List what was changed in a model and its versions, the newest first",
    .permission = api::Permission::models_read};

struct NameChange {
    std::string project, model;
    std::int64_t number = 0;
};
BOOST_DESCRIBE_STRUCT(NameChange, (), (project, model, number))
inline constexpr api::Operation<NameChange, Change> get_change{
    .id = "models.change",
    .method = api::Method::get,
    .path = "/projects/{project}/models/{model}/history/{number}",
    .summary = "Show one change with its texts whole",
    .permission = api::Permission::models_read};

}  // namespace maru::models
