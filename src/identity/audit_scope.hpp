#pragma once

namespace maru::identity {

/// Says whether the write hook of a call of `audited` or `idempotent` takes part in a write: not in
/// the one that records that the call failed. A hook may run on another thread, that of a group's
/// leader, so it holds its switch by reference. Switches of one thread nest.
class HookSwitch {
  public:
    HookSwitch();
    ~HookSwitch();
    HookSwitch(const HookSwitch&) = delete;
    HookSwitch& operator=(const HookSwitch&) = delete;
    bool on() const { return on_; }

  private:
    friend class HooksOff;
    bool on_ = true;
    HookSwitch* outer_;
};

/// Turns all switches of this thread off for as long as it lives.
class HooksOff {
  public:
    HooksOff();
    ~HooksOff();
    HooksOff(const HooksOff&) = delete;
    HooksOff& operator=(const HooksOff&) = delete;

  private:
    static void set(bool on);
};

}  // namespace maru::identity
