#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "cli/api_client.hpp"
#include "cli/code/walk.hpp"

namespace maru::cli {

/// Called with files sent, files to send, and bytes sent.
using UploadProgress = std::function<void(std::size_t, std::size_t, std::int64_t)>;

/// Brings a tree's files to the server, only those that it lacks, and makes a snapshot of them.
///
/// A file that changes in the meantime is taken as it is then; one that changes again fails with
/// aborted, one that disappears is left out. Returns the snapshot's id.
std::string upload_code(ApiClient& client, const std::string& project, const CodeTree& tree,
                        const std::filesystem::path& cache_folder, const UploadProgress& progress);

}  // namespace maru::cli
