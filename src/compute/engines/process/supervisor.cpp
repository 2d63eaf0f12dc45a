#include "compute/engines/process/supervisor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "compute/engines/process/machine.hpp"
#include "compute/engines/process/sandbox.hpp"

namespace maru::compute::process {

namespace {

constexpr int kKilledExitCode = 128 + SIGKILL;
// How long a sandbox may take to die of itself before its processes are killed one by one.
constexpr std::chrono::seconds kDeath{2};
// Reading /proc costs about a millisecond for every hundred processes of the machine.
constexpr std::chrono::milliseconds kSampleEvery{250};
constexpr std::size_t kErrorTextBytesMax = 4096;

void keep_over_exec(int fd) {
    fcntl(fd, F_SETFD, 0);
}

SystemClock system_clock;

}  // namespace

Supervisor::Supervisor(std::filesystem::path folder, FileDescriptor lock)
    : folder_(std::move(folder)), lock_(std::move(lock)) {
    spec_ =
        from_json<SupervisorSpec>(read_file(folder_ / kSpecFile), {.ignore_unknown_fields = true});
    // Ours to reap even when bubblewrap is killed before what it started.
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    sigset_t watched;
    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    sigaddset(&watched, SIGTERM);
    sigprocmask(SIG_BLOCK, &watched, nullptr);
    signals_ = FileDescriptor(signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) fail_errno(errno, "cannot watch for signals");
}

void Supervisor::run() {
    if (read_if_present(folder_ / kStartedFile) || read_if_present(folder_ / kExitFile)) return;
    ReplicaExit exit;
    try {
        exit_record_.emplace(folder_ / kExitFile);
        prepare();
        obey_stop_request();
        if (stopped_) {
            exit = {
                .exit_code = 128 + SIGTERM, .stopped = true, .reason = "stopped before it began"};
        } else {
            start_sandbox();
            watch();
            exit = outcome();
        }
    } catch (const Error& error) {
        kill_sandbox();
        exit = {.exit_code = 126, .reason = fmt::format("cannot start: {}", error.message())};
        write_to_log(exit.reason);
    }
    exit.started_at = started_at_;
    exit.ended_at = system_clock.now();
    remove_cgroups(spec_.cgroups);
    if (!exit_record_) exit_record_.emplace(folder_ / kExitFile);
    exit_record_->commit(to_json(exit));
}

void Supervisor::prepare() {
    const auto& replica = spec_.replica;
    log_ = FileDescriptor(
        open(replica.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
    if (!log_) fail_errno(errno, fmt::format("cannot open the log {}", replica.log_file));
    create_cgroups(spec_.cgroups,
                   {.cpu_milli = replica.cpu_milli, .memory_bytes = replica.memory_mib << 20});
    if (!spec_.drop_privileges) return;
    for (const auto& mount : replica.mounts)
        if (mount.writable) give_to_user(mount.source, spec_.user_id);
}

void Supervisor::start_sandbox() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        fail_errno(errno, "cannot create a socket pair");
    control_ = FileDescriptor(ends[0]);
    FileDescriptor inner(ends[1]);
    if (pipe2(ends, O_CLOEXEC) != 0) fail_errno(errno, "cannot create a pipe");
    errors_ = FileDescriptor(ends[0]);
    FileDescriptor inner_errors(ends[1]);
    auto command = sandbox_command(spec_, inner.get(), log_.get());
    auto entries = open_cgroup_entries(spec_.cgroups);

    // From here on the command may run: whoever finds this file must not start the replica again.
    started_at_ = system_clock.now();
    publish_file(folder_ / kStartedFile, to_json(StartedRecord{*started_at_}));

    sandbox_ = fork();
    if (sandbox_ < 0) fail_errno(errno, "cannot start a process");
    if (sandbox_ == 0) {
        for (const auto& entry : entries)
            if (write(entry.get(), "0", 1) != 1) {
                dprintf(inner_errors.get(), "cannot enter a cgroup: %s", strerror(errno));
                _exit(126);
            }
        for (int fd : {lock_.get(), log_.get(), inner.get()}) keep_over_exec(fd);
        for (const auto& file : command.files) keep_over_exec(file.get());
        become_sandbox(command.words, inner_errors.get());
    }
    inner.reset();
    inner_errors.reset();
    if (spec_.replica.time_limit_s)
        time_limit_at_ = Clock::now() + std::chrono::seconds(*spec_.replica.time_limit_s);
    if (std::ranges::none_of(spec_.cgroups, [](const Cgroup& one) { return one.has("memory"); }))
        sample_at_ = Clock::now();
    send_spec();
}

void Supervisor::become_sandbox(const std::vector<std::string>& command, int errors) {
    // When the whole machine is out of memory, a workload goes before the server.
    if (FileDescriptor score(open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)); score)
        [[maybe_unused]]
        auto written = write(score.get(), "500", 3);
    FileDescriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
    dup2(null.get(), STDIN_FILENO);
    dup2(errors, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    std::vector<char*> arguments;
    for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    char* no_variables[] = {nullptr};
    execve(arguments[0], arguments.data(), no_variables);
    dprintf(STDERR_FILENO, "cannot run %s: %s", arguments[0], strerror(errno));
    _exit(126);
}

void Supervisor::send_spec() {
    const auto& replica = spec_.replica;
    InitSpec init{.command = replica.command,
                  .variables = replica.variables,
                  .directory = replica.directory,
                  .drop_privileges = spec_.drop_privileges,
                  .user_id = spec_.user_id};
    std::string text = to_json(init);
    auto size = static_cast<std::uint32_t>(text.size());
    text.insert(0, reinterpret_cast<const char*>(&size), sizeof size);
    std::string_view rest = text;
    while (!rest.empty()) {
        ssize_t sent = send(control_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        // The sandbox could not be built: its own words come through errors_.
        if (sent < 0) return;
        rest.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void Supervisor::watch() {
    while (children_left_) {
        int timeout_ms = -1;
        if (auto deadline = next_deadline()) {
            auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now());
            timeout_ms = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
        }
        pollfd sources[3] = {{signals_.get(), POLLIN, 0},
                             {control_ ? control_.get() : -1, POLLIN, 0},
                             {errors_ ? errors_.get() : -1, POLLIN, 0}};
        if (poll(sources, 3, timeout_ms) < 0 && errno != EINTR) fail_errno(errno, "cannot wait");
        // The report first: a request to end that comes after the end changes nothing.
        if (sources[1].revents != 0) take_report();
        if (sources[2].revents != 0) take_errors();
        if (sources[0].revents != 0) take_signals();
        meet_deadlines();
    }
    if (control_) take_report();
    while (errors_) take_errors();
}

std::optional<Supervisor::Clock::time_point> Supervisor::next_deadline() const {
    std::optional<Clock::time_point> next;
    for (const auto& deadline : {time_limit_at_, kill_at_, force_at_, sample_at_})
        if (deadline && (!next || *deadline < *next)) next = deadline;
    return next;
}

void Supervisor::meet_deadlines() {
    auto now = Clock::now();
    if (time_limit_at_ && now >= *time_limit_at_) {
        time_limit_at_.reset();
        if (!report_ && !stopped_) {
            timed_out_ = true;
            ask_to_end(spec_.replica.stop_grace_s);
        }
    }
    if (kill_at_ && now >= *kill_at_) {
        kill_at_.reset();
        killed_ = !report_;
        control_.reset();  // the sandbox's first process ends, and all others with it
        force_at_ = now + kDeath;
    }
    if (force_at_ && now >= *force_at_) {
        force_at_ = now + kDeath;
        kill_sandbox();
    }
    if (sample_at_ && now >= *sample_at_) sample_memory();
}

void Supervisor::sample_memory() {
    sampled_.memory_bytes = read_process_tree(sandbox_).memory_bytes;
    sampled_.memory_peak_bytes = std::max(sampled_.memory_peak_bytes, sampled_.memory_bytes);
    if (sampled_.memory_bytes <= spec_.replica.memory_mib << 20) {
        sample_at_ = Clock::now() + kSampleEvery;
        return;
    }
    sample_at_.reset();
    sampled_.oom_kills = 1;
    kill_sandbox();
}

void Supervisor::take_signals() {
    signalfd_siginfo signal{};
    while (read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
        if (signal.ssi_signo == SIGTERM) {
            obey_stop_request();
            // Someone's kill on this very process, by hand or at the machine's shutdown.
            if (!stopped_ && !report_) {
                stopped_ = true;
                ask_to_end(spec_.replica.stop_grace_s);
            }
        }
    }
    reap();
}

void Supervisor::take_report() {
    InitReport report;
    ssize_t count = recv(control_.get(), &report, sizeof report, MSG_DONTWAIT);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (count == static_cast<ssize_t>(sizeof report)) {
        report_ = report;
        time_limit_at_.reset();
        kill_at_.reset();
        force_at_ = Clock::now() + kDeath;
    } else {
        control_.reset();
    }
}

void Supervisor::take_errors() {
    char buffer[1024];
    ssize_t count = read(errors_.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) return;
    if (count <= 0) {
        errors_.reset();
    } else if (error_text_.size() < kErrorTextBytesMax) {
        error_text_.append(buffer, static_cast<std::size_t>(count));
    }
}

void Supervisor::reap() {
    for (;;) {
        int status = 0;
        pid_t ended = waitpid(-1, &status, WNOHANG);
        if (ended == 0) return;
        if (ended < 0) {
            if (errno == EINTR) continue;
            children_left_ = false;
            return;
        }
        if (ended == sandbox_) sandbox_status_ = status;
    }
}

void Supervisor::obey_stop_request() {
    auto text = read_if_present(folder_ / kStopFile);
    if (!text || report_) return;
    stopped_ = true;
    ask_to_end(from_json<StopRecord>(*text, {.ignore_unknown_fields = true}).grace_s);
}

void Supervisor::ask_to_end(std::int64_t grace_s) {
    if (control_) send(control_.get(), &kTerminate, 1, MSG_NOSIGNAL);
    // A second request can shorten the grace, not extend it.
    auto kill_at =
        Clock::now() + std::chrono::seconds(std::clamp<std::int64_t>(grace_s, 0, 86'400));
    if (!kill_at_ || kill_at < *kill_at_) {
        kill_at_ = kill_at;
        grace_s_ = grace_s;
    }
}

void Supervisor::kill_sandbox() {
    control_.reset();
    if (sandbox_ > 0 && !sandbox_status_) kill(sandbox_, SIGKILL);
    kill_cgroups(spec_.cgroups);
}

ReplicaExit Supervisor::outcome() {
    ReplicaExit exit;
    auto usage = read_cgroups(spec_.cgroups);
    usage.oom_kills += sampled_.oom_kills;
    usage.memory_peak_bytes = std::max(usage.memory_peak_bytes, sampled_.memory_peak_bytes);
    exit.cpu_s = usage.cpu_s;
    exit.memory_peak_bytes = usage.memory_peak_bytes;
    if (report_ && exit.cpu_s == 0) exit.cpu_s = static_cast<double>(report_->cpu_us) / 1e6;
    if (report_ && (sample_at_ || exit.memory_peak_bytes == 0))
        exit.memory_peak_bytes = std::max(exit.memory_peak_bytes, report_->memory_peak_kib * 1024);
    judge(exit, usage);
    return exit;
}

void Supervisor::judge(ReplicaExit& exit, const CgroupUsage& usage) const {
    exit.timed_out = timed_out_;
    exit.stopped = stopped_ && !timed_out_;
    if (report_)
        judge_report(exit);
    else
        judge_without_report(exit);

    const auto& replica = spec_.replica;
    if (timed_out_) {
        exit.reason = fmt::format("ended: reached its time limit of {}",
                                  format_duration_s(*replica.time_limit_s));
        if (killed_)
            exit.reason +=
                fmt::format(" and did not end within its grace of {}", format_duration_s(grace_s_));
    } else if (exit.stopped) {
        exit.reason = killed_
                          ? fmt::format("stopped: killed, it did not end within its grace of {}",
                                        format_duration_s(grace_s_))
                          : "stopped";
    } else if (usage.oom_kills > 0 && exit.exit_code != 0) {
        exit.out_of_memory = true;
        exit.reason =
            fmt::format("killed: used more than its memory limit of {} MiB", replica.memory_mib);
    }
}

void Supervisor::judge_without_report(ReplicaExit& exit) const {
    exit.exit_code = kKilledExitCode;
    if (killed_) return;
    bool failed =
        sandbox_status_ && WIFEXITED(*sandbox_status_) && WEXITSTATUS(*sandbox_status_) != 0;
    if (failed && !error_text_.empty()) {
        exit.exit_code = 126;
        exit.reason = fmt::format("cannot build its sandbox: {}", trim(error_text_));
        write_to_log(exit.reason);
    } else {
        exit.reason = "killed: its sandbox was ended from outside";
    }
}

void Supervisor::judge_report(ReplicaExit& exit) const {
    const auto& replica = spec_.replica;
    const char* error = strerror(report_->error);
    switch (report_->failed_step) {
        case InitStep::run:
            break;
        case InitStep::drop_privileges:
            exit.exit_code = 126;
            exit.reason = fmt::format("cannot become user {}: {}", spec_.user_id, error);
            break;
        case InitStep::enter_directory:
            exit.exit_code = 126;
            exit.reason =
                fmt::format("cannot enter its working directory {}: {}", replica.directory, error);
            break;
        case InitStep::execute:
            exit.exit_code = report_->error == ENOENT ? 127 : 126;
            exit.reason = fmt::format("cannot run \"{}\": {}", replica.command[0],
                                      report_->error == ENOENT ? "no such program" : error);
            if (report_->error == ENOENT && replica.command[0] == "python")
                exit.reason += "; the machine's own is python3, an environment has python";
            break;
    }
    if (report_->failed_step != InitStep::run) {
        write_to_log(exit.reason);
        return;
    }
    int status = report_->wait_status;
    if (WIFSIGNALED(status)) {
        exit.exit_code = 128 + WTERMSIG(status);
        const char* name = sigabbrev_np(WTERMSIG(status));
        exit.reason =
            fmt::format("killed by signal {} (SIG{})", WTERMSIG(status), name ? name : "?");
    } else {
        exit.exit_code = WEXITSTATUS(status);
        if (exit.exit_code != 0) exit.reason = fmt::format("exited with code {}", exit.exit_code);
    }
}

void Supervisor::write_to_log(const std::string& line) const {
    if (!log_) return;
    std::string text = fmt::format("maru: {}\n", line);
    // A full disk must not hide how the replica ended.
    [[maybe_unused]] auto written = write(log_.get(), text.data(), text.size());
}

}  // namespace maru::compute::process
