#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "transfer/source.hpp"

namespace maru::transfer {

/// Finds artifacts on this machine by the URIs that a tracking server stored, also where the whole
/// tree was moved. Threads: any.
class LocalArtifacts {
  public:
    /// `base`: what relative paths start from. `root`: where to look for what isn't at its place,
    /// and for mlflow-artifacts:; may be empty. `moved`: look there first.
    LocalArtifacts(std::filesystem::path base, std::filesystem::path root, bool moved = false)
        : base_(std::move(base)), root_(std::move(root)), moved_(moved) {}

    /// Empty if it can be read, or is a folder that nothing was put into yet.
    std::string unreachable(const std::string& uri) const;
    std::vector<ArtifactFile> list(const std::string& uri) const;
    std::filesystem::path file(const std::string& uri, const ArtifactFile& file) const;

  private:
    std::optional<std::filesystem::path> find(const std::string& uri) const;

    std::filesystem::path base_, root_;
    bool moved_;
};

/// The path of a URI without a scheme or with file:; nothing for others.
std::optional<std::filesystem::path> local_path(std::string_view uri);
/// All files below a folder, sorted by path.
std::vector<ArtifactFile> list_files(const std::filesystem::path& folder);

}  // namespace maru::transfer
