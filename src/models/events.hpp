#pragma once

#include <functional>
#include <string>

#include "models/types.hpp"
#include "sql/database.hpp"

namespace maru::models {

/// What was done to a model or to one of its versions, for rooms that tell others of it. There is
/// one for each request that MLflow has an event for, also where it found things as it wants them.
/// Imports from other installations are none: what they bring happened elsewhere.
struct RegistryEvent {
    enum class Kind {
        model_created,
        version_created,
        model_tag_set,
        model_tag_deleted,
        version_tag_set,
        version_tag_deleted,
        alias_set,
        alias_deleted
    };
    Kind kind;
    std::string project_id;
    const Model& model;                     // with its tags; of a created one, as it was made
    const ModelVersion* created = nullptr;  // with version_created
    std::int64_t version = 0;               // that it is about, if any
    std::string key;                        // of the tag; the alias
    std::string value;                      // of the tag
};

/// Called in the transaction of the change. Throws to undo it.
using RegistryObserver = std::function<void(sql::Connection&, const RegistryEvent&)>;

}  // namespace maru::models
