#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/reflection.hpp"

/// The first process inside a sandbox: gives up what root may do, runs the command, passes requests
/// to end on to every process inside, and tells the supervisor how the command ended. With its own
/// end, or the supervisor's, the kernel ends all that is inside.
namespace maru::compute::process {

/// What the supervisor sends first, as JSON after its length (uint32, host order).
struct InitSpec {
    std::vector<std::string> command;
    std::map<std::string, std::string> variables;
    std::string directory;
    bool drop_privileges = false;
    std::int64_t user_id = 0;
};
BOOST_DESCRIBE_STRUCT(InitSpec, (), (command, variables, directory, drop_privileges, user_id))

/// Asks for SIGTERM to all processes inside.
inline constexpr char kTerminate = 'T';

enum class InitStep : std::int32_t { run, drop_privileges, enter_directory, execute };

/// What comes back once, when the command has ended or could not be run (`error` is errno's value
/// then).
struct InitReport {
    InitStep failed_step = InitStep::run;
    std::int32_t error = 0;
    std::int32_t wait_status = 0;
    std::int32_t reserved = 0;
    std::int64_t cpu_us = 0;
    std::int64_t memory_peak_kib = 0;  // of the largest process
};

/// Never returns but to report a wrong use. The supervisor's end of `control` closed means: end.
int run_sandbox_init(int control, int log);

}  // namespace maru::compute::process
