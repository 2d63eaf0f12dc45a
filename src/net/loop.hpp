#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "net/transport.hpp"

namespace maru::net {

namespace asio = boost::asio;

using SteadyClock = std::chrono::steady_clock;
using Executor = asio::io_context::executor_type;
template <class T = void>
using Task = asio::awaitable<T, Executor>;
inline constexpr asio::use_awaitable_t<Executor> kAwait{};
using Timer = asio::basic_waitable_timer<SteadyClock, asio::wait_traits<SteadyClock>, Executor>;
using Descriptor = asio::posix::basic_stream_descriptor<Executor>;

class Stream;

/// Ends the reads and writes of streams that take too long: one timer for all streams of an I/O
/// thread, since a deadline moves with every request and hardly ever passes. Threads: its I/O
/// thread.
class Deadlines {
  public:
    explicit Deadlines(asio::io_context& context) : timer_(context.get_executor()) {}
    void add(Stream* stream);
    void remove(Stream* stream);
    /// A stream's deadline has been set to `deadline`.
    void update(SteadyClock::time_point deadline) {
        if (deadline < armed_) arm(deadline);
    }

  private:
    void arm(SteadyClock::time_point deadline);
    void sweep();

    Timer timer_;
    std::vector<Stream*> streams_;
    SteadyClock::time_point armed_ = SteadyClock::time_point::max();
};

/// A connected socket as coroutines see it. Reads and writes return a count or -errno; once aborted
/// or past a deadline (-ETIMEDOUT) all of them fail. One reader and one writer at a time.
///
/// Threads: its I/O thread.
class Stream {
  public:
    Stream(asio::io_context& context, Deadlines& deadlines, Transport transport);
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    Task<int> handshake();
    /// Over 0: bytes; 0: the peer has ended its side.
    Task<ssize_t> read(char* data, std::size_t size);
    /// 0 when all is written. Fails once no byte moved for the write timeout.
    Task<int> write(std::span<iovec> pieces);
    Task<int> write(std::string_view bytes);
    /// Waits for a connect in progress.
    Task<int> wait_connected();

    void expire_reads_at(SteadyClock::time_point deadline);
    void expire_reads_after(std::chrono::milliseconds time) {
        expire_reads_at(SteadyClock::now() + time);
    }
    void set_write_timeout(std::chrono::milliseconds time) { write_timeout_ = time; }
    void never_expire_reads() { read_deadline_ = SteadyClock::time_point::max(); }
    void abort(int error);
    /// Lets the stream be used again after a deadline passed; false if that is not what ended it.
    bool clear_timeout();
    int error() const { return error_; }

    /// Calls `ready` once when input (or the peer's end) is there; unwatch() or abort() drop it.
    void watch(std::function<void()> ready);
    void unwatch();

    Transport& transport() { return transport_; }
    SteadyClock::time_point deadline() const { return std::min(read_deadline_, write_deadline_); }

  private:
    friend class Deadlines;
    Task<int> wait(short event);

    Descriptor descriptor_;
    Deadlines& deadlines_;
    Transport transport_;
    std::chrono::milliseconds write_timeout_{60'000};
    SteadyClock::time_point read_deadline_ = SteadyClock::time_point::max();
    SteadyClock::time_point write_deadline_ = SteadyClock::time_point::max();
    std::size_t position_ = 0;  // in Deadlines
    std::uint64_t watch_ = 0;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    bool watching_ = false;
    bool drained_ = false;
    int error_ = 0;
};

/// Lets one coroutine sleep until something happened; what happened it finds out itself.
/// Threads: its I/O thread.
class Event {
  public:
    explicit Event(asio::io_context& context) : executor_(context.get_executor()) {}
    ~Event() { *alive_ = false; }
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    void notify();
    /// Returns after the next notify(), or at once if there was one since the last wait.
    Task<> wait();
    /// The same, but not after `deadline`.
    Task<> wait_until(SteadyClock::time_point deadline);

  private:
    Executor executor_;
    std::move_only_function<void()> waiter_;
    std::optional<Timer> timer_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    bool notified_ = false;
};

/// Calls a function on an I/O thread, at the request of any thread, until it is detached.
///
/// Lifetime: shared by the connection and whatever may still have news for it: workers, responders,
/// channels. Several requests may become one call.
class Waker : public std::enable_shared_from_this<Waker> {
  public:
    Waker(asio::io_context& context, std::function<void()> wake)
        : executor_(context.get_executor()), call_(std::move(wake)) {}
    void wake();
    /// On the I/O thread, before what the function refers to goes away.
    void detach();

  private:
    std::mutex mutex_;
    Executor executor_;
    std::function<void()> call_;
    bool attached_ = true;
    bool posted_ = false;
};

}  // namespace maru::net
