#include "base/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <thread>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/text.hpp"

namespace maru {
namespace {

constexpr std::size_t kOutputMax = 1 << 20;

struct Pipe {
    FileDescriptor read, write;
    Pipe() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) fail_errno(errno, "cannot make a pipe");
        read.reset(ends[0]);
        write.reset(ends[1]);
    }
};

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> list;
    for (auto& text : strings) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
}

pid_t spawn(const std::vector<std::string>& command, const ChildOptions& options, int input,
            int output) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, 0);
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    posix_spawn_file_actions_adddup2(&actions, output, 2);
    if (!options.directory.empty())
        posix_spawn_file_actions_addchdir_np(&actions, options.directory.c_str());
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);

    std::vector<std::string> arguments = command, variables;
    for (const auto& [name, value] : options.environment) variables.push_back(name + "=" + value);
    auto argv = pointers(arguments), envp = pointers(variables);
    pid_t pid = 0;
    int error =
        posix_spawnp(&pid, command.at(0).c_str(), &actions, &attributes, argv.data(), envp.data());
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (error != 0) fail_errno(error, fmt::format("cannot start {}", command.at(0)));
    return pid;
}

}  // namespace

ChildResult run_child(const std::vector<std::string>& command, const ChildOptions& options) {
    Pipe input, output;
    pid_t pid = spawn(command, options, input.read.get(), output.write.get());
    input.read.reset();
    output.write.reset();
    std::thread feeder([&] {
        // The child may end before it has read all: EPIPE, not a signal (SIGPIPE is ignored by the
        // server and blocked here for other programs).
        sigset_t pipe_signal;
        sigemptyset(&pipe_signal);
        sigaddset(&pipe_signal, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe_signal, nullptr);
        try {
            write_all(input.write.get(), options.input);
        } catch (const Error&) {
            // What the child prints and its exit code say what happened.
        }
        input.write.reset();
    });

    ChildResult result;
    auto deadline = std::chrono::steady_clock::now() + options.timeout;
    char buffer[16384];
    while (true) {
        auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd waiting{output.read.get(), POLLIN, 0};
        int ready = ::poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
        if (ready < 0 && errno == EINTR) continue;
        if (ready == 0 && !result.timed_out) {
            result.timed_out = true;
            ::kill(-pid, SIGKILL);
            deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
            continue;
        }
        ssize_t got = ready > 0 ? ::read(output.read.get(), buffer, sizeof buffer) : 0;
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        result.output.append(buffer, static_cast<std::size_t>(got));
        if (result.output.size() > 2 * kOutputMax)
            result.output.erase(0, result.output.size() - kOutputMax);
    }
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    feeder.join();
    result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (result.output.size() > kOutputMax)
        result.output.erase(0, result.output.size() - kOutputMax);
    return result;
}

std::optional<std::string> find_program(const std::string& name) {
    if (name.find('/') != std::string::npos)
        return ::access(name.c_str(), X_OK) == 0 ? std::optional(name) : std::nullopt;
    const char* path = std::getenv("PATH");
    for (auto folder : split(path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin", ':')) {
        std::string candidate = std::string(folder) + "/" + name;
        if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    return std::nullopt;
}

}  // namespace maru
