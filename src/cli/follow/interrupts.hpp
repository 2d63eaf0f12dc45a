#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "base/files.hpp"
#include "cli/session.hpp"

namespace maru::cli {

/// Turns Ctrl-C and SIGTERM into what the person wants done with the job that is being followed.
///
/// On a terminal it asks: detach or stop; elsewhere it stops the job. Once the job is being stopped
/// a further signal ends this process at once. Lifetime: from before the job is created (a signal
/// in between isn't lost) to the end of following. Threads: one of its own; `output` keeps others
/// from writing while it asks.
class JobInterrupts {
  public:
    JobInterrupts(Session& session, std::mutex& output, StatusLine& status);
    ~JobInterrupts();
    JobInterrupts(const JobInterrupts&) = delete;
    JobInterrupts& operator=(const JobInterrupts&) = delete;

    /// The job exists. If a signal came before, it is stopped.
    void job_created(const std::string& id);

  private:
    enum class Choice { detach, stop, go_on };
    void watch();
    void handle();
    Choice ask();
    void stop_job();

    Session& session_;
    std::mutex& output_;
    StatusLine& status_;
    std::mutex mutex_;
    std::condition_variable created_;
    std::string job_id_;
    bool leaving_ = false;
    bool stopping_ = false;
    FileDescriptor signals_, leave_;
    std::unique_ptr<ApiClient> client_;
    std::thread thread_;
};

}  // namespace maru::cli
