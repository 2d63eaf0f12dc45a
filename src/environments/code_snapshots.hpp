#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "blob/blob_store.hpp"
#include "environments/types.hpp"

/// Code snapshots as values: a list of files in one canonical form, whose JSON is itself a blob,
/// and whose digest is the snapshot's id.
namespace maru::environments {

/// Sorts the files by path. Throws invalid_argument that names the file for a path that leaves the
/// directory, stands twice, or is both a file and a folder, and for more files or bytes than a
/// snapshot may have.
std::vector<CodeFile> canonical_files(std::vector<CodeFile> files);

/// The files of the snapshot with this id, sorted by path.
std::vector<CodeFile> files_of(const blob::BlobStore& blobs, std::string_view snapshot_id);

/// Copies a snapshot's files below `folder`, which nobody else changes meanwhile. They are copies,
/// not links: a job may write to them.
void write_code(const blob::BlobStore& blobs, const std::vector<CodeFile>& files,
                const std::filesystem::path& folder);

}  // namespace maru::environments
