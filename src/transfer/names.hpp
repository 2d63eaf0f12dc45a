#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "models/types.hpp"
#include "tracking/types.hpp"

namespace maru::transfer {

// MLflow's names and numbers of states; throw data_loss for others.

/// "FINISHED" or "3".
tracking::RunStatus run_status(std::string_view text);
/// The number in MLflow's file store.
int run_status_number(tracking::RunStatus status);
/// 2 is LOGGED_MODEL_READY.
std::string logged_model_status(std::int64_t number);
int logged_model_status_number(std::string_view status);
/// "READY"; older servers have none.
models::VersionState version_state(std::string_view text);

}  // namespace maru::transfer
