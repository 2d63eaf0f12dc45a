#pragma once

#include <filesystem>

namespace maru::blob {

/// Puts an object's file at `target`, read-only: a hard link where workloads cannot change the
/// object through it, else a copy.
void place_file(const std::filesystem::path& object, const std::filesystem::path& target,
                bool executable);

}  // namespace maru::blob
