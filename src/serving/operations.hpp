#pragma once

#include <optional>
#include <string>

#include "api/operation.hpp"
#include "compute/types.hpp"
#include "serving/types.hpp"

namespace maru::serving {

struct CreateEndpoint {
    std::string project, name;
    std::string model;  // "NAME/VERSION" or "NAME@ALIAS"
    /// Half a core: most models answer in microseconds, and a small machine must have room to train
    /// the next.
    compute::Resources resources{.cpu_milli = 500, .memory_mib = 2048, .gpus = 0};
    std::int32_t replicas = 1;
};
BOOST_DESCRIBE_STRUCT(CreateEndpoint, (), (project, name, model, resources, replicas))
MARU_REQUIRED(CreateEndpoint, "name", "model")

inline constexpr api::Operation<CreateEndpoint, Endpoint> create_endpoint{
    .id = "endpoints.create",
    .method = api::Method::post,
    .path = "/projects/{project}/endpoints",
    .summary =
        "Serve a model version; with a name in use, replace its model once the new one is ready",
    .permission = api::Permission::endpoints_write};

struct ListEndpoints {
    std::string project, page_token;
    std::int64_t page_size = 0;
};
BOOST_DESCRIBE_STRUCT(ListEndpoints, (), (project, page_token, page_size))

inline constexpr api::Operation<ListEndpoints, api::Page<Endpoint>> list_endpoints{
    .id = "endpoints.list",
    .method = api::Method::get,
    .path = "/projects/{project}/endpoints",
    .summary = "List endpoints by name",
    .permission = api::Permission::endpoints_read};

struct NameEndpoint {
    std::string project, name;
};
BOOST_DESCRIBE_STRUCT(NameEndpoint, (), (project, name))

inline constexpr api::Operation<NameEndpoint, Endpoint> get_endpoint{
    .id = "endpoints.get",
    .method = api::Method::get,
    .path = "/projects/{project}/endpoints/{name}",
    .summary = "Show one endpoint",
    .permission = api::Permission::endpoints_read};
inline constexpr api::Operation<NameEndpoint, api::Nothing> delete_endpoint{
    .id = "endpoints.delete",
    .method = api::Method::delete_,
    .path = "/projects/{project}/endpoints/{name}",
    .summary = "Stop serving a model",
    .permission = api::Permission::endpoints_write};

}  // namespace maru::serving
