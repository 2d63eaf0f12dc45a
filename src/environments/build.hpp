#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "compute/service.hpp"
#include "environments/requirements.hpp"

namespace maru::environments {

/// What a build's workload carries with it (Submission::private_data).
struct BuildRequest {
    std::string environment_id, build_id;
    std::vector<std::string> requirements;
    std::string python;  // "3.11"
};
BOOST_DESCRIBE_STRUCT(BuildRequest, (), (environment_id, build_id, requirements, python))

struct BuildPlaces {
    std::filesystem::path uv_program, python;
    std::filesystem::path python_prefix;  // of the interpreter
    std::filesystem::path folder;         // of this build; the same path inside and outside
    std::filesystem::path cache;          // of its project
    std::map<std::string, std::string> network_variables;
};

/// What the command of a build is; the script is written by prepare_build.
std::vector<std::string> build_command();

/// Writes the script into the workload's working directory, makes its folders, and completes the
/// replica with mounts and variables.
void prepare_build(const compute::Workload& workload, const BuildRequest& request,
                   const BuildPlaces& places, compute::ReplicaSpec& replica);

/// What a build left. Its files are the work of strangers: nothing of them is followed or believed.
struct BuildResult {
    std::string lock;
    std::int64_t size_bytes = 0;
};
/// Throws failed_precondition if the build did not leave what it should have.
BuildResult read_build_result(const std::filesystem::path& folder);

/// Why a build failed, from the end of what it printed, or else `reason`.
std::string explain_failure(const std::filesystem::path& folder, std::string_view reason);

/// Of all variables of a process, those that say where packages come from and how to get there, as
/// uv knows them; pip's where uv's own are not set.
std::map<std::string, std::string> network_variables(
    const std::map<std::string, std::string>& surroundings);

/// Makes the environment the first that the replica's programs are looked for in.
void add_environment(const std::filesystem::path& folder, const BuildPlaces& places,
                     compute::ReplicaSpec& replica);

}  // namespace maru::environments
