#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"

namespace maru::webhooks {

/// What can happen, by the name that webhooks ask for it: ENTITY.ACTION.
struct EventKind {
    std::string_view entity, action;
    std::string_view example;  // data of a test
    bool of_mlflow = true;     // also known to MLflow's clients
    std::string name() const;
};
std::span<const EventKind> event_kinds();
/// Nothing for what is none.
const EventKind* find_event(std::string_view name);

/// Something that happened, to be told.
struct Event {
    std::string project_id;
    std::string_view name;
    std::string data;  // JSON, of the kind's shape
};

/// The body of a request, in MLflow's form.
std::string payload(const EventKind& kind, Time at, std::string_view workspace,
                    std::string_view data);

}  // namespace maru::webhooks
