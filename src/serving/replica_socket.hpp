#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace maru::serving {

/// The socket of a replica, in the folder of its workload's attempt.
///
/// The replica's own code can write in run/, so it could put a link to somebody else's socket
/// there. The socket that is used is a hard link, made once from what was seen to be a socket, in
/// the folder itself, which only the server can write.
std::filesystem::path pinned_socket(const std::filesystem::path& folder);

/// Makes the pinned socket; false while the replica has not made its own. Throws
/// failed_precondition if what is there is no socket.
bool pin_socket(const std::filesystem::path& folder);

/// Whether the replica answers that it is ready. Waits for two seconds at most.
bool is_ready(const std::filesystem::path& folder);

/// What the replica wrote about why it ended; nothing if it wrote nothing.
std::optional<std::string> replica_error(const std::filesystem::path& folder);

}  // namespace maru::serving
