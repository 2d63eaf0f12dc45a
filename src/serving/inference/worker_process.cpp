#include "serving/inference/worker_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <mutex>

#include "base/error.hpp"
#include "base/text.hpp"

namespace maru::serving {

namespace {

constexpr int kWorkerDescriptor = 3;
constexpr std::uint64_t kFrameBytesMax = std::uint64_t{4} << 30;

/// Our environment, with the replica's cores as the limit of the numeric libraries' own thread
/// pools.
std::vector<std::string> worker_environment(int threads) {
    std::vector<std::string> variables;
    bool has_threads = false;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        has_threads |= std::string_view(*entry).starts_with("OMP_NUM_THREADS=");
        variables.emplace_back(*entry);
    }
    if (!has_threads) variables.push_back(fmt::format("OMP_NUM_THREADS={}", threads));
    variables.emplace_back("PYTHONUNBUFFERED=1");
    return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (auto& text : texts) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
}

[[noreturn]] void fail_gone() {
    fail(ErrorCode::unavailable, "the model's Python process has ended");
}

}  // namespace

struct WorkerProcess::Child {
    std::mutex mutex;
    pid_t pid = 0;
};

WorkerProcess::WorkerProcess(const std::filesystem::path& python,
                             const std::filesystem::path& script,
                             const std::filesystem::path& model, int threads)
    : child_(std::make_unique<Child>()) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        fail_errno(errno, "cannot make a socket pair");
    socket_.reset(ends[0]);
    FileDescriptor theirs(ends[1]);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, theirs.get(), kWorkerDescriptor);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    // The process that serves blocks signals to wait for them; its child must not.
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

    std::vector<std::string> command{python.string(), script.string(),
                                     std::to_string(kWorkerDescriptor), model.string()};
    auto variables = worker_environment(threads);
    int error = posix_spawnp(&child_->pid, python.c_str(), &actions, &attributes,
                             pointers(command).data(), pointers(variables).data());
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (error != 0) fail_errno(error, fmt::format("cannot start {}", python.string()));
}

WorkerProcess::~WorkerProcess() = default;

void WorkerProcess::send(std::string_view header,
                         std::span<const std::span<const std::byte>> body) {
    std::uint64_t body_bytes = 0;
    for (auto piece : body) body_bytes += piece.size();
    auto header_bytes = static_cast<std::uint32_t>(header.size());
    std::array<char, 12> lengths;
    std::memcpy(lengths.data(), &header_bytes, 4);
    std::memcpy(lengths.data() + 4, &body_bytes, 8);

    auto send_piece = [&](const void* data, std::size_t bytes, bool more) {
        const char* at = static_cast<const char*>(data);
        while (bytes > 0) {
            auto sent = ::send(socket_.get(), at, bytes, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
            if (sent < 0 && errno == EINTR) continue;
            if (sent <= 0) fail_gone();
            at += sent;
            bytes -= static_cast<std::size_t>(sent);
        }
    };
    send_piece(lengths.data(), lengths.size(), true);
    send_piece(header.data(), header.size(), body_bytes > 0);
    for (auto piece : body) send_piece(piece.data(), piece.size(), false);
}

void WorkerProcess::read_exactly(char* to, std::size_t bytes) {
    while (bytes > 0) {
        auto received = recv(socket_.get(), to, bytes, 0);
        if (received < 0 && errno == EINTR) continue;
        if (received <= 0) fail_gone();
        to += received;
        bytes -= static_cast<std::size_t>(received);
    }
}

WorkerFrame WorkerProcess::receive() {
    std::array<char, 12> lengths;
    read_exactly(lengths.data(), lengths.size());
    std::uint32_t header_bytes = 0;
    std::uint64_t body_bytes = 0;
    std::memcpy(&header_bytes, lengths.data(), 4);
    std::memcpy(&body_bytes, lengths.data() + 4, 8);
    if (header_bytes > (16u << 20) || body_bytes > kFrameBytesMax)
        fail(ErrorCode::unavailable,
             "the model's Python process answered {} bytes; at most {} are taken", body_bytes,
             kFrameBytesMax);
    WorkerFrame frame;
    frame.header.resize(header_bytes);
    read_exactly(frame.header.data(), header_bytes);
    frame.body.resize(body_bytes);
    read_exactly(frame.body.data(), body_bytes);
    return frame;
}

std::string WorkerProcess::wait() {
    // First without reaping, so that the number can't belong to another process when kill() uses
    // it.
    siginfo_t info{};
    while (waitid(P_PID, static_cast<id_t>(child_->pid), &info, WEXITED | WNOWAIT) != 0 &&
           errno == EINTR) {
    }
    std::lock_guard lock(child_->mutex);
    int status = 0;
    waitpid(child_->pid, &status, 0);
    child_->pid = 0;
    if (WIFSIGNALED(status))
        return fmt::format("signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
    return fmt::format("exit code {}", WEXITSTATUS(status));
}

void WorkerProcess::kill(int signal) {
    std::lock_guard lock(child_->mutex);
    if (child_->pid > 0) ::kill(child_->pid, signal);
}

}  // namespace maru::serving
