#include "identity/audit_scope.hpp"

namespace maru::identity {

namespace {
thread_local HookSwitch* innermost_switch = nullptr;
}  // namespace

HookSwitch::HookSwitch() : outer_(innermost_switch) {
    innermost_switch = this;
}
HookSwitch::~HookSwitch() {
    innermost_switch = outer_;
}

HooksOff::HooksOff() {
    set(false);
}
HooksOff::~HooksOff() {
    set(true);
}

void HooksOff::set(bool on) {
    for (HookSwitch* at = innermost_switch; at != nullptr; at = at->outer_) at->on_ = on;
}

}  // namespace maru::identity
