#pragma once

namespace maru {

/// A pointer that goes with a piece of work to whichever thread runs it: sql's leading writer runs
/// the work of callers that wait on other threads, and takes each one's pointer along. What it
/// points to must live until the work is done. api/access.hpp uses it.
class Carried {
  public:
    static const void* get() { return pointer_; }

    /// Sets it for a block, on this thread.
    class Scope {
      public:
        explicit Scope(const void* pointer) : before_(pointer_) { pointer_ = pointer; }
        ~Scope() { pointer_ = before_; }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;

      private:
        const void* before_;
    };

  private:
    static inline thread_local const void* pointer_ = nullptr;
};

}  // namespace maru
