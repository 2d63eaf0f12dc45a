#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace maru::tracking {

/// Changes the value that a command gives a parameter: of "--lr 0.1", "--lr=0.1" or "lr=0.1" (as
/// Hydra has it), where '-' and '_' in a name are the same. Of a parameter that is named several
/// times all are changed. False, and nothing changed: the command does not name it. Pure. Example:
/// command_test.cpp.
bool change_parameter(std::vector<std::string>& command, std::string_view name,
                      std::string_view value);

}  // namespace maru::tracking
