#include <unistd.h>

#include <algorithm>

#include "base/child_process.hpp"
#include "base/files.hpp"
#include "compute/engines/process/cgroups.hpp"
#include "compute/engines/process/engine_fixture.hpp"

namespace maru::compute {
namespace {

/// With writable cgroups the kernel holds the limits; without, the supervisor watches memory alone.
class LimitsTest : public EngineFixture {
  protected:
    static bool has_cgroups() {
        using namespace process;
        std::vector<std::string> problems;
        auto own =
            find_own_cgroups(read_file("/proc/self/mountinfo"), read_file("/proc/self/cgroup"));
        auto parents = make_parent_cgroups(own, "maru-limits-test", problems);
        remove_cgroups(parents);
        return std::ranges::any_of(parents, [](const Cgroup& one) { return one.has("memory"); });
    }
};

TEST_F(LimitsTest, KillsWhatUsesMoreThanItsMemory) {
    auto replica = spec("a", {"tail", "/dev/zero"});
    replica.memory_mib = 64;
    auto exit = run(replica);
    EXPECT_TRUE(exit.out_of_memory) << exit.reason;
    EXPECT_EQ(exit.exit_code, 137);
    EXPECT_EQ(exit.reason, "killed: used more than its memory limit of 64 MiB");
    EXPECT_GT(exit.memory_peak_bytes, 60 << 20);
    if (has_cgroups()) EXPECT_LE(exit.memory_peak_bytes, 64 << 20);
}

TEST_F(LimitsTest, CountsAChildsDeathOnlyWhereTheCommandFails) {
    if (!has_cgroups()) GTEST_SKIP() << "the supervisor ends the whole replica";
    auto replica = script("a", "tail /dev/zero; echo survived");
    replica.memory_mib = 64;
    auto exit = run(replica);
    EXPECT_EQ(exit.exit_code, 0) << exit.reason;
    EXPECT_FALSE(exit.out_of_memory);
}

TEST_F(LimitsTest, CountsPrivateFilesInMemory) {
    if (!has_cgroups()) GTEST_SKIP() << "only a cgroup counts files in memory";
    auto replica = script("a", "head -c 200M /dev/zero > /tmp/big");
    replica.memory_mib = 64;
    auto exit = run(replica);
    EXPECT_NE(exit.exit_code, 0);
}

TEST_F(LimitsTest, HoldsToItsCores) {
    if (!has_cgroups()) GTEST_SKIP() << "only a cgroup can hold a process to a share of a core";
    auto replica = script("a", "for i in 1 2; do (while :; do :; done) & done; sleep 1.5; kill 0");
    replica.cpu_milli = 500;
    auto exit = run(replica);
    EXPECT_GT(exit.cpu_s, 0.3);
    EXPECT_LT(exit.cpu_s, 1.2) << "two busy processes on half a core for 1.5 s";
}

/// The same tests as a plain user, in a user namespace, without cgroups.
TEST(ProcessEngineWithoutRoot, PassesItsTests) {
    if (geteuid() != 0) return;  // then the other tests are that already
    auto pattern = (std::filesystem::temp_directory_path() / "maru-engine-user-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    std::filesystem::path directory = pattern;
    // Where the build lies may be closed to that user.
    auto program = directory / "engine_test";
    std::filesystem::copy_file("/proc/self/exe", program);
    std::filesystem::permissions(program, std::filesystem::perms(0755));
    ASSERT_EQ(chown(directory.c_str(), 65534, 65534), 0);
    auto result = run_child(
        {"/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--",
         program.string(), "--gtest_filter=ProcessEngineTest.*:LimitsTest.*", "--gtest_brief=1"},
        {.environment = {{"TMPDIR", directory.string()}, {"PATH", "/usr/bin:/bin"}},
         .directory = directory.string(),
         .timeout = std::chrono::seconds(100)});
    EXPECT_EQ(result.exit_code, 0) << result.output;
    std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace maru::compute
