#pragma once

namespace maru {

/// `maru infer`: one replica's model server, on a Unix socket, until SIGTERM. Returns the exit
/// code; a model that can't be served leaves the reason in SOCKET.error for whoever started it.
int run_infer(int argc, char** argv);

}  // namespace maru
