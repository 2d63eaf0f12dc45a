#pragma once

#include <string_view>

namespace maru::serving {

/// sdk/python/maru_worker/worker.py, as it was when the binary was built.
extern const std::string_view worker_source;

}  // namespace maru::serving
