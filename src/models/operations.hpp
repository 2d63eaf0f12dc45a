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

}  // namespace maru::models
