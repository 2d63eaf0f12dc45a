#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace maru::net {

/// Up to a fixed number of threads, started as they are needed, over one bounded queue.
///
/// Lifetime: the destructor runs what is queued, then joins. Threads: any may submit. Tasks must
/// not throw.
class WorkerPool {
  public:
    using Task = std::move_only_function<void()>;

    WorkerPool(int threads_max, std::size_t queue_max);
    ~WorkerPool();
    /// False, and `task` untouched, if as many tasks as allowed wait already.
    bool try_submit(Task&& task);
    /// Queues beyond the bound: for continuations of work that was admitted already.
    void submit(Task task);

  private:
    void run();
    void grow();

    std::mutex mutex_;
    std::condition_variable not_empty_;
    std::deque<Task> queue_;
    const std::size_t threads_max_;
    const std::size_t queue_max_;
    std::size_t idle_ = 0;  // started threads without a task
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace maru::net
