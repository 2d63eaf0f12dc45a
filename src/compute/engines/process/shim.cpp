#include "compute/engines/process/shim.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string_view>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "compute/engines/process/records.hpp"
#include "compute/engines/process/sandbox_init.hpp"
#include "compute/engines/process/supervisor.hpp"

namespace maru::compute {

namespace {

/// The lock comes from the engine, which took it before the folder had its name; by hand it is
/// taken here.
FileDescriptor take_lock(const std::filesystem::path& folder, int inherited) {
    if (inherited >= 0) {
        fcntl(inherited, F_SETFD, FD_CLOEXEC);
        return FileDescriptor(inherited);
    }
    auto lock = process::open_lock(folder / process::kLockFile);
    if (!process::try_lock(lock.get()))
        fail(ErrorCode::failed_precondition, "{} has a supervisor already", folder.string());
    return lock;
}

void write_own_record(int lock) {
    process::SupervisorRecord record{
        .pid = getpid(), .start_ticks = process::process_start_ticks(getpid()).value_or(0)};
    std::string text = to_json(record);
    if (pwrite(lock, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
        fail_errno(errno, "cannot write the supervisor's record");
}

void supervise(const std::filesystem::path& spec_file, int inherited_lock) {
    auto folder = std::filesystem::absolute(spec_file).parent_path();
    auto lock = take_lock(folder, inherited_lock);
    write_own_record(lock.get());
    process::Supervisor(folder, std::move(lock)).run();
}

}  // namespace

int run_shim(int argc, char** argv) {
    auto number = [&](int index) {
        return index < argc ? static_cast<int>(parse_int(argv[index]).value_or(-1)) : -1;
    };
    if (argc == 5 && std::string_view(argv[2]) == "--init")
        return process::run_sandbox_init(number(3), number(4));
    if (argc < 3 || argc > 4) {
        log::error("usage: maru shim SPEC_FILE");
        return 2;
    }
    umask(022);
    try {
        supervise(argv[2], number(3));
        return 0;
    } catch (...) {
        log::error("shim {}: {}", argv[2], log::current_exception_message());
        return 1;
    }
}

}  // namespace maru::compute
