#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "base/files.hpp"
#include "base/json.hpp"
#include "compute/engines/process/engine_fixture.hpp"
#include "compute/engines/process/records.hpp"

namespace maru::compute {

using namespace std::chrono_literals;

bool eventually(const std::function<bool()>& is_so) {
    auto until = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < until) {
        if (is_so()) return true;
        poll(nullptr, 0, 2);
    }
    return false;
}

EngineFixture::EngineFixture() {
    auto pattern = (std::filesystem::temp_directory_path() / "maru-engine-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot create " + pattern);
    directory_ = pattern;
    restart();
}

EngineFixture::~EngineFixture() {
    for (const auto& entry : std::filesystem::directory_iterator(directory_ / "engine")) {
        auto name = entry.path().filename().string();
        auto dash = name.rfind('-');
        if (dash == std::string::npos) continue;
        auto attempt = name.substr(0, dash);
        auto index = std::stoi(name.substr(dash + 1));
        engine_->stop(attempt, index, 0);
        wait_for_end(attempt, index);
        EXPECT_EQ(process::read_if_present(entry.path() / process::kOutputFile).value_or(""), "");
        engine_->forget(attempt);
    }
    auto cgroups = cgroup_folders();
    engine_.reset();
    for (const auto& cgroup : cgroups)
        EXPECT_FALSE(std::filesystem::exists(cgroup)) << cgroup << " was left behind";
    std::filesystem::remove_all(directory_);
}

void EngineFixture::restart() {
    engine_.reset();
    {
        std::lock_guard lock(mutex_);
        told_.clear();
    }
    engine_ = make_process_engine({.state_directory = directory_ / "engine"});
    engine_->set_listener([this](const ReplicaStatus& status) {
        std::lock_guard lock(mutex_);
        told_.push_back(status);
        changed_.notify_all();
    });
}

ReplicaSpec EngineFixture::spec(const std::string& attempt, std::vector<std::string> command) {
    auto work = directory_ / ("work-" + attempt);
    std::filesystem::create_directories(work);
    return {.attempt_id = attempt,
            .workload_id = "w" + attempt,
            .command = std::move(command),
            .variables = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"HOME", "/workload"}},
            .directory = "/workload",
            .mounts = {{.source = work.string(), .target = "/workload", .writable = true}},
            .cpu_milli = 1000,
            .memory_mib = 256,
            .user_number = 7,
            .stop_grace_s = 1,
            .log_file = (directory_ / (attempt + ".log")).string()};
}

ReplicaSpec EngineFixture::script(const std::string& attempt, const std::string& text) {
    return spec(attempt, {"sh", "-c", text});
}

ReplicaExit EngineFixture::run(const ReplicaSpec& replica) {
    engine_->launch(replica);
    return wait_for_end(replica.attempt_id, replica.index);
}

ReplicaStatus EngineFixture::wait(const std::string& attempt, std::int32_t index,
                                  const std::function<bool(const ReplicaStatus&)>& wanted) {
    std::unique_lock lock(mutex_);
    ReplicaStatus found;
    bool in_time = changed_.wait_for(lock, 30s, [&] {
        for (const auto& status : told_)
            if (status.attempt_id == attempt && status.index == index && wanted(status)) {
                found = status;
                return true;
            }
        return false;
    });
    EXPECT_TRUE(in_time) << "no event came for replica " << index << " of " << attempt;
    return found;
}

ReplicaExit EngineFixture::wait_for_end(const std::string& attempt, std::int32_t index) {
    auto status = wait(attempt, index, [](const ReplicaStatus& candidate) {
        return candidate.state == ReplicaState::ended;
    });
    return status.exit.value_or(ReplicaExit{.exit_code = -1, .reason = "no exit"});
}

void EngineFixture::wait_until_running(const std::string& attempt, std::int32_t index) {
    wait(attempt, index,
         [](const ReplicaStatus& status) { return status.state != ReplicaState::starting; });
}

void EngineFixture::wait_for_log(const std::string& attempt, const std::string& text) {
    EXPECT_TRUE(eventually([&] { return log(attempt).find(text) != std::string::npos; }))
        << "the log of " << attempt << " holds: " << log(attempt);
}

std::string EngineFixture::log(const std::string& attempt) const {
    return process::read_if_present(directory_ / (attempt + ".log")).value_or("");
}

std::vector<ReplicaStatus> EngineFixture::told(const std::string& attempt) {
    std::lock_guard lock(mutex_);
    std::vector<ReplicaStatus> found;
    for (const auto& status : told_)
        if (status.attempt_id == attempt) found.push_back(status);
    return found;
}

std::filesystem::path EngineFixture::folder(const std::string& attempt, std::int32_t index) const {
    return directory_ / "engine" / (attempt + "-" + std::to_string(index));
}

pid_t EngineFixture::supervisor(const std::string& attempt) const {
    auto text = read_file(folder(attempt) / process::kLockFile);
    return static_cast<pid_t>(from_json<process::SupervisorRecord>(text).pid);
}

std::vector<std::filesystem::path> EngineFixture::cgroup_folders() const {
    std::vector<std::filesystem::path> folders;
    for (const auto& entry : std::filesystem::directory_iterator(directory_ / "engine")) {
        auto text = process::read_if_present(entry.path() / process::kSpecFile);
        if (!text || !text->ends_with('}')) continue;
        for (const auto& cgroup : from_json<process::SupervisorSpec>(*text).cgroups)
            folders.emplace_back(cgroup.folder);
    }
    return folders;
}

}  // namespace maru::compute
