#pragma once

namespace maru::compute {

/// `maru shim`: the supervisor of one replica, and the first process of its sandbox. Takes main's
/// arguments:
///
///     maru shim SPEC_FILE [LOCK_FD]       supervise the replica whose folder holds SPEC_FILE
///     maru shim --init CONTROL_FD LOG_FD  be the first process of a sandbox (run by the
///     supervisor)
///
/// The engine starts the supervisor; it runs on when the server ends. Returns the process's exit
/// code, which tells nothing of the replica: that is in exit.json beside SPEC_FILE.
int run_shim(int argc, char** argv);

}  // namespace maru::compute
