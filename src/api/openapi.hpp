#pragma once

#include <string>
#include <vector>

#include "base/reflection.hpp"

namespace maru::api {

/// What the OpenAPI document says of one operation.
struct DocumentedOperation {
    std::string id, method, path, summary, permission;
    bool bytes_body = false;
    std::string media_type;  // of the answer; empty: JSON
    const reflection::Type* request_type;
    const reflection::Type* response_type;  // null: not JSON from a struct
};

/// Writes an OpenAPI 3.1 document (spec.openapis.org/oas/v3.1.0) with a schema for every described
/// struct.
std::string write_openapi(const std::vector<DocumentedOperation>& operations);

}  // namespace maru::api
