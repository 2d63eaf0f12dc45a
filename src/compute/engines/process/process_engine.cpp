#include "compute/engines/process/process_engine.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/child_process.hpp"
#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "compute/engines/process/followed_replica.hpp"
#include "compute/engines/process/gpus.hpp"
#include "compute/engines/process/machine.hpp"
#include "compute/engines/process/replica_folder.hpp"

namespace maru::compute {

namespace {

using process::FollowedReplica;
using process::ReplicaKey;
using process::SupervisorSpec;

FileDescriptor checked(int fd, const char* what) {
    if (fd < 0) fail_errno(errno, what);
    return FileDescriptor(fd);
}

std::filesystem::path resolve_executable(const std::filesystem::path& path) {
    return std::filesystem::canonical(path);
}

class ProcessEngine final : public Engine {
  public:
    explicit ProcessEngine(ProcessEngineOptions options);
    ~ProcessEngine() override;

    void set_listener(Listener listener) override;
    std::vector<Node> fingerprint() override;
    std::vector<std::string> recover(const std::vector<std::string>& attempt_ids) override;
    void launch(const ReplicaSpec& spec) override;
    void stop(const std::string& attempt_id, std::int32_t index, std::int64_t grace_s) override;
    std::optional<ReplicaUsage> usage(const std::string& attempt_id, std::int32_t index) override;
    void forget(const std::string& attempt_id) override;

  private:
    SupervisorSpec supervisor_spec(const ReplicaSpec& spec) const;
    std::vector<std::string> device_files(const std::vector<std::string>& gpu_ids) const;
    void find_limits();

    // All below with mutex_ held.
    FollowedReplica& follow(const ReplicaKey& key);
    void watch_supervisor(FollowedReplica& replica, FileDescriptor supervisor);
    void look(FollowedReplica& replica);
    void take_up(const ReplicaKey& key);
    void drop_orphan(const ReplicaKey& key);
    void erase(const ReplicaKey& key);
    void report(const FollowedReplica& replica) { reports_.push_back(replica.status()); }

    void run();
    int wait_limit_ms();
    void take_events(std::unique_lock<std::mutex>& lock);
    void take_folder_changes();
    void tell(std::unique_lock<std::mutex>& lock);
    void wake() { eventfd_write(wake_.get(), 1); }

    ProcessEngineOptions options_;
    std::string boot_id_;
    std::vector<process::Cgroup> own_cgroups_, parent_cgroups_;
    process::GpuLibrary gpus_;

    std::mutex mutex_;
    Listener listener_;
    std::map<ReplicaKey, FollowedReplica> replicas_;
    std::map<int, ReplicaKey> by_watch_, by_supervisor_;  // of inotify; of epoll
    std::set<ReplicaKey> restless_;  // to be looked at again before any event comes
    std::deque<ReplicaStatus> reports_;
    bool ending_ = false;

    FileDescriptor wake_, changes_, events_;
    std::thread thread_;
};

ProcessEngine::ProcessEngine(ProcessEngineOptions options)
    : options_(std::move(options)), gpus_(options_.gpu_library) {
    std::filesystem::create_directories(options_.state_directory);
    chmod(options_.state_directory.c_str(), 0700);
    options_.state_directory = std::filesystem::canonical(options_.state_directory);
    options_.maru_executable = resolve_executable(options_.maru_executable);
    if (options_.bubblewrap.empty()) options_.bubblewrap = find_program("bwrap").value_or("");
    boot_id_ = process::read_boot_id();
    find_limits();

    wake_ = checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "cannot create an eventfd");
    changes_ = checked(inotify_init1(IN_CLOEXEC | IN_NONBLOCK), "cannot watch folders");
    events_ = checked(epoll_create1(EPOLL_CLOEXEC), "cannot create an epoll");
    for (int fd : {wake_.get(), changes_.get()}) {
        epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
        if (epoll_ctl(events_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
            fail_errno(errno, "cannot watch for events");
    }
    thread_ = std::thread([this] { run(); });
}

ProcessEngine::~ProcessEngine() {
    {
        std::lock_guard lock(mutex_);
        ending_ = true;
    }
    wake();
    thread_.join();
    // Not empty while replicas run: the next engine finds them there.
    process::remove_cgroups(parent_cgroups_);
}

void ProcessEngine::find_limits() {
    own_cgroups_ = process::find_own_cgroups(read_file("/proc/self/mountinfo"),
                                             read_file("/proc/self/cgroup"));
    std::string name = "maru-" + sha256_hex(options_.state_directory.string()).substr(0, 12);
    std::vector<std::string> problems;
    parent_cgroups_ = process::make_parent_cgroups(own_cgroups_, name, problems);
    bool memory = false, cpu = false;
    for (const auto& cgroup : parent_cgroups_) {
        memory = memory || cgroup.has("memory");
        cpu = cpu || cgroup.has("cpu");
    }
    if (memory && cpu) return;
    std::string reasons = problems.empty() ? "the kernel offers no such cgroups here" : "";
    for (const auto& problem : problems) reasons += (reasons.empty() ? "" : "; ") + problem;
    log::warning("workloads' limits are not enforced for {}: {}",
                 memory ? "cores"
                 : cpu  ? "memory"
                        : "memory and cores",
                 reasons);
}

void ProcessEngine::set_listener(Listener listener) {
    {
        std::lock_guard lock(mutex_);
        listener_ = std::move(listener);
    }
    wake();
}

std::vector<Node> ProcessEngine::fingerprint() {
    Node node{.name = process::machine_name(),
              .cpu_milli = process::usable_cpu_milli(own_cgroups_),
              .memory_mib = process::usable_memory_mib(own_cgroups_)};
    for (auto& device : gpus_.devices()) node.gpus.push_back(std::move(device.gpu));
    node.description = process::machine_description();
    return {std::move(node)};
}

std::vector<std::string> ProcessEngine::device_files(
    const std::vector<std::string>& gpu_ids) const {
    if (gpu_ids.empty()) return {};
    auto files = process::shared_gpu_files();
    auto devices = gpus_.devices();
    for (const auto& id : gpu_ids) {
        auto found = std::ranges::find_if(
            devices, [&](const process::GpuDevice& device) { return device.gpu.id == id; });
        if (found == devices.end())
            fail(ErrorCode::failed_precondition, "GPU {} is not on this machine", id);
        files.push_back(found->device_file);
    }
    return files;
}

SupervisorSpec ProcessEngine::supervisor_spec(const ReplicaSpec& spec) const {
    if (options_.bubblewrap.empty() || access(options_.bubblewrap.c_str(), X_OK) != 0)
        fail(
            ErrorCode::failed_precondition,
            "workloads need bubblewrap, and there is no program {}: install the package bubblewrap",
            options_.bubblewrap.empty() ? "bwrap on PATH" : options_.bubblewrap.string());
    if (spec.command.empty())
        fail(ErrorCode::invalid_argument, "attempt {} has no command", spec.attempt_id);
    bool is_root = geteuid() == 0;
    return {.replica = spec,
            .boot_id = boot_id_,
            .executable = options_.maru_executable.string(),
            .bubblewrap = options_.bubblewrap.string(),
            .drop_privileges = is_root,
            .user_id = is_root ? options_.user_id_base + spec.user_number
                               : static_cast<std::int64_t>(geteuid()),
            .cgroups = process::child_cgroups(parent_cgroups_,
                                              process::replica_name({spec.attempt_id, spec.index})),
            .devices = device_files(spec.gpu_ids)};
}

void ProcessEngine::launch(const ReplicaSpec& spec) {
    ReplicaKey key{spec.attempt_id, spec.index};
    {
        std::lock_guard lock(mutex_);
        if (replicas_.contains(key)) return;
    }
    auto name = process::replica_name(key);
    auto supervisor = supervisor_spec(spec);
    auto folder_lock = process::create_replica_folder(options_.state_directory, name, supervisor);
    if (!folder_lock) return;

    std::lock_guard lock(mutex_);
    auto& replica = follow(key);
    try {
        watch_supervisor(replica,
                         process::start_supervisor(replica.folder(), supervisor, folder_lock));
    } catch (...) {
        erase(key);
        process::remove_replica_folder(options_.state_directory / name);
        throw;
    }
    report(replica);
    wake();
}

FollowedReplica& ProcessEngine::follow(const ReplicaKey& key) {
    auto folder = options_.state_directory / process::replica_name(key);
    auto& replica = replicas_.try_emplace(key, key, folder).first->second;
    int watch = inotify_add_watch(changes_.get(), folder.c_str(), IN_MOVED_TO | IN_ONLYDIR);
    if (watch < 0) {
        // Out of watches: events come late, with the supervisor's end, but they come.
        log::warning("cannot watch {}: errno {}", folder.string(), errno);
        return replica;
    }
    replica.watch = watch;
    by_watch_[watch] = key;
    return replica;
}

void ProcessEngine::watch_supervisor(FollowedReplica& replica, FileDescriptor supervisor) {
    int fd = supervisor.get();
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (epoll_ctl(events_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
        fail_errno(errno, "cannot watch a supervisor");
    replica.supervisor = std::move(supervisor);
    by_supervisor_[fd] = replica.key();
}

void ProcessEngine::look(FollowedReplica& replica) {
    auto before = replica.status().state;
    FileDescriptor supervisor;
    bool restless = replica.look(boot_id_, supervisor);
    if (supervisor) watch_supervisor(replica, std::move(supervisor));
    if (restless)
        restless_.insert(replica.key());
    else
        restless_.erase(replica.key());
    if (replica.status().state == before) return;
    report(replica);
    if (replica.status().state == ReplicaState::ended && replica.watch >= 0) {
        inotify_rm_watch(changes_.get(), replica.watch);
        by_watch_.erase(replica.watch);
        replica.watch = -1;
    }
}

void ProcessEngine::take_up(const ReplicaKey& key) {
    if (auto known = replicas_.find(key); known != replicas_.end()) {
        report(known->second);
        return;
    }
    auto& replica = follow(key);
    look(replica);
    if (replica.status().state == ReplicaState::starting) report(replica);
}

void ProcessEngine::drop_orphan(const ReplicaKey& key) {
    auto& replica = replicas_.at(key);
    if (replica.status().state == ReplicaState::ended) {
        erase(key);
        process::remove_replica_folder(options_.state_directory / process::replica_name(key));
        return;
    }
    log::warning("replica {} of attempt {} runs, and no workload knows of it: stopping it",
                 key.second, key.first);
    replica.ask_to_stop(10);
}

std::vector<std::string> ProcessEngine::recover(const std::vector<std::string>& attempt_ids) {
    std::set<std::string> wanted(attempt_ids.begin(), attempt_ids.end()), known;
    std::lock_guard lock(mutex_);
    process::remove_leftovers(options_.state_directory);
    std::vector<std::filesystem::path> folders;
    for (const auto& entry : std::filesystem::directory_iterator(options_.state_directory))
        folders.push_back(entry.path());
    for (const auto& folder : folders) {
        auto key = process::parse_replica_name(folder.filename().string());
        if (!key) continue;
        if (!replicas_.contains(*key) && process::was_never_started(folder, boot_id_)) {
            process::remove_replica_folder(folder);
            continue;
        }
        bool is_wanted = wanted.contains(key->first);
        if (is_wanted) known.insert(key->first);
        auto reported = reports_.size();
        take_up(*key);
        if (is_wanted) continue;
        reports_.resize(reported);
        drop_orphan(*key);
    }
    wake();
    std::vector<std::string> unknown;
    for (const auto& attempt_id : attempt_ids)
        if (!known.contains(attempt_id)) unknown.push_back(attempt_id);
    return unknown;
}

void ProcessEngine::stop(const std::string& attempt_id, std::int32_t index, std::int64_t grace_s) {
    std::lock_guard lock(mutex_);
    auto found = replicas_.find({attempt_id, index});
    if (found != replicas_.end()) found->second.ask_to_stop(grace_s);
}

std::optional<ReplicaUsage> ProcessEngine::usage(const std::string& attempt_id,
                                                 std::int32_t index) {
    std::lock_guard lock(mutex_);
    auto found = replicas_.find({attempt_id, index});
    if (found == replicas_.end()) return std::nullopt;
    return found->second.usage();
}

void ProcessEngine::erase(const ReplicaKey& key) {
    auto& replica = replicas_.at(key);
    if (replica.watch >= 0) {
        inotify_rm_watch(changes_.get(), replica.watch);
        by_watch_.erase(replica.watch);
    }
    by_supervisor_.erase(replica.supervisor.get());
    restless_.erase(key);
    replicas_.erase(key);
}

void ProcessEngine::forget(const std::string& attempt_id) {
    std::lock_guard lock(mutex_);
    std::vector<ReplicaKey> ended;
    for (auto found = replicas_.lower_bound({attempt_id, 0});
         found != replicas_.end() && found->first.first == attempt_id; ++found)
        if (found->second.status().state == ReplicaState::ended) ended.push_back(found->first);
    for (const auto& key : ended) {
        auto& replica = replicas_.at(key);
        process::remove_cgroups(replica.cgroups());
        replica.reap();
        process::remove_replica_folder(replica.folder());
        erase(key);
    }
}

int ProcessEngine::wait_limit_ms() {
    return restless_.empty() ? -1 : 5;
}

void ProcessEngine::run() {
    std::unique_lock lock(mutex_);
    while (!ending_) {
        try {
            take_events(lock);
            tell(lock);
        } catch (...) {
            log::error("process engine: {}", log::current_exception_message());
            if (!lock.owns_lock()) lock.lock();
        }
    }
}

void ProcessEngine::take_events(std::unique_lock<std::mutex>& lock) {
    epoll_event events[64];
    int limit_ms = wait_limit_ms();
    lock.unlock();
    int count = epoll_wait(events_.get(), events, std::size(events), limit_ms);
    lock.lock();
    for (int i = 0; i < count; ++i) {
        int fd = events[i].data.fd;
        eventfd_t ignored = 0;
        if (fd == wake_.get()) {
            eventfd_read(fd, &ignored);
        } else if (fd == changes_.get()) {
            take_folder_changes();
        } else if (auto found = by_supervisor_.find(fd); found != by_supervisor_.end()) {
            auto& replica = replicas_.at(found->second);
            by_supervisor_.erase(found);
            replica.supervisor_ended();
            look(replica);
        }
    }
    for (const auto& key : std::set(restless_)) look(replicas_.at(key));
}

void ProcessEngine::take_folder_changes() {
    alignas(inotify_event) char buffer[16384];
    for (;;) {
        ssize_t size = read(changes_.get(), buffer, sizeof buffer);
        if (size <= 0) return;
        for (char* at = buffer; at < buffer + size;) {
            const auto* change = reinterpret_cast<const inotify_event*>(at);
            at += sizeof(inotify_event) + change->len;
            if (change->mask & IN_Q_OVERFLOW) {
                for (auto& [key, replica] : replicas_) look(replica);
            } else if (auto found = by_watch_.find(change->wd); found != by_watch_.end()) {
                look(replicas_.at(found->second));
            }
        }
    }
}

void ProcessEngine::tell(std::unique_lock<std::mutex>& lock) {
    while (!reports_.empty() && listener_ && !ending_) {
        ReplicaStatus status = std::move(reports_.front());
        reports_.pop_front();
        Listener listener = listener_;
        lock.unlock();
        try {
            listener(status);
        } catch (...) {
            log::error("replica {} of attempt {}: {}", status.index, status.attempt_id,
                       log::current_exception_message());
        }
        lock.lock();
    }
}

}  // namespace

std::unique_ptr<Engine> make_process_engine(ProcessEngineOptions options) {
    return std::make_unique<ProcessEngine>(std::move(options));
}

}  // namespace maru::compute
