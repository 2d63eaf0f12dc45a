#include "compute/engines/process/sandbox.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <set>

#include "base/error.hpp"

namespace maru::compute::process {

namespace {

/// What programs need of /etc: names, certificates, the linker's cache, time zones and settings of
/// system packages. Nothing else of it is seen inside, so no keys, no password hashes, no host
/// configuration.
constexpr const char* kEtc[] = {
    "alternatives", "fonts",        "host.conf",     "hosts",           "ld.so.cache",
    "localtime",    "mime.types",   "openmpi",       "nsswitch.conf",   "OpenCL",
    "os-release",   "pki/ca-trust", "pki/tls/certs", "protocols",       "R",
    "resolv.conf",  "services",     "ssl/certs",     "ssl/openssl.cnf", "timezone"};

constexpr const char* kSystemFolders[] = {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};

/// Topology of the machine, which numeric libraries read to place their threads.
constexpr const char* kSys[] = {"/sys/bus", "/sys/class", "/sys/devices"};

// A copy in the sandbox's own file system costs less than a mount.
constexpr std::int64_t kCopyBytesMax = 256 << 10;

FileDescriptor memory_file(std::string_view content) {
    FileDescriptor file(memfd_create("maru", MFD_CLOEXEC));
    if (!file) fail_errno(errno, "cannot create a file in memory");
    write_all(file.get(), content);
    if (lseek(file.get(), 0, SEEK_SET) != 0) fail_errno(errno, "cannot rewind a file in memory");
    return file;
}

class CommandLine {
  public:
    template <class... Words>
    void add(const Words&... words) {
        (words_.emplace_back(words), ...);
    }
    void bind(const char* how, const std::string& source, const std::string& target) {
        make_parents(target);
        add(how, source, target);
    }
    void bind_if_there(const std::string& path) {
        if (access(path.c_str(), F_OK) == 0) bind("--ro-bind", path, path);
    }
    void link(const std::string& target, const std::string& path) {
        make_parents(path);
        add("--symlink", target, path);
    }
    void empty_folder(const std::string& path, std::int64_t bytes_max) {
        add("--perms", "1777", "--size", fmt::to_string(bytes_max), "--tmpfs", path);
    }
    void file(std::string_view content, const std::string& target) {
        auto source = memory_file(content);
        make_parents(target);
        add("--perms", "0644", "--file", fmt::to_string(source.get()), target);
        files_.push_back(std::move(source));
    }
    SandboxCommand take() { return {std::move(words_), std::move(files_)}; }

  private:
    /// Bubblewrap makes missing parents so that only root may enter them.
    void make_parents(const std::string& target) {
        for (auto end = target.find('/', 1); end != std::string::npos;
             end = target.find('/', end + 1))
            if (auto parent = target.substr(0, end); made_.insert(parent).second)
                add("--perms", "0755", "--dir", parent);
    }

    std::vector<std::string> words_;
    std::vector<FileDescriptor> files_;
    std::set<std::string> made_;
};

void add_etc(CommandLine& line, const std::string& path) {
    std::error_code error;
    auto target = std::filesystem::canonical(path, error);
    if (error) return;  // not there, or a link to nothing
    if (target != path && target.string().starts_with("/usr/")) {
        line.link(target.string(), path);
    } else if (std::filesystem::is_regular_file(target, error) &&
               static_cast<std::int64_t>(std::filesystem::file_size(target, error)) <=
                   kCopyBytesMax) {
        line.file(read_file(target), path);
    } else {
        line.bind("--ro-bind", path, path);
    }
}

void add_system(CommandLine& line) {
    line.add("--ro-bind", "/usr", "/usr");
    for (std::string folder : kSystemFolders) {
        std::error_code error;
        if (std::filesystem::is_symlink(folder, error))
            line.link(std::filesystem::read_symlink(folder).string(), folder);
        else
            line.bind_if_there(folder);
    }
    for (std::string name : kEtc) add_etc(line, "/etc/" + name);
    for (const char* folder : kSys) line.bind_if_there(folder);
}

/// Users that programs inside know: root, nobody and, as "maru", the one that runs the command.
std::string passwords(const SupervisorSpec& spec) {
    auto home = spec.replica.variables.find("HOME");
    bool has_home = home != spec.replica.variables.end() &&
                    home->second.find_first_of(":\n") == std::string::npos;
    std::string users = "root:x:0:0:root:/root:/usr/sbin/nologin\n";
    if (spec.user_id != 0)
        users += fmt::format("maru:x:{0}:{0}:maru:{1}:/bin/sh\n", spec.user_id,
                             has_home ? home->second : "/tmp");
    return users + "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
}

std::string groups(const SupervisorSpec& spec) {
    std::string known = "root:x:0:\n";
    if (spec.user_id != 0) known += fmt::format("maru:x:{}:\n", spec.user_id);
    return known + "nogroup:x:65534:\n";
}

FileDescriptor open_entry(int folder, const char* name) {
    return FileDescriptor(openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

void give_entries(int folder, const std::string& path, uid_t user) {
    int copy = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) fail_errno(errno, fmt::format("cannot open {}", path));
    std::unique_ptr<DIR, int (*)(DIR*)> listing(fdopendir(copy), closedir);
    if (!listing) fail_errno(errno, fmt::format("cannot list {}", path));
    while (const dirent* entry = readdir(listing.get())) {
        std::string name = entry->d_name;
        if (name == "." || name == "..") continue;
        std::string entry_path = path + "/" + name;
        struct stat status{};
        if (fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
            fail_errno(errno, fmt::format("cannot read {}", entry_path));
        if (S_ISDIR(status.st_mode)) {
            auto inner = open_entry(folder, name.c_str());
            if (!inner) fail_errno(errno, fmt::format("cannot open {}", entry_path));
            give_entries(inner.get(), entry_path, user);
        } else if (status.st_nlink > 1) {
            continue;
        }
        if (fchownat(folder, name.c_str(), user, user, AT_SYMLINK_NOFOLLOW) != 0)
            fail_errno(errno, fmt::format("cannot change the owner of {}", entry_path));
    }
}

}  // namespace

SandboxCommand sandbox_command(const SupervisorSpec& spec, int control, int log) {
    CommandLine line;
    line.add(spec.bubblewrap, "--unshare-pid", "--unshare-ipc", "--unshare-uts",
             "--unshare-cgroup-try", "--die-with-parent", "--new-session", "--as-pid-1",
             "--clearenv");
    if (!spec.drop_privileges) line.add("--unshare-user");
    add_system(line);
    line.file(passwords(spec), "/etc/passwd");
    line.file(groups(spec), "/etc/group");
    line.add("--proc", "/proc", "--dev", "/dev");
    // Its memory limit holds what it writes there too.
    std::int64_t memory_bytes = spec.replica.memory_mib << 20;
    for (const char* folder : {"/dev/shm", "/tmp", "/var/tmp"})
        line.empty_folder(folder, memory_bytes);
    line.add("--perms", "0755", "--dir", "/run");
    for (const auto& device : spec.devices) line.add("--dev-bind", device, device);
    for (const auto& mount : spec.replica.mounts)
        line.bind(mount.writable ? "--bind" : "--ro-bind", mount.source, mount.target);
    line.bind("--ro-bind", spec.executable, std::string(kInitProgram));
    line.add("--remount-ro", "/", "--", std::string(kInitProgram), "shim", "--init",
             fmt::to_string(control), fmt::to_string(log));
    return line.take();
}

void give_to_user(const std::string& path, std::int64_t user_id) {
    auto user = static_cast<uid_t>(user_id);
    struct stat status{};
    if (lstat(path.c_str(), &status) != 0) fail_errno(errno, fmt::format("cannot read {}", path));
    if (status.st_uid == user) return;
    if (S_ISDIR(status.st_mode)) {
        auto folder = open_entry(AT_FDCWD, path.c_str());
        if (!folder) fail_errno(errno, fmt::format("cannot open {}", path));
        give_entries(folder.get(), path, user);
        if (fchown(folder.get(), user, user) != 0)
            fail_errno(errno, fmt::format("cannot change the owner of {}", path));
    } else if (status.st_nlink == 1 && lchown(path.c_str(), user, user) != 0) {
        fail_errno(errno, fmt::format("cannot change the owner of {}", path));
    }
}

}  // namespace maru::compute::process
