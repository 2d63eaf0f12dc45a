#pragma once

namespace maru::cli {

/// Runs one client command (`maru jobs`, `maru run ...`) and returns the process's exit code.
///
/// Lifetime: once per process. Threads: the main thread, before any other exists (it may block
/// signals). Errors: none come out; they are printed to stderr as "error: message" with what to do
/// next.
int run(int argc, char** argv);

}  // namespace maru::cli
