#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "base/files.hpp"
#include "compute/engines/process/records.hpp"

/// How a replica's folder comes to be and goes. Names that begin with '.' are folders on their way
/// in or out.
namespace maru::compute::process {

using ReplicaKey = std::pair<std::string, std::int32_t>;  // attempt, index

/// "ATTEMPT-INDEX"; throws invalid_argument where the attempt's id holds anything but letters,
/// digits, '_', '-'.
std::string replica_name(const ReplicaKey& key);
std::optional<ReplicaKey> parse_replica_name(const std::string& name);

/// Makes the folder with its spec, durable in the state folder; returns its lock, held. Nothing if
/// there is such a folder already. Throws resource_exhausted (disk full).
FileDescriptor create_replica_folder(const std::filesystem::path& state_directory,
                                     const std::string& name, const SupervisorSpec& spec);

/// Starts the supervisor and hands it the lock; returns a descriptor of the process (pidfd). Throws
/// resource_exhausted (no more processes), and nothing runs then.
FileDescriptor start_supervisor(const std::filesystem::path& folder, const SupervisorSpec& spec,
                                const FileDescriptor& lock);

/// Removes a folder in one step as recover sees it.
void remove_replica_folder(const std::filesystem::path& folder);

/// Removes what is on its way in or out and belongs to no one.
void remove_leftovers(const std::filesystem::path& state_directory);

/// True if no supervisor and no sandbox of it lives.
bool is_abandoned(const std::filesystem::path& folder);

}  // namespace maru::compute::process
