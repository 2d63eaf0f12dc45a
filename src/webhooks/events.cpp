#include "webhooks/events.hpp"

#include <fmt/chrono.h>

#include <algorithm>

#include "base/json.hpp"

namespace maru::webhooks {
namespace {

constexpr std::string_view kModel =
    R"({"name":"example","tags":{"team":"vision"},"description":"a test"})";
constexpr std::string_view kVersionTag =
    R"({"name":"example","version":"1","key":"stage","value":"checked"})";
constexpr std::string_view kVersionKey = R"({"name":"example","version":"1","key":"stage"})";
constexpr std::string_view kAlias = R"({"name":"example","alias":"champion","version":"1"})";
constexpr std::string_view kNoAlias = R"({"name":"example","alias":"champion"})";
constexpr std::string_view kSucceeded =
    R"({"id":"0123456789abcdef0123456789abcdef","name":"example","state":"succeeded",)"
    R"("reason":"a test","exit_code":0,"attempt":1,"user":"ada","run_id":null})";
constexpr std::string_view kFailed =
    R"({"id":"0123456789abcdef0123456789abcdef","name":"example","state":"failed",)"
    R"("reason":"a test","exit_code":1,"attempt":1,"user":"ada","run_id":null})";
constexpr std::string_view kStopped =
    R"({"id":"0123456789abcdef0123456789abcdef","name":"example","state":"stopped",)"
    R"("reason":"a test","exit_code":143,"attempt":1,"user":"ada","run_id":null})";

constexpr EventKind kKinds[] = {
    {"registered_model", "created", kModel},
    {"model_version", "created",
     R"({"name":"example","version":"1","source":"models:/m-0123456789abcdef",)"
     R"("run_id":"0123456789abcdef0123456789abcdef","tags":{"team":"vision"},)"
     R"("description":"a test"})"},
    {"model_version_tag", "set", kVersionTag},
    {"model_version_tag", "deleted", kVersionKey},
    {"model_version_alias", "created", kAlias},
    {"model_version_alias", "deleted", kNoAlias},
    {"prompt", "created", kModel},
    {"prompt_version", "created",
     R"({"name":"example","version":"1","template":"Say {{word}}.","tags":{"team":"vision"},)"
     R"("description":"a test"})"},
    {"prompt_tag", "set", R"({"name":"example","key":"stage","value":"checked"})"},
    {"prompt_tag", "deleted", R"({"name":"example","key":"stage"})"},
    {"prompt_version_tag", "set", kVersionTag},
    {"prompt_version_tag", "deleted", kVersionKey},
    {"prompt_alias", "created", kAlias},
    {"prompt_alias", "deleted", kNoAlias},
    {"job", "succeeded", kSucceeded, false},
    {"job", "failed", kFailed, false},
    {"job", "stopped", kStopped, false},
};

}  // namespace

std::string EventKind::name() const {
    return fmt::format("{}.{}", entity, action);
}

std::span<const EventKind> event_kinds() {
    return kKinds;
}

const EventKind* find_event(std::string_view name) {
    const auto* found =
        std::ranges::find_if(kKinds, [&](const EventKind& kind) { return kind.name() == name; });
    return found == std::end(kKinds) ? nullptr : found;
}

std::string payload(const EventKind& kind, Time at, std::string_view workspace,
                    std::string_view data) {
    // As Python's isoformat writes it, which old Pythons read back in no other form.
    auto seconds = std::chrono::floor<std::chrono::seconds>(at);
    std::string time = fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}000+00:00", fmt::gmtime(seconds),
                                   (at - seconds).count());
    return fmt::format(
        R"({{"entity":"{}","action":"{}","timestamp":"{}","data":{},"workspace":{}}})", kind.entity,
        kind.action, time, data, json_string(workspace));
}

}  // namespace maru::webhooks
