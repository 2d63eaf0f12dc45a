#include "compute/engines/process/cgroups.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/error.hpp"
#include "base/text.hpp"
#include "compute/engines/process/records.hpp"

namespace maru::compute::process {

namespace {

constexpr std::string_view kControllers[] = {"cpu", "cpuacct", "memory", "pids"};
constexpr std::string_view kServerLeaf = "maru-server";
// Enough for any honest program; stops a fork bomb before the machine's table is full.
constexpr std::int64_t kProcessesMax = 16384;
constexpr std::int64_t kCpuPeriodUs = 100'000;

struct CgroupMount {
    std::string root, folder, type;
    std::vector<std::string> options;
};

std::vector<CgroupMount> parse_mounts(std::string_view mountinfo) {
    std::vector<CgroupMount> mounts;
    for (auto line : split(mountinfo, '\n')) {
        auto separator = line.find(" - ");
        if (separator == std::string_view::npos) continue;
        auto before = split(line.substr(0, separator), ' ');
        auto after = split(line.substr(separator + 3), ' ');
        if (before.size() < 5 || after.size() < 3 || !after[0].starts_with("cgroup")) continue;
        CgroupMount mount{.root = std::string(before[3]),
                          .folder = std::string(before[4]),
                          .type = std::string(after[0])};
        for (auto option : split(after[2], ',')) mount.options.emplace_back(option);
        mounts.push_back(std::move(mount));
    }
    return mounts;
}

/// Our path as seen below the mount; in a container the mount shows only a part of the hierarchy.
std::string folder_of(const CgroupMount& mount, std::string_view path) {
    std::string_view root = mount.root == "/" ? "" : std::string_view(mount.root);
    if (path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/'))
        path.remove_prefix(root.size());
    else
        path = "";
    while (path.ends_with('/')) path.remove_suffix(1);
    return mount.folder + std::string(path);
}

void write_control(const std::string& path, std::string_view value) {
    FileDescriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file || write(file.get(), value.data(), value.size()) < 0)
        fail_errno(errno, fmt::format("cannot write \"{}\" to {}", value, path));
}

bool exists(const std::string& path) {
    return access(path.c_str(), F_OK) == 0;
}

std::int64_t read_number(const std::string& path) {
    auto text = read_if_present(path);
    return text ? parse_int(trim(*text)).value_or(0) : 0;
}

/// A line "key value" of a file such as memory.stat.
std::int64_t read_entry(const std::string& path, std::string_view key) {
    auto text = read_if_present(path);
    if (!text) return 0;
    for (auto line : split(*text, '\n'))
        if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ')
            return parse_int(trim(line.substr(key.size() + 1))).value_or(0);
    return 0;
}

/// Lets the children of a version 2 cgroup have controllers; returns those that they have.
std::vector<std::string> delegate(const std::string& folder) {
    auto offered = read_if_present(folder + "/cgroup.controllers").value_or("");
    std::vector<std::string> given;
    for (auto controller : split(trim(offered), ' ')) {
        if (std::ranges::find(kControllers, controller) == std::end(kControllers)) continue;
        write_control(folder + "/cgroup.subtree_control", fmt::format("+{}", controller));
        given.emplace_back(controller);
    }
    return given;
}

/// A version 2 cgroup with processes can't give its children controllers: the server, where it is
/// alone in its cgroup (a systemd service with Delegate=yes), steps into a leaf of it.
void step_into_leaf(const std::string& folder) {
    auto inside = trim(read_if_present(folder + "/cgroup.procs").value_or(""));
    for (auto pid : split(inside, '\n'))
        if (!pid.empty() && parse_int(pid) != getpid())
            fail(ErrorCode::failed_precondition,
                 "cgroup {} holds other processes than the server: give the server one of its own "
                 "(systemd: Delegate=yes)",
                 folder);
    std::string leaf = fmt::format("{}/{}", folder, kServerLeaf);
    if (mkdir(leaf.c_str(), 0755) != 0 && errno != EEXIST)
        fail_errno(errno, fmt::format("cannot create {}", leaf));
    write_control(leaf + "/cgroup.procs", "0");
}

std::vector<std::string> delegate_own(const std::string& folder) {
    try {
        return delegate(folder);
    } catch (const Error&) {
        step_into_leaf(folder);
        return delegate(folder);
    }
}

void create_cgroup(const Cgroup& cgroup, const CgroupLimits& limits) {
    if (mkdir(cgroup.folder.c_str(), 0755) != 0 && errno != EEXIST)
        fail_errno(errno, fmt::format("cannot create {}", cgroup.folder));
    auto file = [&](std::string_view name) { return fmt::format("{}/{}", cgroup.folder, name); };
    std::string memory = fmt::to_string(limits.memory_bytes);
    std::int64_t quota = limits.cpu_milli * kCpuPeriodUs / 1000;
    if (cgroup.version == 2) {
        if (cgroup.has("memory")) {
            write_control(file("memory.max"), memory);
            if (exists(file("memory.swap.max"))) write_control(file("memory.swap.max"), "0");
        }
        if (cgroup.has("cpu"))
            write_control(file("cpu.max"), fmt::format("{} {}", quota, kCpuPeriodUs));
    } else {
        if (cgroup.has("memory")) {
            write_control(file("memory.limit_in_bytes"), memory);
            if (exists(file("memory.memsw.limit_in_bytes")))
                write_control(file("memory.memsw.limit_in_bytes"), memory);
            else if (exists(file("memory.swappiness")))
                write_control(file("memory.swappiness"), "0");
        }
        if (cgroup.has("cpu")) {
            write_control(file("cpu.cfs_period_us"), fmt::to_string(kCpuPeriodUs));
            write_control(file("cpu.cfs_quota_us"), fmt::to_string(quota));
        }
    }
    if (cgroup.has("pids")) write_control(file("pids.max"), fmt::to_string(kProcessesMax));
}

}  // namespace

bool Cgroup::has(std::string_view controller) const {
    return std::ranges::find(controllers, controller) != controllers.end();
}

std::vector<Cgroup> find_own_cgroups(std::string_view mountinfo, std::string_view own) {
    auto mounts = parse_mounts(mountinfo);
    std::vector<Cgroup> found;
    std::optional<Cgroup> unified;
    for (auto line : split(own, '\n')) {
        auto first = line.find(':');
        auto second = line.find(':', first + 1);
        if (first == std::string_view::npos || second == std::string_view::npos) continue;
        auto names = split(line.substr(first + 1, second - first - 1), ',');
        auto path = line.substr(second + 1);
        bool is_unified = line.starts_with("0:");
        Cgroup cgroup{.version = is_unified ? 2 : 1};
        for (auto name : names)
            if (std::ranges::find(kControllers, name) != std::end(kControllers))
                cgroup.controllers.emplace_back(name);
        if (!is_unified && cgroup.controllers.empty()) continue;
        auto mount = std::ranges::find_if(mounts, [&](const CgroupMount& candidate) {
            if (is_unified) return candidate.type == "cgroup2";
            return candidate.type == "cgroup" &&
                   std::ranges::find(candidate.options, cgroup.controllers[0]) !=
                       candidate.options.end();
        });
        if (mount == mounts.end()) continue;
        cgroup.folder = folder_of(*mount, path);
        if (is_unified)
            unified = std::move(cgroup);
        else
            found.push_back(std::move(cgroup));
    }
    if (found.empty() && unified) {
        // A server that has stepped into its leaf before (an exec of itself) works from the folder
        // above.
        std::filesystem::path folder = unified->folder;
        if (folder.filename() == kServerLeaf) unified->folder = folder.parent_path().string();
        found.push_back(std::move(*unified));
    }
    return found;
}

std::vector<Cgroup> make_parent_cgroups(const std::vector<Cgroup>& own, std::string_view name,
                                        std::vector<std::string>& problems) {
    std::vector<Cgroup> parents;
    for (const auto& cgroup : own) {
        Cgroup parent = cgroup;
        parent.folder = fmt::format("{}/{}", cgroup.folder, name);
        try {
            if (cgroup.version == 2) delegate_own(cgroup.folder);
            if (mkdir(parent.folder.c_str(), 0755) != 0 && errno != EEXIST)
                fail_errno(errno, fmt::format("cannot create {}", parent.folder));
            if (cgroup.version == 2) parent.controllers = delegate(parent.folder);
            parents.push_back(std::move(parent));
        } catch (const Error& error) {
            problems.push_back(error.message());
        }
    }
    return parents;
}

std::vector<Cgroup> child_cgroups(const std::vector<Cgroup>& parents, std::string_view name) {
    auto children = parents;
    for (auto& child : children) child.folder = fmt::format("{}/{}", child.folder, name);
    return children;
}

void create_cgroups(const std::vector<Cgroup>& cgroups, const CgroupLimits& limits) {
    for (const auto& cgroup : cgroups) create_cgroup(cgroup, limits);
}

std::vector<FileDescriptor> open_cgroup_entries(const std::vector<Cgroup>& cgroups) {
    std::vector<FileDescriptor> entries;
    for (const auto& cgroup : cgroups) {
        std::string path = cgroup.folder + "/cgroup.procs";
        FileDescriptor entry(open(path.c_str(), O_WRONLY | O_CLOEXEC));
        if (!entry) fail_errno(errno, fmt::format("cannot open {}", path));
        entries.push_back(std::move(entry));
    }
    return entries;
}

CgroupUsage read_cgroups(const std::vector<Cgroup>& cgroups) {
    CgroupUsage usage;
    for (const auto& cgroup : cgroups) {
        auto file = [&](std::string_view name) {
            return fmt::format("{}/{}", cgroup.folder, name);
        };
        bool unified = cgroup.version == 2;
        if (cgroup.has("memory")) {
            auto used = read_number(file(unified ? "memory.current" : "memory.usage_in_bytes"));
            auto cache =
                read_entry(file("memory.stat"), unified ? "inactive_file" : "total_inactive_file");
            usage.memory_bytes = std::max<std::int64_t>(0, used - cache);
            usage.memory_peak_bytes =
                read_number(file(unified ? "memory.peak" : "memory.max_usage_in_bytes"));
            usage.oom_kills =
                read_entry(file(unified ? "memory.events" : "memory.oom_control"), "oom_kill");
        }
        if (unified)
            usage.cpu_s = static_cast<double>(read_entry(file("cpu.stat"), "usage_usec")) / 1e6;
        else if (cgroup.has("cpuacct"))
            usage.cpu_s = static_cast<double>(read_number(file("cpuacct.usage"))) / 1e9;
    }
    return usage;
}

void kill_cgroups(const std::vector<Cgroup>& cgroups) {
    for (const auto& cgroup : cgroups) {
        std::string all_at_once = cgroup.folder + "/cgroup.kill";
        if (cgroup.version == 2 && exists(all_at_once)) {
            write_control(all_at_once, "1");
            continue;
        }
        auto inside = read_if_present(cgroup.folder + "/cgroup.procs").value_or("");
        for (auto pid : split(trim(inside), '\n'))
            if (auto number = parse_int(pid); number && *number > 1)
                kill(static_cast<pid_t>(*number), SIGKILL);
    }
}

bool remove_cgroups(const std::vector<Cgroup>& cgroups) {
    bool removed = true;
    for (const auto& cgroup : cgroups)
        if (rmdir(cgroup.folder.c_str()) != 0 && errno != ENOENT) removed = false;
    return removed;
}

}  // namespace maru::compute::process
