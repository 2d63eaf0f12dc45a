#include "compute/engines/process/machine.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <thread>

#include "base/error.hpp"
#include "base/text.hpp"
#include "compute/engines/process/records.hpp"

namespace maru::compute::process {

namespace {

std::optional<std::int64_t> read_integer(const std::string& path) {
    auto text = read_if_present(path);
    return text ? parse_int(trim(*text)) : std::nullopt;
}

std::optional<std::int64_t> cpu_quota_milli(const Cgroup& cgroup) {
    std::optional<std::int64_t> quota, period;
    if (cgroup.version == 2) {
        auto text = read_if_present(cgroup.folder + "/cpu.max").value_or("");
        auto words = split(trim(text), ' ');
        if (words.size() != 2) return std::nullopt;
        quota = parse_int(words[0]);  // "max" is none
        period = parse_int(words[1]);
    } else {
        quota = read_integer(cgroup.folder + "/cpu.cfs_quota_us");
        period = read_integer(cgroup.folder + "/cpu.cfs_period_us");
    }
    if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
    return *quota * 1000 / *period;
}

struct ProcessStat {
    std::int64_t parent = 0, ticks = 0, pages = 0;
};

std::optional<std::string> read_process_file(const std::filesystem::path& file) {
    try {
        return read_if_present(file);
    } catch (const Error&) {
        return std::nullopt;  // it has ended between open and read (ESRCH), or is not ours to read
    }
}

std::optional<ProcessStat> read_stat(const std::filesystem::path& folder) {
    auto stat = read_process_file(folder / "stat");
    if (!stat) return std::nullopt;
    auto name_end = stat->rfind(')');
    if (name_end == std::string::npos) return std::nullopt;
    auto fields = split(std::string_view(*stat).substr(name_end + 2), ' ');
    if (fields.size() < 22) return std::nullopt;
    auto number = [&](std::size_t index) { return parse_int(fields[index]).value_or(0); };
    return ProcessStat{.parent = number(1),
                       .ticks = number(11) + number(12) + number(13) + number(14),
                       .pages = number(21)};
}

}  // namespace

std::string machine_name() {
    char name[256] = "";
    gethostname(name, sizeof name - 1);
    return name[0] == '\0' ? "localhost" : name;
}

std::string machine_description() {
    std::string processor = "unknown processor";
    std::ifstream cpuinfo("/proc/cpuinfo");
    for (std::string line; std::getline(cpuinfo, line);) {
        if (!line.starts_with("model name")) continue;
        processor = std::string(trim(std::string_view(line).substr(line.find(':') + 1)));
        break;
    }
    utsname system{};
    uname(&system);
    return fmt::format("{}, {} {}", processor, system.sysname, system.release);
}

std::int64_t usable_cpu_milli(const std::vector<Cgroup>& own) {
    cpu_set_t set;
    CPU_ZERO(&set);
    // Fails on machines with more cores than the set holds.
    std::int64_t cores = sched_getaffinity(0, sizeof set, &set) == 0
                             ? CPU_COUNT(&set)
                             : std::max(1u, std::thread::hardware_concurrency());
    std::int64_t milli = cores * 1000;
    for (const auto& cgroup : own) milli = std::min(milli, cpu_quota_milli(cgroup).value_or(milli));
    return milli;
}

std::int64_t usable_memory_mib(const std::vector<Cgroup>& own) {
    std::int64_t bytes = sysconf(_SC_PHYS_PAGES) * static_cast<std::int64_t>(sysconf(_SC_PAGESIZE));
    for (const auto& cgroup : own) {
        auto limit = read_integer(cgroup.folder +
                                  (cgroup.version == 2 ? "/memory.max" : "/memory.limit_in_bytes"));
        if (limit && *limit > 0) bytes = std::min(bytes, *limit);
    }
    return bytes / 100 * 95 >> 20;
}

namespace {

/// Its share of the pages that it has in memory: what several processes share counts once.
std::int64_t memory_bytes_of(std::int64_t pid, const ProcessStat& stat) {
    auto rollup = read_process_file(fmt::format("/proc/{}/smaps_rollup", pid)).value_or("");
    constexpr std::string_view kLabel = "\nPss:";
    if (auto at = rollup.find(kLabel); at != std::string::npos) {
        auto line = std::string_view(rollup).substr(at + kLabel.size());
        if (auto kib = parse_int(trim(line.substr(0, line.find("kB"))))) return *kib << 10;
    }
    return stat.pages * sysconf(_SC_PAGESIZE);
}

}  // namespace

CgroupUsage read_process_tree(std::int64_t root) {
    std::map<std::int64_t, ProcessStat> stats;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
        auto pid = parse_int(entry.path().filename().string());
        if (!pid) continue;
        if (auto stat = read_stat(entry.path())) stats[*pid] = *stat;
    }
    std::map<std::int64_t, std::vector<std::int64_t>> children;
    for (const auto& [pid, stat] : stats) children[stat.parent].push_back(pid);
    std::int64_t ticks = 0;
    CgroupUsage usage;
    std::vector<std::int64_t> left{root};
    while (!left.empty()) {
        auto pid = left.back();
        left.pop_back();
        if (auto found = stats.find(pid); found != stats.end()) {
            ticks += found->second.ticks;
            usage.memory_bytes += memory_bytes_of(pid, found->second);
        }
        for (auto child : children[pid]) left.push_back(child);
    }
    usage.cpu_s = static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
    usage.memory_peak_bytes = usage.memory_bytes;
    return usage;
}

}  // namespace maru::compute::process
