#pragma once

#include <string_view>

namespace maru::models {

/// Refuses what can't be the source of a version, in MLflow's words: paths of the server's own
/// files
/// ("/etc", "file:/etc"), and URIs with "..", however often they are encoded. Pure.
void check_source(std::string_view source);

}  // namespace maru::models
