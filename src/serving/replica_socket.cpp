#include "serving/replica_socket.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "net/client.hpp"

namespace maru::serving {

namespace {

constexpr std::size_t kErrorBytesMax = 4096;

std::filesystem::path own_socket(const std::filesystem::path& folder) {
    return folder / "run" / "app.sock";
}

}  // namespace

std::filesystem::path pinned_socket(const std::filesystem::path& folder) {
    return folder / "app.sock";
}

bool pin_socket(const std::filesystem::path& folder) {
    auto path = own_socket(folder);
    FileDescriptor file(open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!file && errno == ENOENT) return false;
    if (!file) fail_errno(errno, "cannot open " + path.string());
    struct stat status{};
    if (fstat(file.get(), &status) != 0) fail_errno(errno, "cannot read " + path.string());
    if (!S_ISSOCK(status.st_mode))
        fail(ErrorCode::failed_precondition, "{} is not a socket", path.string());
    auto pinned = pinned_socket(folder);
    struct stat there{};
    if (lstat(pinned.c_str(), &there) == 0 && there.st_ino == status.st_ino) return true;
    unlink(pinned.c_str());
    auto opened = fmt::format("/proc/self/fd/{}", file.get());
    if (linkat(AT_FDCWD, opened.c_str(), AT_FDCWD, pinned.c_str(), AT_SYMLINK_FOLLOW) != 0)
        fail_errno(errno, "cannot link " + path.string());
    return true;
}

bool is_ready(const std::filesystem::path& folder) {
    if (!pin_socket(folder)) return false;
    try {
        auto client = net::Client::open("unix:" + pinned_socket(folder).string());
        net::ClientRequest request;
        request.target = "/v2/health/ready";
        request.timeout = std::chrono::seconds(2);
        return client->send(request).status == 200;
    } catch (const Error&) {
        // Nobody listens yet; whether it ever will is the workload's story.
        return false;
    }
}

std::optional<std::string> replica_error(const std::filesystem::path& folder) {
    auto path = own_socket(folder).string() + ".error";
    // The replica's code could have put anything there: links are not followed, pipes not waited
    // for.
    FileDescriptor file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat status{};
    if (!file || fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
    std::string text(kErrorBytesMax, '\0');
    auto bytes = read(file.get(), text.data(), text.size());
    text.resize(bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
    if (trim(text).empty() || !is_utf8(text)) return std::nullopt;
    return std::string(trim(text));
}

}  // namespace maru::serving
