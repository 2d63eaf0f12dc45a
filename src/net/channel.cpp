#include "net/channel.hpp"

namespace maru::net {

std::shared_ptr<Channel> Channel::create(std::size_t bytes_max) {
    return std::make_shared<ChannelQueue>(bytes_max);
}

bool ChannelQueue::push(std::string bytes) {
    std::unique_lock lock(mutex_);
    if (closed_ || gone_) return false;
    if (unsent_bytes_ + bytes.size() > bytes_max_) {
        become_gone(lock);
        return false;
    }
    if (bytes.empty()) return true;
    unsent_bytes_ += bytes.size();
    waiting_.push_back(std::move(bytes));
    auto waker = waker_;
    lock.unlock();
    if (waker) waker->wake();
    return true;
}

void ChannelQueue::close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    auto waker = waker_;
    lock.unlock();
    if (waker) waker->wake();
}

bool ChannelQueue::is_open() const {
    std::lock_guard lock(mutex_);
    return !closed_ && !gone_;
}

std::size_t ChannelQueue::waiting_bytes() const {
    std::lock_guard lock(mutex_);
    return unsent_bytes_;
}

void ChannelQueue::on_gone(std::function<void()> callback) {
    std::unique_lock lock(mutex_);
    if (!gone_) {
        gone_callback_ = std::move(callback);
        return;
    }
    lock.unlock();
    callback();
}

void ChannelQueue::attach(std::shared_ptr<Waker> waker) {
    std::lock_guard lock(mutex_);
    waker_ = std::move(waker);
}

void ChannelQueue::take(std::vector<std::string>& pieces) {
    pieces.clear();
    std::lock_guard lock(mutex_);
    pieces.swap(waiting_);
}

void ChannelQueue::sent(std::size_t bytes) {
    std::lock_guard lock(mutex_);
    unsent_bytes_ -= bytes;
}

void ChannelQueue::abandon() {
    std::unique_lock lock(mutex_);
    become_gone(lock);
    waker_.reset();
}

bool ChannelQueue::ended() const {
    std::lock_guard lock(mutex_);
    return closed_ && waiting_.empty();
}

bool ChannelQueue::cut() const {
    std::lock_guard lock(mutex_);
    return gone_;
}

void ChannelQueue::become_gone(std::unique_lock<std::mutex>& lock) {
    if (gone_) return;
    gone_ = true;
    waiting_.clear();
    auto callback = std::exchange(gone_callback_, nullptr);
    auto waker = waker_;
    // Outside the lock: the callback may well ask is_open() or take locks of its own.
    lock.unlock();
    if (waker) waker->wake();
    if (callback) callback();
    callback = nullptr;
    lock.lock();
}

}  // namespace maru::net
