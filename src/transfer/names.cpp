#include "transfer/names.hpp"

#include "base/error.hpp"
#include "base/text.hpp"

namespace maru::transfer {
namespace {

constexpr std::string_view kRunStatuses[] = {"",         "RUNNING", "SCHEDULED",
                                             "FINISHED", "FAILED",  "KILLED"};
constexpr std::string_view kModelStatuses[] = {"LOGGED_MODEL_PENDING", "LOGGED_MODEL_PENDING",
                                               "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"};

}  // namespace

tracking::RunStatus run_status(std::string_view text) {
    if (auto number = parse_int(text); number && *number >= 1 && *number <= 5)
        text = kRunStatuses[*number];
    if (auto status = enum_from<tracking::RunStatus>(text)) return *status;
    fail(ErrorCode::data_loss, "\"{}\" is no status of a run", text);
}

int run_status_number(tracking::RunStatus status) {
    auto name = enum_name(status);
    for (int i = 1; i <= 5; ++i)
        if (kRunStatuses[i] == name) return i;
    return 1;
}

std::string logged_model_status(std::int64_t number) {
    if (number < 0 || number > 3)
        fail(ErrorCode::data_loss, "{} is no status of a logged model", number);
    return std::string(kModelStatuses[number]);
}

int logged_model_status_number(std::string_view status) {
    for (int i = 1; i <= 3; ++i)
        if (kModelStatuses[i] == status) return i;
    return 1;
}

models::VersionState version_state(std::string_view text) {
    if (text.empty()) return models::VersionState::READY;
    if (auto state = enum_from<models::VersionState>(text)) return *state;
    fail(ErrorCode::data_loss, "\"{}\" is no state of a model version", text);
}

}  // namespace maru::transfer
