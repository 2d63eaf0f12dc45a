#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.hpp"
#include "base/reflection.hpp"

/// Control groups, version 1 or 2: the limits of a replica and what it uses. Errors: functions that
/// write throw Error with the file's path; those that read give zero for what the kernel does not
/// offer.
namespace maru::compute::process {

/// One folder of one hierarchy.
struct Cgroup {
    std::int32_t version = 1;
    std::vector<std::string> controllers;  // of those we use: cpu cpuacct memory pids
    std::string folder;
    bool has(std::string_view controller) const;
};
BOOST_DESCRIBE_STRUCT(Cgroup, (), (version, controllers, folder))

struct CgroupLimits {
    std::int64_t cpu_milli = 1000;
    std::int64_t memory_bytes = 0;
};

struct CgroupUsage {
    double cpu_s = 0;
    std::int64_t memory_bytes = 0;       // without file cache that can be dropped
    std::int64_t memory_peak_bytes = 0;  // with it
    std::int64_t oom_kills = 0;
};

/// Where this process is in each hierarchy, from the texts of /proc/self/mountinfo and
/// /proc/self/cgroup. Of version 2 only where no version 1 hierarchy offers the controllers;
/// `controllers` is filled for version 1.
std::vector<Cgroup> find_own_cgroups(std::string_view mountinfo, std::string_view own);

/// Makes the folder `name` below each of our own cgroups, in which replicas get theirs. Returns
/// those that could be made; what could not is said in `problems`, a line each.
std::vector<Cgroup> make_parent_cgroups(const std::vector<Cgroup>& own, std::string_view name,
                                        std::vector<std::string>& problems);

/// The same hierarchies, one folder deeper.
std::vector<Cgroup> child_cgroups(const std::vector<Cgroup>& parents, std::string_view name);

void create_cgroups(const std::vector<Cgroup>& cgroups, const CgroupLimits& limits);
/// Descriptors to which a process writes "0" to enter (all that a child may do between fork and
/// exec).
std::vector<FileDescriptor> open_cgroup_entries(const std::vector<Cgroup>& cgroups);
CgroupUsage read_cgroups(const std::vector<Cgroup>& cgroups);
/// SIGKILL to all that is inside.
void kill_cgroups(const std::vector<Cgroup>& cgroups);
/// True once none is left; false while processes are still in one.
bool remove_cgroups(const std::vector<Cgroup>& cgroups);

}  // namespace maru::compute::process
