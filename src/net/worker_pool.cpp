#include "net/worker_pool.hpp"

#include <algorithm>

namespace maru::net {

WorkerPool::WorkerPool(int threads, std::size_t queue_max) : queue_max_(queue_max) {
    for (int i = 0; i < std::max(threads, 1); ++i) threads_.emplace_back([this] { run(); });
}

WorkerPool::~WorkerPool() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    not_empty_.notify_all();
    for (auto& thread : threads_) thread.join();
}

bool WorkerPool::try_submit(Task&& task) {
    {
        std::lock_guard lock(mutex_);
        // Tasks that an idle thread is about to take do not wait.
        if (queue_.size() >= queue_max_ + idle_) return false;
        queue_.push_back(std::move(task));
    }
    not_empty_.notify_one();
    return true;
}

void WorkerPool::submit(Task task) {
    {
        std::lock_guard lock(mutex_);
        queue_.push_back(std::move(task));
    }
    not_empty_.notify_one();
}

void WorkerPool::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        ++idle_;
        not_empty_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
        --idle_;
        if (queue_.empty()) return;
        Task task = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        task();
        task = nullptr;
        lock.lock();
    }
}

}  // namespace maru::net
