#include "cli/config.hpp"

#include <cstdlib>

#include "base/error.hpp"
#include "base/text.hpp"

namespace maru::cli {

std::optional<std::string> process_environment(std::string_view name) {
    const char* value = std::getenv(std::string(name).c_str());
    if (!value || !*value) return std::nullopt;
    return value;
}

namespace {

std::filesystem::path base_directory(const EnvironmentLookup& environment,
                                     std::string_view variable, std::string_view below_home) {
    // The XDG specification tells programs to ignore relative paths in its variables.
    if (auto set = environment(variable); set && set->starts_with('/')) return *set;
    if (auto home = environment("HOME")) return std::filesystem::path(*home) / below_home;
    return {};
}

}  // namespace

std::filesystem::path config_path(const EnvironmentLookup& environment) {
    auto base = base_directory(environment, "XDG_CONFIG_HOME", ".config");
    if (base.empty())
        fail(ErrorCode::failed_precondition,
             "neither HOME nor XDG_CONFIG_HOME is set, so there is no place for config.toml");
    return base / "maru" / "config.toml";
}

std::filesystem::path cache_directory(const EnvironmentLookup& environment) {
    auto base = base_directory(environment, "XDG_CACHE_HOME", ".cache");
    return base.empty() ? base : base / "maru";
}

std::string normalize_url(std::string_view url) {
    url = trim(url);
    if (url.starts_with("unix:")) return std::string(url);
    std::string text(url);
    if (text.find("://") == std::string::npos) text = "http://" + text;
    while (text.ends_with('/')) text.pop_back();
    if (!text.starts_with("http://") && !text.starts_with("https://"))
        fail(ErrorCode::invalid_argument,
             "\"{}\" is no server address; expected http://HOST:PORT, https://HOST:PORT or "
             "unix:/path/to/socket",
             url);
    return text;
}

Settings resolve_settings(const GlobalOptions& flags, const EnvironmentLookup& environment,
                          const SavedConfig& saved) {
    auto first = [&](const std::optional<std::string>& flag, std::string_view variable) {
        return flag ? flag : environment(variable);
    };
    Settings settings;
    std::string saved_url = saved.url.empty() ? "" : normalize_url(saved.url);
    auto url = first(flags.url, "MARU_URL");
    settings.url = url                  ? normalize_url(*url)
                   : !saved_url.empty() ? saved_url
                                        : "http://127.0.0.1:7070";
    if (auto token = first(flags.token, "MARU_TOKEN"))
        settings.token = std::string(trim(*token));
    else if (settings.url == saved_url)
        settings.token = saved.token;
    if (auto project = first(flags.project, "MARU_PROJECT"))
        settings.project = *project;
    else
        settings.project = saved.project.empty() ? "default" : saved.project;
    return settings;
}

}  // namespace maru::cli
