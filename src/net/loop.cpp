#include "net/loop.hpp"

#include <poll.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>

#include "net/socket_address.hpp"

namespace maru::net {

namespace {

constexpr auto kNever = SteadyClock::time_point::max();
constexpr auto kAwaitTuple = asio::as_tuple(kAwait);
// Deadlines are kept no more exactly than this, so that sweeps stay rare.
constexpr std::chrono::milliseconds kSweepInterval{20};

}  // namespace

void Deadlines::add(Stream* stream) {
    stream->position_ = streams_.size();
    streams_.push_back(stream);
}

void Deadlines::remove(Stream* stream) {
    streams_[stream->position_] = streams_.back();
    streams_[stream->position_]->position_ = stream->position_;
    streams_.pop_back();
    // An armed timer would keep an I/O thread that is to end waiting.
    if (streams_.empty() && armed_ != kNever) {
        armed_ = kNever;
        timer_.cancel();
    }
}

void Deadlines::arm(SteadyClock::time_point deadline) {
    armed_ = deadline;
    timer_.expires_at(deadline);
    timer_.async_wait([this](boost::system::error_code error) {
        if (!error) sweep();
    });
}

void Deadlines::sweep() {
    auto now = SteadyClock::now();
    auto next = kNever;
    for (Stream* stream : streams_) {
        auto deadline = stream->deadline();
        if (deadline <= now) {
            if (!stream->error()) stream->abort(ETIMEDOUT);
        } else {
            next = std::min(next, deadline);
        }
    }
    armed_ = kNever;
    if (next != kNever) arm(std::max(next, now + kSweepInterval));
}

Stream::Stream(asio::io_context& context, Deadlines& deadlines, Transport transport)
    : descriptor_(context.get_executor(), transport.fd()),
      deadlines_(deadlines),
      transport_(std::move(transport)) {
    deadlines_.add(this);
}

Stream::~Stream() {
    deadlines_.remove(this);
    *alive_ = false;
    // The transport closes the socket.
    descriptor_.release();
}

void Stream::expire_reads_at(SteadyClock::time_point deadline) {
    read_deadline_ = deadline;
    deadlines_.update(deadline);
}

void Stream::abort(int error) {
    if (error_) return;
    error_ = error;
    watching_ = false;
    boost::system::error_code ignored;
    descriptor_.cancel(ignored);
}

bool Stream::clear_timeout() {
    if (error_ != ETIMEDOUT) return false;
    error_ = 0;
    never_expire_reads();
    return true;
}

Task<int> Stream::wait(short event) {
    if (error_) co_return -error_;
    auto type = event == POLLOUT ? Descriptor::wait_write : Descriptor::wait_read;
    auto [error] = co_await descriptor_.async_wait(type, kAwaitTuple);
    if (error_) co_return -error_;
    // A wait that unwatch() cancelled along with its own is to be repeated.
    co_return error&& error != asio::error::operation_aborted ? -error.value() : 0;
}

Task<int> Stream::handshake() {
    for (;;) {
        if (error_) co_return -error_;
        int result = transport_.handshake();
        if (result != -EAGAIN) co_return result;
        if (int error = co_await wait(transport_.wanted_event())) co_return error;
    }
}

Task<ssize_t> Stream::read(char* data, std::size_t size) {
    for (;;) {
        if (error_) co_return -error_;
        // After a read that left room, the socket is empty almost always: wait without asking.
        if (drained_) {
            drained_ = false;
            if (int error = co_await wait(POLLIN)) co_return error;
        }
        ssize_t n = transport_.read(data, size);
        if (n != -EAGAIN) {
            drained_ = !transport_.encrypted() && n > 0 && static_cast<std::size_t>(n) < size;
            co_return n;
        }
        if (int error = co_await wait(transport_.wanted_event())) co_return error;
    }
}

Task<int> Stream::write(std::span<iovec> pieces) {
    while (!pieces.empty()) {
        if (error_) co_return -error_;
        ssize_t n = transport_.write(pieces.data(),
                                     static_cast<int>(std::min<std::size_t>(pieces.size(), 64)));
        if (n == -EAGAIN) {
            write_deadline_ = SteadyClock::now() + write_timeout_;
            deadlines_.update(write_deadline_);
            int error = co_await wait(transport_.wanted_event());
            write_deadline_ = kNever;
            if (error) co_return error;
            continue;
        }
        if (n < 0) co_return static_cast<int>(n);
        auto left = static_cast<std::size_t>(n);
        while (!pieces.empty() && left >= pieces.front().iov_len) {
            left -= pieces.front().iov_len;
            pieces = pieces.subspan(1);
        }
        if (left) {
            pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + left;
            pieces.front().iov_len -= left;
        }
    }
    co_return error_ ? -error_ : 0;
}

Task<int> Stream::write(std::string_view bytes) {
    iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    co_return co_await write({&piece, 1});
}

Task<int> Stream::wait_connected() {
    if (int error = co_await wait(POLLOUT)) co_return error;
    co_return -connect_error(transport_.fd());
}

void Stream::watch(std::function<void()> ready) {
    if (error_) return;
    watching_ = true;
    descriptor_.async_wait(Descriptor::wait_read,
                           [this, alive = alive_, mine = ++watch_,
                            ready = std::move(ready)](const boost::system::error_code& error) {
                               if (!*alive || !watching_ || mine != watch_ || error) return;
                               watching_ = false;
                               ready();
                           });
}

void Stream::unwatch() {
    if (!watching_) return;
    watching_ = false;
    boost::system::error_code ignored;
    descriptor_.cancel(ignored);
}

void Event::notify() {
    notified_ = true;
    if (!waiter_) return;
    if (timer_) timer_->cancel();
    // Posted, so that the coroutine does not run inside whoever notifies.
    asio::post(executor_, std::exchange(waiter_, nullptr));
}

Task<> Event::wait() {
    while (!notified_) {
        co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(
            [this](auto handler) { waiter_ = std::move(handler); }, kAwait);
    }
    notified_ = false;
}

Task<> Event::wait_until(SteadyClock::time_point deadline) {
    if (!notified_) {
        if (!timer_) timer_.emplace(executor_);
        timer_->expires_at(deadline);
        timer_->async_wait([this, alive = alive_](const boost::system::error_code& error) {
            if (!error && *alive) notify();
        });
        co_await wait();
    }
    notified_ = false;
}

void Waker::wake() {
    std::lock_guard lock(mutex_);
    if (!attached_ || posted_) return;
    posted_ = true;
    asio::post(executor_, [self = shared_from_this()] {
        {
            std::lock_guard inner(self->mutex_);
            self->posted_ = false;
            if (!self->attached_) return;
        }
        self->call_();
    });
}

void Waker::detach() {
    std::lock_guard lock(mutex_);
    attached_ = false;
    call_ = nullptr;
}

}  // namespace maru::net
