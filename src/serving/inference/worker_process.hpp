#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.hpp"

namespace maru::serving {

/// A frame of the worker's protocol (sdk/python/maru_worker/worker.py).
struct WorkerFrame {
    std::string header;  // JSON
    std::string body;
};

/// One Python process with the model, and the socket to it.
///
/// Lifetime: the process is started by the constructor; whoever holds this must call wait() once,
/// and keep it until then. Threads: send and receive from one at a time; kill and wait from any.
class WorkerProcess {
  public:
    /// Throws not_found if `python` can't be started.
    WorkerProcess(const std::filesystem::path& python, const std::filesystem::path& script,
                  const std::filesystem::path& model, int threads);
    ~WorkerProcess();
    WorkerProcess(const WorkerProcess&) = delete;
    WorkerProcess& operator=(const WorkerProcess&) = delete;

    /// Throws unavailable if the process is gone.
    void send(std::string_view header, std::span<const std::span<const std::byte>> body);
    /// Blocks until a frame came; throws unavailable if the process is gone.
    WorkerFrame receive();
    /// Blocks until the process has ended; returns how, for people: "exit code 1", "signal 9
    /// (Killed)".
    std::string wait();
    /// Sends a signal, unless the process has been waited for.
    void kill(int signal);

  private:
    void read_exactly(char* to, std::size_t bytes);

    FileDescriptor socket_;
    struct Child;
    std::unique_ptr<Child> child_;
};

}  // namespace maru::serving
