#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace maru {

struct ChildResult {
    int exit_code = 0;  // 128 + the signal where one ended it
    bool timed_out = false;
    std::string output;  // stdout and stderr together, its last MiB
};

struct ChildOptions {
    std::map<std::string, std::string> environment;  // the whole environment
    std::string directory;
    std::string input;
    std::chrono::milliseconds timeout{60'000};
};

/// Runs a program to its end and collects what it prints. Nothing of ours leaks into it
/// (descriptors are close-on-exec). Kills its process group at the time-out. Throws not_found if
/// the program isn't there.
ChildResult run_child(const std::vector<std::string>& command, const ChildOptions& options);

/// The path of a program on PATH, if there is one.
std::optional<std::string> find_program(const std::string& name);

}  // namespace maru
