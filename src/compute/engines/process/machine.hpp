#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compute/engines/process/cgroups.hpp"

/// What this machine has for workloads. Each function reads the kernel's files anew.
namespace maru::compute::process {

std::string machine_name();
/// "AMD EPYC 7763, Linux 6.1.0": what results may depend on.
std::string machine_description();
/// Cores that this process may use, thousandths: its affinity and its own cgroups' quota.
std::int64_t usable_cpu_milli(const std::vector<Cgroup>& own);
/// Memory for workloads: the machine's, or our own cgroups' limit, less 5 % for the system and the
/// server.
std::int64_t usable_memory_mib(const std::vector<Cgroup>& own);

/// CPU time and memory of a process and all that descends from it, from /proc: where there are no
/// cgroups.
CgroupUsage read_process_tree(std::int64_t root);

}  // namespace maru::compute::process
