#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cli/arguments.hpp"

namespace maru::cli {

/// What ~/.config/maru/config.toml holds.
struct SavedConfig {
    std::string url, token, project;
};

/// Which server, as whom, in which project.
struct Settings {
    std::string url, token, project;
};

/// Looks up an environment variable; nothing if it isn't set or is empty.
using EnvironmentLookup = std::function<std::optional<std::string>(std::string_view)>;
std::optional<std::string> process_environment(std::string_view name);

/// $XDG_CONFIG_HOME/maru/config.toml or ~/.config/maru/config.toml. Throws failed_precondition with
/// neither.
std::filesystem::path config_path(const EnvironmentLookup& environment);
/// $XDG_CACHE_HOME/maru or ~/.cache/maru; empty with neither.
std::filesystem::path cache_directory(const EnvironmentLookup& environment);

/// Empty if the file isn't there. Throws invalid_argument that names the line of an error.
SavedConfig read_config(const std::filesystem::path& path);
/// Replaces the file in one step, readable by its owner only. Keys it does not know are kept.
void write_config(const std::filesystem::path& path, const SavedConfig& config);

/// Flags, then MARU_URL, MARU_TOKEN and MARU_PROJECT, then the file, then the default server and
/// project. The file's token goes only to the file's server.
Settings resolve_settings(const GlobalOptions& flags, const EnvironmentLookup& environment,
                          const SavedConfig& saved);

/// A server's address without trailing slashes; adds http:// where no scheme is given.
std::string normalize_url(std::string_view url);

}  // namespace maru::cli
