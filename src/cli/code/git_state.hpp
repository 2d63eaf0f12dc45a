#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace maru::cli {

/// What Git says about a directory, as the tags of runs that MLflow's client writes:
/// mlflow.source.git.commit, .branch, .repoURL, .dirty and .diff. Tracked files count; a diff that
/// is longer than a tag may be is left out, since the snapshot has the files themselves.
///
/// Empty outside of a repository, in one without commits, in a directory that it ignores, and
/// without Git. Never throws and takes a few seconds a question at most. Programs that the
/// repository's configuration names to show differences or to watch files are not run.
std::map<std::string, std::string> git_tags(const std::filesystem::path& directory);

/// A remote's address without user, password and query; "git@HOST:PATH" as it is.
std::string without_credentials(std::string_view url);

}  // namespace maru::cli
