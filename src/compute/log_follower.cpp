#include "compute/log_follower.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <list>
#include <mutex>
#include <thread>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

namespace maru::compute {
namespace {

constexpr std::size_t kPieceBytes = 64 << 10;
/// What may wait unsent for one client before reading pauses.
constexpr std::size_t kUnsentMax = 1 << 20;
/// A backstop only: growth is told by inotify, room in a channel by nothing.
constexpr int kBackstopMs = 100;

/// Length of the front part that does not end inside a UTF-8 character.
std::size_t whole_characters(std::string_view bytes) {
    for (std::size_t back = 1; back <= 3 && back <= bytes.size(); ++back) {
        auto byte = static_cast<unsigned char>(bytes[bytes.size() - back]);
        if (byte < 0x80) return bytes.size();
        if (byte >= 0xc0) {
            std::size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
            return back < length ? bytes.size() - back : bytes.size();
        }
    }
    return bytes.size();
}

}  // namespace

struct LogFollower::State {
    struct Follow {
        std::filesystem::path path;
        std::int64_t offset = 0;
        std::shared_ptr<net::Channel> channel;
        std::function<std::optional<std::string>()> ended;
        FileDescriptor file{};
        int watch = -1;
        bool finished = false;
    };

    FileDescriptor inotify{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
    FileDescriptor wakeup{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    std::mutex mutex;
    std::list<Follow> arriving;
    bool stopping = false;
    std::list<Follow> follows;  // the thread's own
    std::thread thread;

    void notify() {
        std::uint64_t one = 1;
        [[maybe_unused]] auto written = ::write(wakeup.get(), &one, sizeof one);
    }

    void run() {
        while (true) {
            {
                std::lock_guard lock(mutex);
                if (stopping) return;
                follows.splice(follows.end(), arriving);
            }
            bool busy = false;
            for (auto& follow : follows) {
                try {
                    busy = advance(follow) || busy;
                } catch (...) {
                    log::error("following {} ended: {}", follow.path.native(),
                               log::current_exception_message());
                    follow.channel->close();
                    follow.finished = true;
                }
            }
            follows.remove_if([&](Follow& follow) {
                if (follow.finished && follow.watch >= 0) unwatch(follow.watch, &follow);
                return follow.finished;
            });
            if (!busy) sleep();
        }
    }

    /// inotify gives one watch per file, however many follow it.
    void unwatch(int watch, const Follow* except) {
        for (const auto& other : follows)
            if (&other != except && other.watch == watch && !other.finished) return;
        ::inotify_rm_watch(inotify.get(), watch);
    }

    void sleep() {
        pollfd waiting[] = {{inotify.get(), POLLIN, 0}, {wakeup.get(), POLLIN, 0}};
        ::poll(waiting, 2, follows.empty() ? -1 : kBackstopMs);
        char buffer[4096];
        while (::read(inotify.get(), buffer, sizeof buffer) > 0) {
        }
        while (::read(wakeup.get(), buffer, sizeof(std::uint64_t)) > 0) {
        }
    }

    /// Sends one piece; true if there may be more to send at once.
    bool advance(Follow& follow) {
        if (!follow.channel->is_open()) {
            follow.finished = true;
            return false;
        }
        if (follow.channel->waiting_bytes() > kUnsentMax) return false;
        // Asked before reading: what was written before the end is then certainly read.
        auto end = follow.ended();
        if (!follow.file) open(follow);
        std::string piece(kPieceBytes, '\0');
        ssize_t got =
            follow.file ? ::pread(follow.file.get(), piece.data(), piece.size(), follow.offset) : 0;
        if (got < 0) fail_errno(errno, "cannot read a log");
        piece.resize(static_cast<std::size_t>(got));
        std::size_t whole =
            end && piece.size() < kPieceBytes ? piece.size() : whole_characters(piece);
        piece.resize(whole);
        if (!piece.empty()) {
            follow.offset += static_cast<std::int64_t>(piece.size());
            auto id = std::to_string(follow.offset);
            auto data = R"({"text":)" + json_string(piece) + R"(,"offset":)" + id + "}";
            if (!follow.channel->push(net::format_event(id, "log", data))) follow.finished = true;
            return true;
        }
        if (end) {
            follow.channel->push(net::format_event(std::to_string(follow.offset), "end", *end));
            follow.channel->close();
            follow.finished = true;
        }
        return false;
    }

    void open(Follow& follow) {
        // Watched before it is read, so that no growth goes unseen.
        follow.file.reset(::open(follow.path.c_str(), O_RDONLY | O_CLOEXEC));
        if (follow.file)
            follow.watch = ::inotify_add_watch(inotify.get(), follow.path.c_str(), IN_MODIFY);
    }
};

LogFollower::LogFollower() : state_(std::make_unique<State>()) {
    if (!state_->inotify || !state_->wakeup) fail_errno(errno, "cannot watch log files");
    state_->thread = std::thread([this] { state_->run(); });
}

LogFollower::~LogFollower() {
    {
        std::lock_guard lock(state_->mutex);
        state_->stopping = true;
    }
    state_->notify();
    state_->thread.join();
    for (auto& follow : state_->follows) follow.channel->close();
}

void LogFollower::follow(const std::filesystem::path& file, std::int64_t offset,
                         std::shared_ptr<net::Channel> channel,
                         std::function<std::optional<std::string>()> ended) {
    State::Follow added;
    added.path = file;
    added.offset = offset;
    channel->on_gone([this] { wake(); });
    added.channel = std::move(channel);
    added.ended = std::move(ended);
    {
        std::lock_guard lock(state_->mutex);
        state_->arriving.push_back(std::move(added));
    }
    state_->notify();
}

void LogFollower::wake() {
    state_->notify();
}

}  // namespace maru::compute
