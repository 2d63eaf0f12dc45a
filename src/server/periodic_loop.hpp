#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/log.hpp"

namespace maru::server {

/// A named loop that does something every so often.
///
/// Lifetime: runs until it is destroyed, which waits for work under way. Threads: its own; `wake`
/// on any. Errors: what the work throws is logged, and the loop goes on.
class PeriodicLoop {
  public:
    PeriodicLoop(std::string name, std::chrono::seconds every, std::function<void()> work)
        : thread_([this, name = std::move(name), every, work = std::move(work)] {
              std::unique_lock lock(mutex_);
              while (true) {
                  changed_.wait_for(lock, every, [this] { return stopping_ || due_; });
                  if (stopping_) return;
                  due_ = false;
                  lock.unlock();
                  try {
                      work();
                  } catch (...) {
                      log::error("{} failed: {}", name, log::current_exception_message());
                  }
                  lock.lock();
              }
          }) {}
    ~PeriodicLoop() {
        {
            std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }
    /// Does it now.
    void wake() {
        {
            std::lock_guard lock(mutex_);
            due_ = true;
        }
        changed_.notify_all();
    }
    PeriodicLoop(const PeriodicLoop&) = delete;
    PeriodicLoop& operator=(const PeriodicLoop&) = delete;

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false, due_ = false;
    std::thread thread_;
};

}  // namespace maru::server
