#include "net/worker_pool.hpp"

#include <algorithm>
#include <system_error>

namespace maru::net {

WorkerPool::WorkerPool(int threads_max, std::size_t queue_max)
    : threads_max_(static_cast<std::size_t>(std::max(threads_max, 1))), queue_max_(queue_max) {
    std::lock_guard lock(mutex_);
    grow();
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
        if (queue_.size() >= queue_max_ + idle_ + (threads_max_ - threads_.size())) return false;
        queue_.push_back(std::move(task));
        if (queue_.size() > idle_) grow();
    }
    not_empty_.notify_one();
    return true;
}

void WorkerPool::submit(Task task) {
    {
        std::lock_guard lock(mutex_);
        queue_.push_back(std::move(task));
        if (queue_.size() > idle_) grow();
    }
    not_empty_.notify_one();
}

/// Starts one more thread, if there may be more; with mutex_ held.
void WorkerPool::grow() {
    if (threads_.size() == threads_max_) return;
    try {
        threads_.emplace_back([this] { run(); });
        ++idle_;
    } catch (const std::system_error&) {
        // No more threads to be had just now: those that run take the task in their turn.
        if (threads_.empty()) throw;
    }
}

void WorkerPool::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        not_empty_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
        --idle_;
        if (queue_.empty()) return;
        Task task = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        task();
        task = nullptr;
        lock.lock();
        ++idle_;
    }
}

}  // namespace maru::net
