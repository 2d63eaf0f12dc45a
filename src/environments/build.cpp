#include "environments/build.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/text.hpp"

namespace maru::environments {
namespace {

constexpr std::string_view kLockName = "requirements.lock";
constexpr std::string_view kSizeName = "size_kib";
constexpr std::string_view kLogName = "log";
constexpr std::size_t kLockBytesMax = 4 << 20;
constexpr std::size_t kLogTailBytes = 64 << 10;
constexpr std::string_view kUvInside = "/opt/maru/bin/uv";
constexpr std::string_view kInitialPath = "/usr/local/bin:/usr/bin:/bin";

/// The last step imports each package that was asked for, so that Python keeps their compiled form:
/// jobs see the environment read-only, and would compile the same modules at each start. An import
/// that fails is the business of who imports it.
constexpr std::string_view kScript = R"sh(set -euo pipefail
uv=/opt/maru/bin/uv
venv=$MARU_BUILD_FOLDER/venv
say() { printf '%s\n' "$*"; }

build() {
    say "resolving for $("$MARU_PYTHON" --version)"
    "$uv" pip compile --python "$MARU_PYTHON" --emit-index-url --no-header \
        --output-file requirements.lock requirements.txt >/dev/null
    "$uv" venv --quiet --clear --python "$MARU_PYTHON" "$venv"
    "$uv" pip sync --allow-empty-requirements --python "$venv" requirements.lock
    say "compiling"
    timeout 120 "$venv/bin/python" compile.py || say "not everything could be compiled"
    du -sk "$venv" | cut -f1 >size_kib
    cp requirements.lock size_kib "$MARU_BUILD_FOLDER"
    say "ready, $(($(cat size_kib) / 1024)) MiB"
}

# The server reads its own copy to tell why a build failed.
build 2>&1 | tee "$MARU_BUILD_FOLDER/log"
)sh";

constexpr std::string_view kCompile = R"py(import os
import pathlib
import subprocess
import sys
from importlib import metadata


def modules(name):
    distribution = metadata.distribution(name)
    listed = distribution.read_text("top_level.txt")
    if listed:
        return listed.split()
    tops = {f.parts[0] for f in distribution.files or () if f.suffix == ".py" and ".." not in f.parts}
    return [pathlib.PurePath(top).stem for top in tops]


waiting = [m for name in sys.argv[1:] or open("names").read().split() for m in modules(name)]
waiting = [m for m in dict.fromkeys(waiting) if m.isidentifier()]
running = []
while waiting or running:
    while waiting and len(running) < 2:
        running.append(
            subprocess.Popen(
                [sys.executable, "-c", f"import {waiting.pop(0)}"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "DO_NOT_TRACK": "1", "PYTHONDONTWRITEBYTECODE": ""},
            )
        )
    running.pop(0).wait()
)py";

void write_file(const std::filesystem::path& path, std::string_view content) {
    FileDescriptor file(
        open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!file) fail_errno(errno, fmt::format("cannot write {}", path.string()));
    write_all(file.get(), content);
}

/// Reads a regular file whose name a stranger may have given to something else.
std::optional<std::string> read_foreign_file(const std::filesystem::path& path,
                                             std::size_t bytes_max, bool tail) {
    FileDescriptor file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat status{};
    if (!file || fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
    auto size = static_cast<std::size_t>(status.st_size);
    if (size > bytes_max && !tail) return std::nullopt;
    std::string content(std::min(size, bytes_max), '\0');
    auto offset = static_cast<off_t>(size - content.size());
    std::size_t done = 0;
    while (done < content.size()) {
        ssize_t count = pread(file.get(), content.data() + done, content.size() - done,
                              offset + static_cast<off_t>(done));
        if (count <= 0) break;
        done += static_cast<std::size_t>(count);
    }
    content.resize(done);
    return content;
}

bool is_below(const std::filesystem::path& path, std::string_view folder) {
    return path.native().starts_with(fmt::format("{}/", folder));
}

/// Of the system, every replica sees this much.
bool is_seen_inside(const std::filesystem::path& path) {
    constexpr std::array kSeen{"/usr",   "/bin",           "/lib",
                               "/lib64", "/etc/ssl/certs", "/etc/pki/tls/certs"};
    return std::ranges::any_of(
        kSeen, [&](const char* folder) { return path == folder || is_below(path, folder); });
}

void mount_if_unseen(compute::ReplicaSpec& replica, const std::filesystem::path& path) {
    if (path.empty() || !path.is_absolute() || is_seen_inside(path)) return;
    for (const auto& mount : replica.mounts)
        if (mount.target == path) return;
    std::error_code error;
    if (std::filesystem::exists(path, error))
        replica.mounts.push_back({.source = path, .target = path, .writable = false});
}

/// pip passes over folders that are not there, uv does not; and pip separates by spaces, uv by
/// commas.
void add_find_links(compute::ReplicaSpec& replica) {
    auto links = replica.variables.find("UV_FIND_LINKS");
    if (links == replica.variables.end()) return;
    std::ranges::replace(links->second, ' ', ',');
    std::vector<std::string> kept;
    for (std::string_view link : split(links->second, ',')) {
        std::error_code error;
        bool url = link.find("://") != std::string_view::npos;
        if (!url && (!link.starts_with('/') || !std::filesystem::exists(link, error))) continue;
        if (!url) mount_if_unseen(replica, link);
        kept.emplace_back(link);
    }
    links->second = fmt::format("{}", fmt::join(kept, ","));
    if (kept.empty()) replica.variables.erase(links);
}

}  // namespace

std::vector<std::string> build_command() {
    return {"/bin/bash", "build.sh"};
}

void prepare_build(const compute::Workload& workload, const BuildRequest& request,
                   const BuildPlaces& places, compute::ReplicaSpec& replica) {
    auto work = workload.folder / "work";
    std::filesystem::create_directories(work);
    std::filesystem::create_directories(places.folder);
    std::filesystem::create_directories(places.cache);
    write_file(work / "build.sh", kScript);
    write_file(work / "compile.py", kCompile);
    write_file(work / "requirements.txt",
               fmt::format("{}\n", fmt::join(request.requirements, "\n")));
    write_file(work / "names",
               fmt::format("{}\n", fmt::join(requirement_names(request.requirements), "\n")));

    replica.mounts.push_back({.source = places.folder, .target = places.folder, .writable = true});
    replica.mounts.push_back({.source = places.cache, .target = places.cache, .writable = true});
    replica.mounts.push_back(
        {.source = places.uv_program, .target = std::string(kUvInside), .writable = false});
    mount_if_unseen(replica, places.python_prefix);

    for (const auto& [name, value] : places.network_variables) replica.variables[name] = value;
    for (const char* name : {"SSL_CERT_FILE", "SSL_CERT_DIR"}) {
        auto found = places.network_variables.find(name);
        if (found != places.network_variables.end()) mount_if_unseen(replica, found->second);
    }
    add_find_links(replica);
    replica.variables["UV_CACHE_DIR"] = places.cache;
    replica.variables["UV_PYTHON_DOWNLOADS"] = "never";
    // A copy, since files that environments share with the cache could be changed through it by
    // later builds.
    replica.variables["UV_LINK_MODE"] = "copy";
    replica.variables["UV_NO_CONFIG"] = "1";
    replica.variables["MARU_BUILD_FOLDER"] = places.folder;
    replica.variables["MARU_PYTHON"] = places.python;
    if (!replica.variables.contains("PATH")) replica.variables["PATH"] = kInitialPath;
}

BuildResult read_build_result(const std::filesystem::path& folder) {
    auto lock = read_foreign_file(folder / kLockName, kLockBytesMax, false);
    auto size = read_foreign_file(folder / kSizeName, 32, false);
    auto size_kib = size ? parse_int(trim(*size)) : std::nullopt;
    if (!lock || !is_utf8(*lock) || !size_kib || *size_kib < 0 || *size_kib > (1LL << 40))
        fail(ErrorCode::failed_precondition,
             "its build ended well, but left no lock and size; a package's installation may have "
             "removed them");
    return {.lock = std::move(*lock), .size_bytes = *size_kib << 10};
}

std::string explain_failure(const std::filesystem::path& folder, std::string_view reason) {
    auto log = read_foreign_file(folder / kLogName, kLogTailBytes, true);
    std::string explanation = log ? explain_build_log(*log) : "";
    return explanation.empty() ? std::string(reason) : explanation;
}

std::map<std::string, std::string> network_variables(
    const std::map<std::string, std::string>& surroundings) {
    // Of uv's own variables only those about the network: others could move what the build puts
    // where.
    constexpr std::array kTaken{"SSL_CERT_FILE",
                                "SSL_CERT_DIR",
                                "HTTP_PROXY",
                                "HTTPS_PROXY",
                                "ALL_PROXY",
                                "NO_PROXY",
                                "http_proxy",
                                "https_proxy",
                                "all_proxy",
                                "no_proxy",
                                "UV_DEFAULT_INDEX",
                                "UV_INDEX",
                                "UV_INDEX_URL",
                                "UV_EXTRA_INDEX_URL",
                                "UV_FIND_LINKS",
                                "UV_INDEX_STRATEGY",
                                "UV_INSECURE_HOST",
                                "UV_NATIVE_TLS",
                                "UV_SYSTEM_CERTS",
                                "UV_HTTP_TIMEOUT",
                                "UV_NO_INDEX",
                                "UV_OFFLINE",
                                "UV_CONCURRENT_DOWNLOADS"};
    constexpr std::array<std::pair<const char*, const char*>, 7> kFromPip{{
        {"PIP_INDEX_URL", "UV_DEFAULT_INDEX"},
        {"PIP_EXTRA_INDEX_URL", "UV_INDEX"},
        {"PIP_FIND_LINKS", "UV_FIND_LINKS"},
        {"PIP_TRUSTED_HOST", "UV_INSECURE_HOST"},
        {"PIP_DEFAULT_TIMEOUT", "UV_HTTP_TIMEOUT"},
        {"PIP_CERT", "SSL_CERT_FILE"},
        {"REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"},
    }};
    std::map<std::string, std::string> taken;
    for (const char* name : kTaken)
        if (auto found = surroundings.find(name); found != surroundings.end()) taken.insert(*found);
    if (taken.contains("UV_INDEX_URL"))
        taken.try_emplace("UV_DEFAULT_INDEX", taken["UV_INDEX_URL"]);
    for (auto [pip, uv] : kFromPip)
        if (auto found = surroundings.find(pip);
            found != surroundings.end() && !found->second.empty())
            taken.try_emplace(uv, found->second);
    return taken;
}

void add_environment(const std::filesystem::path& folder, const BuildPlaces& places,
                     compute::ReplicaSpec& replica) {
    replica.mounts.push_back({.source = folder, .target = folder, .writable = false});
    mount_if_unseen(replica, places.python_prefix);
    auto venv = folder / "venv";
    auto path = replica.variables.try_emplace("PATH", kInitialPath).first;
    path->second = fmt::format("{}:{}", (venv / "bin").string(), path->second);
    replica.variables["VIRTUAL_ENV"] = venv;
}

}  // namespace maru::environments
