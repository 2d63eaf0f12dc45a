#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "base/child_process.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "environments/build.hpp"
#include "environments/service.hpp"

namespace maru::environments {
namespace {

/// A program itself: the sandbox shows this one file alone, so a script that starts another would
/// not run.
bool is_program(const std::filesystem::path& path) {
    if (access(path.c_str(), X_OK) != 0) return false;
    FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char magic[4] = {};
    return file && read(file.get(), magic, sizeof magic) == sizeof magic &&
           std::string_view(magic, sizeof magic) == "\177ELF";
}

std::filesystem::path find_uv() {
    if (const char* named = std::getenv("MARU_UV")) return named;
    std::vector<std::filesystem::path> candidates;
    std::error_code error;
    auto own = std::filesystem::read_symlink("/proc/self/exe", error);
    if (!error) {
        candidates.push_back(own.parent_path() / "uv");
        candidates.push_back(own.parent_path().parent_path() / "tools/bin/uv");
    }
    if (const char* path = std::getenv("PATH"))
        for (std::string_view folder : split(path, ':'))
            candidates.push_back(std::filesystem::path(folder) / "uv");
    for (const auto& candidate : candidates)
        if (is_program(candidate)) return std::filesystem::canonical(candidate, error);
    return {};
}

}  // namespace

ServiceOptions options_from_surroundings(const std::filesystem::path& data_directory) {
    ServiceOptions options{.data_directory = std::filesystem::absolute(data_directory),
                           .uv_program = find_uv(),
                           .cache_directory = {},
                           .network_variables = {}};
    if (const char* python = std::getenv("MARU_PYTHON")) {
        options.python = python;
    } else if (access(options.python.c_str(), X_OK) != 0) {
        if (auto found = find_program("python3")) options.python = *found;
    }
    if (const char* cache = std::getenv("MARU_UV_CACHE"))
        options.cache_directory = std::filesystem::absolute(cache);
    std::map<std::string, std::string> surroundings;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        std::string_view variable = *entry;
        auto equals = variable.find('=');
        if (equals != std::string_view::npos)
            surroundings.emplace(variable.substr(0, equals), variable.substr(equals + 1));
    }
    options.network_variables = network_variables(surroundings);
    return options;
}

}  // namespace maru::environments
