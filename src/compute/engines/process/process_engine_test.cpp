#include "compute/engines/process/process_engine.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "base/child_process.hpp"
#include "base/error.hpp"
#include "base/files.hpp"
#include "base/json.hpp"
#include "compute/engines/process/engine_fixture.hpp"
#include "compute/engines/process/records.hpp"
#include "compute/engines/process/replica_folder.hpp"

namespace maru::compute {
namespace {

using ProcessEngineTest = EngineFixture;

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

/// A sleeping program that no other test's can be mistaken for; its processes as seen from outside.
std::string unique_sleep(int seconds) {
    return fmt::format("sleep {}.{}", seconds, getpid());
}

int processes_with(const std::string& argument) {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        std::ifstream file(entry.path() / "cmdline", std::ios::binary);
        std::string text((std::istreambuf_iterator<char>(file)), {});
        if (text.starts_with("sleep") && contains(text, argument)) ++count;
    }
    return count;
}

TEST_F(ProcessEngineTest, RunsACommandToItsEnd) {
    auto exit = run(spec("a", {"echo", "hello", "you"}));
    EXPECT_EQ(exit.exit_code, 0) << exit.reason;
    EXPECT_EQ(log("a"), "hello you\n");
    EXPECT_TRUE(exit.started_at);
    EXPECT_GE(exit.ended_at, *exit.started_at);
    auto statuses = told("a");
    ASSERT_EQ(statuses.size(), 3u);
    EXPECT_EQ(statuses[0].state, ReplicaState::starting);
    EXPECT_EQ(statuses[1].state, ReplicaState::running);
    EXPECT_EQ(statuses[2].state, ReplicaState::ended);
}

TEST_F(ProcessEngineTest, TellsTrueExitCodes) {
    auto three = run(script("a", "exit 3"));
    EXPECT_EQ(three.exit_code, 3);
    EXPECT_EQ(three.reason, "exited with code 3");
    auto killed = run(script("b", "kill -KILL $$"));
    EXPECT_EQ(killed.exit_code, 137);
    EXPECT_EQ(killed.reason, "killed by signal 9 (SIGKILL)");
    EXPECT_FALSE(killed.stopped || killed.out_of_memory || killed.timed_out || killed.lost);
}

TEST_F(ProcessEngineTest, SaysWhyACommandCannotRun) {
    auto exit = run(spec("a", {"no-such-program", "x"}));
    EXPECT_EQ(exit.exit_code, 127);
    EXPECT_EQ(exit.reason, "cannot run \"no-such-program\": no such program");
    EXPECT_EQ(log("a"), "maru: cannot run \"no-such-program\": no such program\n");

    auto elsewhere = spec("b", {"true"});
    elsewhere.directory = "/nowhere";
    exit = run(elsewhere);
    EXPECT_EQ(exit.exit_code, 126);
    EXPECT_TRUE(contains(exit.reason, "cannot enter its working directory /nowhere"))
        << exit.reason;

    auto missing = spec("c", {"true"});
    missing.mounts.push_back({.source = "/no/such/source", .target = "/data"});
    exit = run(missing);
    EXPECT_EQ(exit.exit_code, 126);
    EXPECT_TRUE(contains(exit.reason, "/no/such/source")) << exit.reason;

    auto logless = spec("d", {"true"});
    logless.log_file = "/no/such/folder/log";
    exit = run(logless);
    EXPECT_EQ(exit.exit_code, 126);
    EXPECT_TRUE(contains(exit.reason, "/no/such/folder/log")) << exit.reason;
}

TEST_F(ProcessEngineTest, AppendsBothStreamsToTheLog) {
    std::ofstream(directory_ / "a.log") << "before\n";
    run(script("a", "echo out; echo err >&2"));
    EXPECT_EQ(log("a"), "before\nout\nerr\n");
}

TEST_F(ProcessEngineTest, GivesExactlyTheEnvironmentOfTheSpec) {
    auto replica = spec("a", {"env"});
    replica.variables = {{"PATH", "/usr/bin"}, {"HOME", "/workload"}, {"WORD", "two words=x"}};
    run(replica);
    EXPECT_EQ(log("a"), "HOME=/workload\nPATH=/usr/bin\nWORD=two words=x\n");
}

TEST_F(ProcessEngineTest, ShowsNothingOfTheMachineButTheSystem) {
    std::ofstream(directory_ / "secret") << "secret";
    auto exit =
        run(script("a", fmt::format("ls {0} && echo SEEN; cat /etc/shadow && echo SEEN;"
                                    "ls /root && echo SEEN; ls /home && echo SEEN;"
                                    "touch /usr/x && echo WROTE; touch /x && echo WROTE;"
                                    "touch /etc/x && echo WROTE; touch /.maru/x && echo WROTE;"
                                    "ls /tmp; touch /tmp/mine /dev/shm/mine mine && echo OWN;"
                                    "cat /proc/1/environ | tr '\\0' '\\n';"
                                    "getent passwd $(id -u)",
                                    directory_.string())));
    auto text = log("a");
    EXPECT_EQ(exit.exit_code, 0) << text;
    EXPECT_FALSE(contains(text, "SEEN")) << text;
    EXPECT_FALSE(contains(text, "WROTE")) << text;
    EXPECT_TRUE(contains(text, "OWN\n")) << text;
    EXPECT_TRUE(contains(text, ":/workload:/bin/sh\n")) << text;
    EXPECT_TRUE(std::filesystem::exists(directory_ / "work-a" / "mine"));
}

TEST_F(ProcessEngineTest, MountsReadOnlyWhatIsNotWritable) {
    auto data = directory_ / "data";
    std::filesystem::create_directories(data);
    std::ofstream(data / "file") << "content\n";
    auto replica = script("a", "cat /mnt/data/file; echo x > /mnt/data/file && echo WROTE");
    replica.mounts.push_back({.source = data.string(), .target = "/mnt/data"});
    run(replica);
    EXPECT_TRUE(contains(log("a"), "content\n")) << log("a");
    EXPECT_EQ(read_file(data / "file"), "content\n");
}

TEST_F(ProcessEngineTest, RunsAsAnOrdinaryUserWithoutPrivileges) {
    run(script("a", "id -u; id -G; grep -E '^(Cap|NoNewPrivs)' /proc/self/status; echo $$"));
    auto text = log("a");
    auto user = geteuid() == 0 ? 200'007 : static_cast<int>(geteuid());
    EXPECT_TRUE(text.starts_with(fmt::format("{}\n", user))) << text;
    for (auto name : {"CapInh", "CapPrm", "CapEff", "CapAmb"})
        EXPECT_TRUE(contains(text, fmt::format("{}:\t0000000000000000", name))) << text;
    EXPECT_TRUE(contains(text, "NoNewPrivs:\t1")) << text;
    if (geteuid() == 0) EXPECT_TRUE(contains(text, "CapBnd:\t0000000000000000")) << text;
}

TEST_F(ProcessEngineTest, HandsWritableMountsToItsUser) {
    auto replica = script("a", "echo more >> given && echo x > folder/new && stat -c %u given");
    std::ofstream(directory_ / "work-a" / "given") << "";
    std::filesystem::create_directories(directory_ / "work-a" / "folder");
    std::filesystem::create_symlink("/etc/hostname", directory_ / "work-a" / "link");
    std::ofstream(directory_ / "elsewhere") << "";
    std::filesystem::create_hard_link(directory_ / "elsewhere", directory_ / "work-a" / "linked");
    EXPECT_EQ(run(replica).exit_code, 0) << log("a");
    struct stat status{};
    ASSERT_EQ(stat((directory_ / "elsewhere").c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, geteuid());
    ASSERT_EQ(stat("/etc/hostname", &status), 0);
    EXPECT_EQ(status.st_uid, 0u);
}

TEST_F(ProcessEngineTest, RunsBelowAFolderThatTheUserCannotEnter) {
    auto hidden = directory_ / "hidden";
    std::filesystem::create_directories(hidden / "inner");
    chmod(hidden.c_str(), 0700);
    auto replica = script("a", "touch here");
    replica.mounts[0].source = (hidden / "inner").string();
    EXPECT_EQ(run(replica).exit_code, 0) << log("a");
    EXPECT_TRUE(std::filesystem::exists(hidden / "inner" / "here"));
}

TEST_F(ProcessEngineTest, StopsOnRequest) {
    engine_->launch(
        script("a", "trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.01; done"));
    wait_for_log("a", "ready");
    engine_->stop("a", 0, 20);
    auto exit = wait_for_end("a");
    EXPECT_TRUE(exit.stopped);
    EXPECT_EQ(exit.exit_code, 0);
    EXPECT_EQ(exit.reason, "stopped");
    EXPECT_TRUE(contains(log("a"), "asked")) << log("a");
}

TEST_F(ProcessEngineTest, KillsAfterTheGrace) {
    auto sleep = unique_sleep(1001);
    engine_->launch(script("a", "trap '' TERM; (trap '' TERM; " + sleep +
                                    ") & echo ready; while :; do sleep 0.01; done"));
    wait_for_log("a", "ready");
    engine_->stop("a", 0, 1);
    auto exit = wait_for_end("a");
    EXPECT_TRUE(exit.stopped);
    EXPECT_EQ(exit.exit_code, 137);
    EXPECT_EQ(exit.reason,
              fmt::format("stopped: killed, it did not end within its grace of {}", "1 s"));
    EXPECT_EQ(processes_with(sleep.substr(6)), 0);
}

TEST_F(ProcessEngineTest, AShorterGraceWins) {
    engine_->launch(script("a", "trap '' TERM; echo ready; while :; do sleep 0.01; done"));
    wait_for_log("a", "ready");
    engine_->stop("a", 0, 3600);
    engine_->stop("a", 0, 0);
    EXPECT_EQ(wait_for_end("a").exit_code, 137);
}

TEST_F(ProcessEngineTest, StopsWhatHasHardlyBegun) {
    engine_->launch(script("a", "sleep 1000"));
    engine_->stop("a", 0, 5);
    auto exit = wait_for_end("a");
    EXPECT_TRUE(exit.stopped);
    EXPECT_EQ(exit.exit_code, 143) << exit.reason;
}

TEST_F(ProcessEngineTest, StopOfWhatHasEndedDoesNothing) {
    run(spec("a", {"true"}));
    engine_->stop("a", 0, 1);
    engine_->stop("never", 0, 1);
    EXPECT_EQ(told("a").size(), 3u);
}

TEST_F(ProcessEngineTest, EndsAtItsTimeLimit) {
    auto replica = script("a", "sleep 1000");
    replica.time_limit_s = 1;
    auto exit = run(replica);
    EXPECT_TRUE(exit.timed_out);
    EXPECT_FALSE(exit.stopped);
    EXPECT_EQ(exit.exit_code, 143);
    EXPECT_EQ(exit.reason, "ended: reached its time limit of 1 s");
}

TEST_F(ProcessEngineTest, LeavesNothingBehindWhenTheCommandEnds) {
    auto sleep = unique_sleep(1002);
    auto exit = run(script("a", "setsid " + sleep + " & exit 4"));
    EXPECT_EQ(exit.exit_code, 4);
    EXPECT_EQ(processes_with(sleep.substr(6)), 0);
}

TEST_F(ProcessEngineTest, ASupervisorKilledTakesItsSandboxAlong) {
    auto sleep = unique_sleep(1003);
    engine_->launch(script("a", "setsid " + sleep + " & echo ready; " + sleep));
    wait_for_log("a", "ready");
    ASSERT_TRUE(eventually([&] { return processes_with(sleep.substr(6)) == 2; }));
    kill(supervisor("a"), SIGKILL);
    auto exit = wait_for_end("a");
    EXPECT_TRUE(exit.lost);
    EXPECT_TRUE(contains(exit.reason, "its supervisor was killed")) << exit.reason;
    EXPECT_EQ(processes_with(sleep.substr(6)), 0);
}

TEST_F(ProcessEngineTest, ARestartedServerFindsWhatRunsAndItsTrueEnd) {
    engine_->launch(script("a", "echo ready; while [ ! -e go ]; do sleep 0.01; done; exit 9"));
    wait_for_log("a", "ready");
    restart();
    EXPECT_TRUE(engine_->recover({"a"}).empty());
    wait_until_running("a");
    EXPECT_TRUE(told("a").front().started_at);
    engine_->launch(script("a", "echo twice"));
    std::ofstream(directory_ / "work-a" / "go") << "";
    EXPECT_EQ(wait_for_end("a").exit_code, 9);
    EXPECT_EQ(log("a"), "ready\n");
}

TEST_F(ProcessEngineTest, ARestartedServerHearsOfWhatEndedMeanwhile) {
    engine_->launch(script("a", "echo ready; while [ ! -e go ]; do sleep 0.01; done; exit 9"));
    wait_for_log("a", "ready");
    engine_.reset();
    std::ofstream(directory_ / "work-a" / "go") << "";
    ASSERT_TRUE(
        eventually([&] { return std::filesystem::exists(folder("a") / process::kExitFile); }));
    restart();
    EXPECT_EQ(engine_->recover({"a", "b"}), std::vector<std::string>{"b"});
    EXPECT_EQ(wait_for_end("a").exit_code, 9);
}

TEST_F(ProcessEngineTest, ARestartedServerCanStopWhatRuns) {
    engine_->launch(script("a", "echo ready; sleep 1000"));
    wait_for_log("a", "ready");
    restart();
    engine_->recover({"a"});
    engine_->stop("a", 0, 5);
    EXPECT_TRUE(wait_for_end("a").stopped);
}

TEST_F(ProcessEngineTest, ARestartedServerNoticesALostSupervisor) {
    engine_->launch(script("a", "echo ready; sleep 1000"));
    wait_for_log("a", "ready");
    engine_.reset();
    kill(supervisor("a"), SIGKILL);
    restart();
    EXPECT_TRUE(engine_->recover({"a"}).empty());
    EXPECT_TRUE(wait_for_end("a").lost);
    restart();
    EXPECT_TRUE(engine_->recover({"a"}).empty());
    EXPECT_TRUE(wait_for_end("a").lost);
}

/// The folder as the server leaves it when it is killed before it has started the supervisor.
process::SupervisorSpec folder_without_supervisor(const std::filesystem::path& state,
                                                  const ReplicaSpec& spec,
                                                  const std::string& boot_id) {
    process::SupervisorSpec supervisor{.replica = spec, .boot_id = boot_id};
    process::create_replica_folder(state, process::replica_name({spec.attempt_id, spec.index}),
                                   supervisor);
    return supervisor;
}

TEST_F(ProcessEngineTest, AKillBeforeTheSupervisorStartsMeansNeverLaunched) {
    folder_without_supervisor(directory_ / "engine", spec("a", {"true"}), process::read_boot_id());
    std::filesystem::create_directories(directory_ / "engine" / ".new-left");
    restart();
    EXPECT_EQ(engine_->recover({"a"}), std::vector<std::string>{"a"});
    EXPECT_FALSE(std::filesystem::exists(directory_ / "engine" / ".new-left"));
    EXPECT_EQ(run(spec("a", {"echo", "once"})).exit_code, 0);
    EXPECT_EQ(log("a"), "once\n");
}

TEST_F(ProcessEngineTest, AfterARestartOfTheMachineWhatWasLaunchedIsLost) {
    folder_without_supervisor(directory_ / "engine", spec("a", {"true"}), "another-boot");
    EXPECT_TRUE(engine_->recover({"a"}).empty());
    auto exit = wait_for_end("a");
    EXPECT_TRUE(exit.lost);
    EXPECT_EQ(exit.reason, "lost: the machine was restarted");
}

TEST_F(ProcessEngineTest, AfterACrashOfTheMachineHalfWrittenFilesMeanLost) {
    std::filesystem::create_directories(folder("a"));
    std::ofstream(folder("a") / process::kSpecFile) << "{\"repl";
    std::ofstream(folder("a") / process::kStartedFile) << "";
    std::filesystem::create_directories(folder("b"));
    EXPECT_TRUE(engine_->recover({"a", "b"}).empty());
    EXPECT_TRUE(wait_for_end("a").lost);
    EXPECT_TRUE(wait_for_end("b").lost);
}

TEST_F(ProcessEngineTest, ASupervisorThatFindsAStartedCommandDoesNotStartItAgain) {
    run(spec("a", {"echo", "once"}));
    ASSERT_TRUE(eventually([&] { return process::is_abandoned(folder("a")); }));
    std::filesystem::remove(folder("a") / process::kExitFile);
    auto spec_file = (folder("a") / process::kSpecFile).string();
    auto again =
        run_child({std::filesystem::canonical("/proc/self/exe").string(), "shim", spec_file}, {});
    EXPECT_EQ(again.exit_code, 0) << again.output;
    EXPECT_EQ(log("a"), "once\n");
    std::ofstream(folder("a") / process::kExitFile) << to_json(ReplicaExit{});
}

TEST_F(ProcessEngineTest, ASecondSupervisorIsRefused) {
    engine_->launch(script("a", "echo ready; sleep 1000"));
    wait_for_log("a", "ready");
    auto spec_file = (folder("a") / process::kSpecFile).string();
    auto again =
        run_child({std::filesystem::canonical("/proc/self/exe").string(), "shim", spec_file}, {});
    EXPECT_EQ(again.exit_code, 1);
    EXPECT_TRUE(contains(again.output, "has a supervisor already")) << again.output;
}

TEST_F(ProcessEngineTest, LaunchingTwiceRunsOnce) {
    auto replica = script("a", "echo once");
    engine_->launch(replica);
    engine_->launch(replica);
    wait_for_end("a");
    engine_->launch(replica);
    EXPECT_EQ(log("a"), "once\n");
}

TEST_F(ProcessEngineTest, ForgetsWhatHasEnded) {
    run(spec("a", {"true"}));
    engine_->launch(script("b", "echo ready; sleep 1000"));
    wait_for_log("b", "ready");
    engine_->forget("a");
    engine_->forget("b");
    EXPECT_FALSE(std::filesystem::exists(folder("a")));
    EXPECT_TRUE(std::filesystem::exists(folder("b")));
    EXPECT_TRUE(std::filesystem::exists(directory_ / "a.log"));
    EXPECT_EQ(engine_->recover({"a", "b"}), std::vector<std::string>{"a"});
}

TEST_F(ProcessEngineTest, RecoverStopsWhatNoWorkloadKnows) {
    engine_->launch(script("a", "echo ready; sleep 1000"));
    run(spec("b", {"true"}));
    wait_for_log("a", "ready");
    restart();
    EXPECT_TRUE(engine_->recover({}).empty());
    EXPECT_TRUE(wait_for_end("a").stopped);
    EXPECT_FALSE(std::filesystem::exists(folder("b")));
}

TEST_F(ProcessEngineTest, RunsFiftyAtOnce) {
    for (std::int32_t index = 0; index < 50; ++index) {
        auto replica = script("a", fmt::format("echo {}; exit {}", index, index));
        replica.index = index;
        engine_->launch(replica);
    }
    for (std::int32_t index = 0; index < 50; ++index)
        EXPECT_EQ(wait_for_end("a", index).exit_code, index);
    EXPECT_EQ(std::ranges::count(log("a"), '\n'), 50);
}

TEST_F(ProcessEngineTest, RefusesAnAttemptIdThatIsNoName) {
    EXPECT_THROW(engine_->launch(spec("a/../b", {"true"})), Error);
    EXPECT_THROW(engine_->launch(spec("a", {})), Error);
}

TEST_F(ProcessEngineTest, SaysThatBubblewrapIsMissing) {
    auto engine = make_process_engine(
        {.state_directory = directory_ / "other", .bubblewrap = "/no/such/bwrap"});
    try {
        engine->launch(spec("a", {"true"}));
        FAIL() << "launched without a sandbox";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::failed_precondition);
        EXPECT_TRUE(contains(error.message(), "install the package bubblewrap")) << error.message();
    }
}

TEST_F(ProcessEngineTest, DescribesThisMachine) {
    auto nodes = engine_->fingerprint();
    ASSERT_EQ(nodes.size(), 1u);
    EXPECT_FALSE(nodes[0].name.empty());
    EXPECT_GE(nodes[0].cpu_milli, 100);
    EXPECT_GE(nodes[0].memory_mib, 64);
}

TEST_F(ProcessEngineTest, TellsWhatARunningReplicaUses) {
    EXPECT_FALSE(engine_->usage("a", 0));
    engine_->launch(script("a", "echo ready; while :; do :; done"));
    wait_for_log("a", "ready");
    EXPECT_TRUE(eventually([&] {
        auto usage = engine_->usage("a", 0);
        return usage && usage->cpu_s > 0.3 && usage->memory_bytes > 0 &&
               usage->memory_peak_bytes > 0;
    }));
    engine_->stop("a", 0, 5);
    EXPECT_GT(wait_for_end("a").cpu_s, 0.05);
    EXPECT_FALSE(engine_->usage("a", 0));
}

}  // namespace
}  // namespace maru::compute
