#pragma once

#include <functional>

#include "cli/follow/interrupts.hpp"
#include "cli/session.hpp"
#include "compute/types.hpp"

namespace maru::cli {

struct FollowOptions {
    std::int32_t replica = 0;
    std::int64_t offset = 0;
    bool dimmed = false;  // to stderr, faintly: the log of something that the command waits for
};

/// Prints a job's output as it comes until the job has ended, and why it waits while it does;
/// returns the job as it ended. Threads: the caller's and one for the status line. `output` is held
/// while writing.
compute::Job follow_job(Session& session, const compute::Job& job, const FollowOptions& options,
                        std::mutex& output, StatusLine& status);

/// Creates a job with `create` and follows it to its end, as `maru run` does: Ctrl-C detaches or
/// stops it. With --json: a document of type queued, the log, one of type end.
compute::Job create_and_follow(Session& session, const std::function<compute::Job()>& create,
                               StatusLine& status);

/// What a process that stands for the job exits with: the job's own code, else 0 or 1 by its state.
int exit_code_of(const compute::Job& job);

/// Tells people on stderr how a job ended, unless it went well.
void report_end(Session& session, const compute::Job& job);

/// Waits for the job's end without its output.
compute::Job wait_for_job(Session& session, const std::string& id);

/// Finds a job by its id or, failing that, the newest with that name. Throws not_found.
compute::Job find_job(Session& session, const std::string& id_or_name);

}  // namespace maru::cli
