#pragma once

#include <string>

namespace maru::tracking {

/// Thinks up a name such as "brisk-heron-417" for a run or model that was given none.
std::string random_name();

}  // namespace maru::tracking
