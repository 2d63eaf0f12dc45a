// Prints how long launch takes, and how long until the output of `echo` is in the log and its end
// is told.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string_view>
#include <vector>

#include "compute/engines/process/process_engine.hpp"

using namespace maru::compute;
using Clock = std::chrono::steady_clock;

namespace {

double ms_since(Clock::time_point from) {
    return std::chrono::duration<double, std::milli>(Clock::now() - from).count();
}

double median(std::vector<double> values) {
    std::ranges::nth_element(values, values.begin() + static_cast<long>(values.size() / 2));
    return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == "shim") return run_shim(argc, argv);
    auto pattern = (std::filesystem::temp_directory_path() / "maru-latency-XXXXXX").string();
    std::filesystem::path folder = mkdtemp(pattern.data());
    auto log = folder / "log";
    std::vector<double> launched, printed, ended;
    {
        std::mutex mutex;
        std::condition_variable changed;
        int ends = 0;
        auto engine = make_process_engine({.state_directory = folder / "engine"});
        engine->set_listener([&](const ReplicaStatus& status) {
            if (status.state != ReplicaState::ended) return;
            std::lock_guard lock(mutex);
            ++ends;
            changed.notify_all();
        });
        for (int i = 0; i < 40; ++i) {
            ReplicaSpec spec{.attempt_id = fmt::format("a{}", i),
                             .command = {"/bin/echo", "x"},
                             .directory = "/tmp",
                             .memory_mib = 256,
                             .log_file = log.string()};
            auto start = Clock::now();
            engine->launch(spec);
            launched.push_back(ms_since(start));
            std::error_code none_yet;
            for (std::uintmax_t size = 0; size < 2u * static_cast<unsigned>(i + 1); usleep(100)) {
                size = std::filesystem::file_size(log, none_yet);
                if (none_yet) size = 0;
            }
            printed.push_back(ms_since(start));
            std::unique_lock lock(mutex);
            changed.wait(lock, [&] { return ends == i + 1; });
            ended.push_back(ms_since(start));
            lock.unlock();
            engine->forget(spec.attempt_id);
        }
    }
    fmt::print("median of {}: launch returned {:.1f} ms, output {:.1f} ms, end told {:.1f} ms\n",
               launched.size(), median(launched), median(printed), median(ended));
    std::filesystem::remove_all(folder);
}
