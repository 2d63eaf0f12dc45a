#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/files.hpp"

namespace maru::net {

/// Listens at a Unix path of any length; a socket file that nobody listens on is replaced.
/// Throws already_exists, permission_denied.
FileDescriptor listen_unix(const std::filesystem::path& path);

/// Listens on a TCP address; `port` 0 takes a free one and is set to it. Throws already_exists,
/// permission_denied, invalid_argument (no such address here).
FileDescriptor listen_tcp(const std::string& address, std::uint16_t& port);

/// Starts to connect without blocking. `error` is 0 (connected), EINPROGRESS (wait until writable,
/// then see connect_error) or why it cannot be done.
FileDescriptor connect_unix(const std::string& path, int& error);
/// `host` is "localhost" or a numeric address.
FileDescriptor connect_numeric(const std::string& host, std::uint16_t port, int& error);
/// The outcome of a connect that was in progress: 0 or errno.
int connect_error(int fd);

/// Sends small writes at once; keeps long idle connections alive so that a vanished peer is seen.
void set_tcp_options(int fd);

/// Accepts one connection, non-blocking; `peer` becomes its numeric address, or "unix". On failure
/// the descriptor is empty and errno set.
FileDescriptor accept_connection(int listener, std::string& peer);

}  // namespace maru::net
