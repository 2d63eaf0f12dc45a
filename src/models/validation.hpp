#pragma once

#include <string>
#include <string_view>

/// MLflow's rules for names in the registry. All throw invalid_argument.
namespace maru::models {

void check_model_name(std::string_view name);
void check_alias(std::string_view alias);
/// "None", "Staging", "Production", "Archived", in any case, as MLflow spells it.
std::string canonical_stage(std::string_view stage);

}  // namespace maru::models
