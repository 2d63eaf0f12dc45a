#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "net/http.hpp"
#include "net/loop.hpp"

namespace maru::net {

/// The one Channel there is; the connection that sends it out uses the second half.
class ChannelQueue final : public Channel {
  public:
    explicit ChannelQueue(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    bool push(std::string bytes) override;
    void close() override;
    bool is_open() const override;
    std::size_t waiting_bytes() const override;
    void on_gone(std::function<void()> callback) override;

    void attach(std::shared_ptr<Waker> waker);
    /// Moves what waits into `pieces`; it counts as unsent until sent().
    void take(std::vector<std::string>& pieces);
    void sent(std::size_t bytes);
    /// The client is gone, or never was: no more is taken.
    void abandon();
    bool ended() const;
    bool cut() const;

  private:
    void become_gone(std::unique_lock<std::mutex>& lock);

    mutable std::mutex mutex_;
    const std::size_t bytes_max_;
    std::vector<std::string> waiting_;
    std::size_t unsent_bytes_ = 0;
    bool closed_ = false, gone_ = false;
    std::function<void()> gone_callback_;
    std::shared_ptr<Waker> waker_;
};

}  // namespace maru::net
