#pragma once

#include "api/operation.hpp"
#include "models/types.hpp"

namespace maru::models {

struct ReadLineage {
    std::string project;
    NodeKind kind = NodeKind::model_version;
    std::string id;
};
BOOST_DESCRIBE_STRUCT(ReadLineage, (), (project, kind, id))
MARU_REQUIRED(ReadLineage, "id")
inline constexpr api::Operation<ReadLineage, Lineage> read_lineage{
    .id = "models.lineage",
    .method = api::Method::get,
    .path = "/projects/{project}/lineage",
    .summary =
        "Read what something was made of and what was made of it; id is NAME/VERSION of a "
        "model_version, NAME@DIGEST of a dataset, the name of an endpoint, else an id",
    .permission = api::Permission::models_read};

}  // namespace maru::models
