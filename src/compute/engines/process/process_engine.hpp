#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "compute/engines/engine.hpp"
#include "compute/engines/process/shim.hpp"

namespace maru::compute {

struct ProcessEngineOptions {
    /// Where replicas' folders are kept; made if it isn't there. One engine at a time uses it.
    std::filesystem::path state_directory;
    /// A program whose `shim ARGUMENTS` calls run_shim; ours by default.
    std::filesystem::path maru_executable = "/proc/self/exe";
    /// First of the range of user ids that workloads run as, where the server is root.
    std::int64_t user_id_base = 200'000;
    /// Found on PATH where empty.
    std::filesystem::path bubblewrap = {};
    std::string gpu_library = "libnvidia-ml.so.1";
};

/// Runs replicas as sandboxed processes of this machine, each under a supervisor (`maru shim`) that
/// outlives the server.
///
/// A replica's folder says all there is to know, so an engine can be destroyed and made again at
/// any time:
///   - the folder gets its name (rename) when it is complete, and its lock is held from before
///   that, through the
///     supervisor, to the sandbox's last process;
///   - folder, lock free, no started.json: never launched. started.json, lock free, no exit.json:
///   lost;
///   - the supervisor alone starts the command, and never where started.json is.
///
/// Lifetime: destroying it leaves replicas running. Threads: any; one thread of its own follows the
/// replicas (inotify, pidfd) and calls the listener. Errors: as Engine says; launch also throws
/// invalid_argument for an attempt id that can't be a folder's name. Example:
/// process_engine_test.cpp.
std::unique_ptr<Engine> make_process_engine(ProcessEngineOptions options);

}  // namespace maru::compute
