#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/api.hpp"
#include "base/reflection.hpp"

namespace maru::serving {

/// A file of a model, in the blob store.
struct ModelFile {
    std::string path, sha256;
};
BOOST_DESCRIBE_STRUCT(ModelFile, (), (path, sha256))

/// What serving has to know of a registered model's version.
struct ServedModel {
    std::string name;
    std::int64_t version = 0;
    bool has_onnx = false;
    bool has_pyfunc = false;
    std::vector<ModelFile> files;
    std::string requirements;  // its requirements.txt; empty without one
    Json signature, input_example;
};

/// Where models and environments come from: models/ and environments/ in the server, plain objects
/// in tests.
class Sources {
  public:
    virtual ~Sources() = default;
    /// `reference` is "NAME/VERSION" or "NAME@ALIAS". Throws not_found, or invalid_argument for
    /// another form.
    virtual ServedModel find_model(const api::ProjectRef& project, std::string_view reference) = 0;
    /// The id of the environment for these requirements; begins to build it if there is none.
    virtual std::string ensure_environment(const api::ProjectRef& project, std::string_view user,
                                           std::string_view requirements) = 0;
};

}  // namespace maru::serving
