#pragma once

#include <string>
#include <vector>

#include "compute/engines/process/records.hpp"

namespace maru::compute::process {

/// Where the first process of a sandbox finds its program.
inline constexpr std::string_view kInitProgram = "/.maru/init";

struct SandboxCommand {
    std::vector<std::string> words;
    std::vector<FileDescriptor> files;  // to be left open for it
};

/// The command line that builds the sandbox with bubblewrap and runs sandbox_init.hpp's program in
/// it: a file system of its own that holds the read-only system, /proc, /dev, an empty /tmp and the
/// replica's mounts. `control` and `log` are descriptors for that program.
SandboxCommand sandbox_command(const SupervisorSpec& spec, int control, int log);

/// Gives a folder with all that is in it to a user, unless the folder is already theirs (it changes
/// hands last, so an interrupted change is done again). Never follows a symbolic link, and leaves
/// files that have other names (hard links) alone, since those may lie elsewhere. Throws Error with
/// the path.
void give_to_user(const std::string& path, std::int64_t user_id);

}  // namespace maru::compute::process
