#include "cli/code/git_state.hpp"

#include <cstdlib>
#include <optional>
#include <vector>

#include "base/child_process.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace maru::cli {
namespace {

constexpr std::chrono::seconds kPatience{5};
constexpr std::size_t kTagBytesMax = 8000;  // the server's limit

/// What a command of Git prints; nothing if it fails.
std::optional<std::string> git(const std::filesystem::path& directory,
                               std::vector<std::string> arguments) {
    // Only looks: takes no lock, asks for no password.
    ChildOptions options{.environment = {{"LC_ALL", "C"},
                                         {"GIT_OPTIONAL_LOCKS", "0"},
                                         {"GIT_TERMINAL_PROMPT", "0"},
                                         {"GIT_PAGER", "cat"}},
                         .directory = directory.native(),
                         .input = {},
                         .timeout = kPatience};
    for (const char* name : {"PATH", "HOME", "XDG_CONFIG_HOME"})
        if (const char* value = std::getenv(name)) options.environment[name] = value;
    static const auto program = find_program("git");
    if (!program) return std::nullopt;
    std::vector<std::string> command{*program, "-c", "core.fsmonitor=false", "-c",
                                     "core.safecrlf=false"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    try {
        auto result = run_child(command, options);
        if (result.timed_out || result.exit_code != 0) return std::nullopt;
        return std::move(result.output);
    } catch (const Error&) {
        return std::nullopt;
    }
}

}  // namespace

std::string without_credentials(std::string_view url) {
    auto scheme = url.find("://");
    if (scheme == std::string_view::npos) return std::string(url);
    auto authority = scheme + 3;
    auto query = url.find_first_of("?#", authority);
    if (query != std::string_view::npos) url = url.substr(0, query);
    auto path = url.find('/', authority);
    auto host = url.substr(authority, path == std::string_view::npos ? path : path - authority);
    auto at = host.rfind('@');
    if (at != std::string_view::npos) host = host.substr(at + 1);
    return fmt::format("{}{}{}", url.substr(0, authority), host,
                       path == std::string_view::npos ? "" : url.substr(path));
}

std::map<std::string, std::string> git_tags(const std::filesystem::path& directory) {
    std::map<std::string, std::string> tags;
    auto add = [&](std::string_view name, std::string_view value) {
        if (!value.empty() && value.size() <= kTagBytesMax && is_utf8(value) &&
            value.find('\0') == std::string_view::npos)
            tags[fmt::format("mlflow.source.git.{}", name)] = value;
    };
    auto commit = git(directory, {"rev-parse", "--verify", "--quiet", "HEAD^{commit}"});
    if (!commit || git(directory, {"check-ignore", "--quiet", "."})) return tags;
    add("commit", trim(*commit));
    if (auto branch = git(directory, {"symbolic-ref", "--quiet", "--short", "HEAD"}))
        add("branch", trim(*branch));
    if (auto remotes = git(directory, {"config", "--get-regexp", R"(^remote\..*\.url$)"})) {
        auto line = std::string_view(*remotes).substr(0, remotes->find('\n'));
        if (auto space = line.find(' '); space != std::string_view::npos)
            add("repoURL", without_credentials(trim(line.substr(space + 1))));
    }
    auto diff = git(directory, {"diff", "--no-ext-diff", "--no-textconv", "--no-color",
                                "--submodule=short", "HEAD"});
    if (!diff) return tags;
    add("dirty", diff->empty() ? "false" : "true");
    add("diff", *diff);
    return tags;
}

}  // namespace maru::cli
