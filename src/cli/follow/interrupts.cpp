#include "cli/follow/interrupts.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>

#include "cli/follow/retry.hpp"
#include "compute/operations.hpp"

namespace maru::cli {
namespace {

sigset_t our_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

/// Single keys without Enter, while it lives.
class KeyMode {
  public:
    KeyMode() : changed_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
        if (!changed_) return;
        termios keys = before_;
        keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &keys);
    }
    ~KeyMode() {
        if (changed_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    }
    KeyMode(const KeyMode&) = delete;
    KeyMode& operator=(const KeyMode&) = delete;

  private:
    termios before_{};
    bool changed_;
};

}  // namespace

JobInterrupts::JobInterrupts(Session& session, std::mutex& output, StatusLine& status)
    : session_(session), output_(output), status_(status), client_(session.new_client()) {
    auto set = our_signals();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC));
    leave_.reset(::eventfd(0, EFD_CLOEXEC));
    if (!signals_ || !leave_) fail_errno(errno, "cannot watch for signals");
    thread_ = std::thread([this] { watch(); });
}

JobInterrupts::~JobInterrupts() {
    {
        std::lock_guard lock(mutex_);
        leaving_ = true;
    }
    created_.notify_all();
    ::eventfd_write(leave_.get(), 1);
    thread_.join();
    auto set = our_signals();
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void JobInterrupts::job_created(const std::string& id) {
    {
        std::lock_guard lock(mutex_);
        job_id_ = id;
    }
    created_.notify_all();
}

void JobInterrupts::watch() {
    std::array<pollfd, 2> sources{{{signals_.get(), POLLIN, 0}, {leave_.get(), POLLIN, 0}}};
    while (::poll(sources.data(), sources.size(), -1) >= 0 || errno == EINTR) {
        if (sources[1].revents) return;
        if (!sources[0].revents) continue;
        signalfd_siginfo info{};
        if (::read(signals_.get(), &info, sizeof info) != sizeof info) continue;
        try {
            handle();
        } catch (const std::exception& error) {
            print_err(fmt::format("error: the job could not be stopped: {}\n", error.what()));
        }
    }
}

void JobInterrupts::handle() {
    bool created = [&] {
        std::lock_guard lock(mutex_);
        return !job_id_.empty();
    }();
    if (!session_.interactive() || !created) {
        stop_job();
        return;
    }
    std::unique_lock lock(output_);
    status_.clear();
    switch (ask()) {
        case Choice::detach:
            print_err(fmt::format("Detached; the job goes on. Follow it again: maru logs -f {}\n",
                                  job_id_));
            std::_Exit(0);
        case Choice::stop:
            lock.unlock();
            stop_job();
            break;
        case Choice::go_on:
            break;
    }
}

JobInterrupts::Choice JobInterrupts::ask() {
    // Before the question: changing the mode throws away what was typed until then.
    KeyMode keys;
    print_err("\n[d] detach and let the job go on   [s] stop the job   [c] continue to follow: ");
    std::array<pollfd, 2> sources{{{STDIN_FILENO, POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
    for (;;) {
        if (::poll(sources.data(), sources.size(), -1) < 0 && errno != EINTR) return Choice::detach;
        if (sources[1].revents) {
            print_err("stop\n");
            return Choice::stop;
        }
        if (!sources[0].revents) continue;
        char key = 0;
        if (::read(STDIN_FILENO, &key, 1) <= 0) key = 'd';
        if (key == 'd' || key == 'D') {
            print_err("detach\n");
            return Choice::detach;
        }
        if (key == 's' || key == 'S') {
            print_err("stop\n");
            return Choice::stop;
        }
        if (key == 'c' || key == 'C') {
            print_err("continue\n");
            return Choice::go_on;
        }
    }
}

void JobInterrupts::stop_job() {
    std::string id;
    {
        std::unique_lock lock(mutex_);
        if (stopping_) return;
        stopping_ = true;
        // From here on a signal has its usual effect, on this thread.
        auto set = our_signals();
        ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
        created_.wait(lock, [&] { return leaving_ || !job_id_.empty(); });
        if (job_id_.empty()) return;
        id = job_id_;
    }
    print_err("Stopping the job; press Ctrl-C again to leave without waiting for its end.\n");
    compute::NameJob request{.project = session_.project(), .id = id};
    retrying(kPatience, [&] { client_->call(compute::stop_job, request); });
}

}  // namespace maru::cli
