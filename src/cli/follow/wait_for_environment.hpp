#pragma once

#include "cli/session.hpp"
#include "environments/types.hpp"

namespace maru::cli {

/// Waits until an environment is built or has failed; on a terminal with the build's output,
/// faintly.
environments::Environment wait_for_environment(Session& session,
                                               environments::Environment environment);

/// Why an environment failed, for a person.
std::string build_error(const environments::Environment& environment);

}  // namespace maru::cli
