#include "compute/engines/process/sandbox_init.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/json.hpp"

namespace maru::compute::process {

namespace {

bool read_exactly(int fd, void* data, std::size_t size) {
    auto* to = static_cast<char*>(data);
    while (size > 0) {
        ssize_t count = read(fd, to, size);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        to += count;
        size -= static_cast<std::size_t>(count);
    }
    return true;
}

/// Everything inside ends with us, so there is nothing to unwind.
[[noreturn]] void end() {
    _exit(0);
}

InitSpec read_spec(int control) {
    std::uint32_t size = 0;
    if (!read_exactly(control, &size, sizeof size)) end();
    std::string text(size, '\0');
    if (!read_exactly(control, text.data(), size)) end();
    return from_json<InitSpec>(text, {.ignore_unknown_fields = true});
}

/// Returns errno's value, 0 if all went well.
int drop_privileges(std::int64_t user_id) {
    auto user = static_cast<uid_t>(user_id);
    // Ends with EINVAL at the first capability that this kernel does not have.
    for (unsigned long capability = 0; prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0;)
        ++capability;
    if (errno != EINVAL) return errno;
    if (setgroups(0, nullptr) != 0 || setresgid(user, user, user) != 0 ||
        setresuid(user, user, user) != 0)
        return errno;
    return 0;
}

/// What a change of user undoes. The second of the two ways in which the sandbox ends with its
/// supervisor.
void bind_to_parent() {
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> list;
    for (auto& word : words) list.push_back(word.data());
    list.push_back(nullptr);
    return list;
}

struct Program {
    std::vector<std::string> command, variables;
    std::string directory;
    int log = -1;
};

[[noreturn]] void execute(Program& program, int failure) {
    auto report = [&](InitStep step, int error) {
        std::int32_t words[2] = {static_cast<std::int32_t>(step), error};
        [[maybe_unused]] auto written = write(failure, words, sizeof words);
        _exit(error == ENOENT ? 127 : 126);
    };
    setsid();
    dup2(program.log, STDOUT_FILENO);
    dup2(program.log, STDERR_FILENO);
    if (chdir(program.directory.c_str()) != 0) report(InitStep::enter_directory, errno);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    auto arguments = pointers(program.command);
    auto variables = pointers(program.variables);
    // execvpe looks the program up in our PATH: it has to be the command's.
    environ = variables.data();
    execvpe(arguments[0], arguments.data(), variables.data());
    report(InitStep::execute, errno);
    _exit(126);
}

/// Starts the command; returns its process id, or nothing with `report` filled in.
std::optional<pid_t> start(Program& program, InitReport& report) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        report = {.failed_step = InitStep::execute, .error = errno};
        return std::nullopt;
    }
    FileDescriptor reading(ends[0]), writing(ends[1]);
    pid_t child = fork();
    if (child == 0) execute(program, writing.get());
    if (child < 0) {
        report = {.failed_step = InitStep::execute, .error = errno};
        return std::nullopt;
    }
    writing.reset();
    std::int32_t words[2];
    if (!read_exactly(reading.get(), words, sizeof words)) return child;  // closed by the exec
    report = {.failed_step = static_cast<InitStep>(words[0]), .error = words[1]};
    return std::nullopt;
}

void send_report(int control, const InitReport& report) {
    [[maybe_unused]] auto sent = send(control, &report, sizeof report, MSG_NOSIGNAL);
}

/// Reaps what has ended; returns the report once `command` is among it.
std::optional<InitReport> reap(pid_t command) {
    for (;;) {
        int status = 0;
        pid_t ended = waitpid(-1, &status, WNOHANG);
        if (ended <= 0) return std::nullopt;
        if (ended != command) continue;
        rusage usage{};
        getrusage(RUSAGE_CHILDREN, &usage);
        auto us = [](const timeval& time) { return time.tv_sec * 1'000'000 + time.tv_usec; };
        return InitReport{.wait_status = status,
                          .cpu_us = us(usage.ru_utime) + us(usage.ru_stime),
                          .memory_peak_kib = usage.ru_maxrss};
    }
}

/// Obeys the supervisor; returns when it is gone.
bool obey(int control) {
    char request = 0;
    if (read(control, &request, 1) <= 0) return false;
    if (request == kTerminate) {
        kill(-1, SIGTERM);
        kill(-1, SIGCONT);  // a stopped process would not see it
    }
    return true;
}

}  // namespace

int run_sandbox_init(int control, int log) {
    if (getpid() != 1) {
        [[maybe_unused]] auto written =
            write(STDERR_FILENO, "maru shim --init runs only inside a sandbox\n", 44);
        return 2;
    }
    bind_to_parent();
    // Among them the lock of the replica's folder: ours until we end, not the command's.
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    InitSpec spec = read_spec(control);

    InitReport report;
    if (spec.drop_privileges) {
        if (int error = drop_privileges(spec.user_id); error != 0) {
            send_report(control, {.failed_step = InitStep::drop_privileges, .error = error});
            end();
        }
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    bind_to_parent();

    sigset_t watched;
    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    sigprocmask(SIG_BLOCK, &watched, nullptr);
    FileDescriptor signals(signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));

    Program program{.command = spec.command, .directory = spec.directory, .log = log};
    for (const auto& [name, value] : spec.variables)
        program.variables.push_back(name + "=" + value);
    auto command = start(program, report);
    if (!command) {
        send_report(control, report);
        end();
    }
    close(log);

    pollfd sources[2] = {{signals.get(), POLLIN, 0}, {control, POLLIN, 0}};
    for (;;) {
        if (poll(sources, 2, -1) < 0 && errno != EINTR) end();
        if (sources[0].revents != 0) {
            signalfd_siginfo ignored;
            while (read(signals.get(), &ignored, sizeof ignored) > 0) continue;
            if (auto ended = reap(*command)) {
                send_report(control, *ended);
                end();
            }
        }
        if (sources[1].revents != 0 && !obey(control)) end();
    }
}

}  // namespace maru::compute::process
