#pragma once

#include <filesystem>
#include <memory>

#include "blob/blob_store.hpp"
#include "server/options.hpp"

namespace maru::server {

/// Opens the store that the options name, on disk or in S3, and holds the data directory to it:
/// what was begun in one is not looked for in the other. Throws failed_precondition that says what
/// to do.
std::unique_ptr<blob::BlobStore> open_blobs(const Options& options,
                                            const std::filesystem::path& directory);

}  // namespace maru::server
