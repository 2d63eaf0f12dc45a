#include "compute/engines/process/cgroups.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/files.hpp"

namespace maru::compute::process {
namespace {

constexpr std::string_view kVersion1Mounts =
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:4 - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
    "50 31 0:40 / /proc rw,relatime - proc proc rw\n";

TEST(Cgroups, FindsVersion1HierarchiesOfAHybrid) {
    auto own = find_own_cgroups(
        kVersion1Mounts, "4:memory:/user/a\n2:cpu,cpuacct:/\n1:name=systemd:/\n0::/user/a\n");
    ASSERT_EQ(own.size(), 2u);
    EXPECT_EQ(own[0].folder, "/sys/fs/cgroup/memory/user/a");
    EXPECT_EQ(own[1].folder, "/sys/fs/cgroup/cpu,cpuacct");
    EXPECT_EQ(own[1].controllers, (std::vector<std::string>{"cpu", "cpuacct"}));
    EXPECT_EQ(own[1].version, 1);
}

TEST(Cgroups, FindsVersion2AloneAndLeavesItsOwnLeaf) {
    constexpr std::string_view mounts = "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
    auto own = find_own_cgroups(mounts, "0::/system.slice/maru.service\n");
    ASSERT_EQ(own.size(), 1u);
    EXPECT_EQ(own[0].version, 2);
    EXPECT_EQ(own[0].folder, "/sys/fs/cgroup/system.slice/maru.service");
    own = find_own_cgroups(mounts, "0::/system.slice/maru.service/maru-server\n");
    EXPECT_EQ(own[0].folder, "/sys/fs/cgroup/system.slice/maru.service");
}

TEST(Cgroups, FindsItsPlaceInAContainer) {
    auto own = find_own_cgroups(
        "35 31 0:32 /docker/x /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
        "4:memory:/docker/x/inner\n");
    ASSERT_EQ(own.size(), 1u);
    EXPECT_EQ(own[0].folder, "/sys/fs/cgroup/memory/inner");
    own = find_own_cgroups(
        "35 31 0:32 /docker/x /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
        "4:memory:/elsewhere\n");
    EXPECT_EQ(own[0].folder, "/sys/fs/cgroup/memory");
}

TEST(Cgroups, FindsNoneWhereThereIsNone) {
    EXPECT_TRUE(find_own_cgroups("", "").empty());
    EXPECT_TRUE(find_own_cgroups("not a mount\n\n - \n", "garbage\n4:memory:/a\n").empty());
}

/// A folder with the files of a version 2 cgroup, which this machine need not have.
class Version2 : public testing::Test {
  protected:
    Version2() {
        auto pattern = (std::filesystem::temp_directory_path() / "maru-cgroup-XXXXXX").string();
        folder_ = mkdtemp(pattern.data());
    }
    ~Version2() override { std::filesystem::remove_all(folder_); }
    void put(const std::string& name, std::string_view content) {
        std::ofstream(folder_ / name) << content;
    }
    std::filesystem::path folder_;
};

TEST_F(Version2, SetsLimits) {
    for (auto name : {"memory.max", "memory.swap.max", "cpu.max", "pids.max"}) put(name, "");
    create_cgroups({{.version = 2, .controllers = {"cpu", "memory", "pids"}, .folder = folder_}},
                   {.cpu_milli = 2500, .memory_bytes = 1 << 29});
    EXPECT_EQ(read_file(folder_ / "memory.max"), "536870912");
    EXPECT_EQ(read_file(folder_ / "memory.swap.max"), "0");
    EXPECT_EQ(read_file(folder_ / "cpu.max"), "250000 100000");
}

TEST_F(Version2, ReadsUsage) {
    put("memory.current", "1000000\n");
    put("memory.peak", "2000000\n");
    put("memory.stat", "anon 5\ninactive_file 400000\nactive_file 7\n");
    put("memory.events", "low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\noom_group_kill 0\n");
    put("cpu.stat", "usage_usec 1500000\nuser_usec 1\n");
    auto usage =
        read_cgroups({{.version = 2, .controllers = {"cpu", "memory"}, .folder = folder_}});
    EXPECT_EQ(usage.memory_bytes, 600000);
    EXPECT_EQ(usage.memory_peak_bytes, 2000000);
    EXPECT_EQ(usage.oom_kills, 1);
    EXPECT_DOUBLE_EQ(usage.cpu_s, 1.5);
}

}  // namespace
}  // namespace maru::compute::process
