#include "compute/engines/process/replica_folder.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <vector>

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/json.hpp"
#include "base/text.hpp"

namespace maru::compute::process {

namespace {

constexpr int kLockDescriptor = 3;  // in the supervisor

/// What posix_spawn takes, released together.
struct SpawnSettings {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    SpawnSettings() {
        posix_spawn_file_actions_init(&files);
        posix_spawnattr_init(&attributes);
    }
    ~SpawnSettings() {
        posix_spawn_file_actions_destroy(&files);
        posix_spawnattr_destroy(&attributes);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;
};

void set_up(SpawnSettings& settings, const std::string& output, int lock) {
    auto* files = &settings.files;
    posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(files, STDOUT_FILENO, output.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(files, STDOUT_FILENO, STDERR_FILENO);
    posix_spawn_file_actions_adddup2(files, lock, kLockDescriptor);
    posix_spawn_file_actions_addclosefrom_np(files, kLockDescriptor + 1);
    posix_spawn_file_actions_addchdir_np(files, "/");

    // A request to end that comes before the supervisor listens waits for it.
    sigset_t blocked, all;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGCHLD);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&settings.attributes, &blocked);
    posix_spawnattr_setsigdefault(&settings.attributes, &all);
    posix_spawnattr_setflags(&settings.attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
}

}  // namespace

std::string replica_name(const ReplicaKey& key) {
    const auto& [attempt, index] = key;
    bool valid = !attempt.empty() && attempt.size() <= 200 &&
                 std::ranges::all_of(attempt, [](unsigned char character) {
                     return std::isalnum(character) || character == '_' || character == '-';
                 });
    if (!valid)
        fail(ErrorCode::invalid_argument,
             "attempt id \"{}\" has to be of letters, digits, '_' and '-', at most 200", attempt);
    return fmt::format("{}-{}", attempt, index);
}

std::optional<ReplicaKey> parse_replica_name(const std::string& name) {
    auto dash = name.rfind('-');
    if (name.starts_with('.') || dash == std::string::npos || dash == 0) return std::nullopt;
    auto index = parse_int(std::string_view(name).substr(dash + 1));
    if (!index) return std::nullopt;
    return ReplicaKey{name.substr(0, dash), static_cast<std::int32_t>(*index)};
}

FileDescriptor create_replica_folder(const std::filesystem::path& state_directory,
                                     const std::string& name, const SupervisorSpec& spec) {
    auto folder = state_directory / name;
    auto temporary = state_directory / fmt::format(".new-{}", new_id());
    if (access(folder.c_str(), F_OK) == 0) return {};
    if (mkdir(temporary.c_str(), 0700) != 0)
        fail_errno(errno, fmt::format("cannot create {}", temporary.string()));
    try {
        auto lock = open_lock(temporary / kLockFile);
        if (!try_lock(lock.get())) fail(ErrorCode::aborted, "{} was taken by another", name);
        publish_file(temporary / kSpecFile, to_json(spec));
        if (renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, folder.c_str(), RENAME_NOREPLACE) !=
            0) {
            if (errno != EEXIST)
                fail_errno(errno, fmt::format("cannot create {}", folder.string()));
            lock.reset();
            std::filesystem::remove_all(temporary);
        }
        // Only the name has to outlast a crash of the machine: nothing runs on after one, and
        // whoever finds the folder then knows that the replica may have begun.
        sync_directory(state_directory);
        return lock;
    } catch (...) {
        std::error_code ignored;
        std::filesystem::remove_all(temporary, ignored);
        throw;
    }
}

FileDescriptor start_supervisor(const std::filesystem::path& folder, const SupervisorSpec& spec,
                                const FileDescriptor& lock) {
    SpawnSettings settings;
    set_up(settings, (folder / kOutputFile).string(), lock.get());
    std::vector<std::string> words{spec.executable, "shim", (folder / kSpecFile).string(),
                                   fmt::to_string(kLockDescriptor)};
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    char* no_variables[] = {nullptr};
    pid_t pid = 0;
    int error = posix_spawn(&pid, spec.executable.c_str(), &settings.files, &settings.attributes,
                            arguments.data(), no_variables);
    if (error == EAGAIN || error == ENOMEM)
        fail(ErrorCode::resource_exhausted, "cannot start a supervisor: no more processes");
    if (error != 0) fail_errno(error, fmt::format("cannot run {}", spec.executable));
    FileDescriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (!process) fail_errno(errno, "cannot watch a supervisor");
    return process;
}

void remove_replica_folder(const std::filesystem::path& folder) {
    auto leaving = folder.parent_path() / fmt::format(".old-{}", new_id());
    if (rename(folder.c_str(), leaving.c_str()) != 0) {
        if (errno == ENOENT) return;
        fail_errno(errno, fmt::format("cannot remove {}", folder.string()));
    }
    std::error_code error;
    std::filesystem::remove_all(leaving, error);
    if (error) fail_errno(error.value(), fmt::format("cannot remove {}", leaving.string()));
}

void remove_leftovers(const std::filesystem::path& state_directory) {
    for (const auto& entry : std::filesystem::directory_iterator(state_directory)) {
        auto name = entry.path().filename().string();
        if (name.starts_with(".old-") || (name.starts_with(".new-") && is_abandoned(entry.path())))
            std::filesystem::remove_all(entry.path());
    }
}

bool is_abandoned(const std::filesystem::path& folder) {
    return try_lock(open_lock(folder / kLockFile).get());
}

}  // namespace maru::compute::process
