#include "base/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/crypto.hpp"
#include "base/error.hpp"

namespace maru {

void FileDescriptor::reset(int fd) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
}

std::string read_file(const std::filesystem::path& path, std::size_t bytes_max) {
    FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) fail_errno(errno, fmt::format("cannot open {}", path.native()));
    std::string content;
    char buffer[65536];
    while (true) {
        ssize_t got = ::read(file.get(), buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail_errno(errno, fmt::format("cannot read {}", path.native()));
        if (got == 0) return content;
        content.append(buffer, static_cast<std::size_t>(got));
        if (content.size() > bytes_max)
            fail(ErrorCode::resource_exhausted, "{} is larger than {} bytes", path.native(),
                 bytes_max);
    }
}

void write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail_errno(errno, "cannot write");
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

void sync_directory(const std::filesystem::path& path) {
    FileDescriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || ::fsync(folder.get()) != 0)
        fail_errno(errno, fmt::format("cannot sync {}", path.native()));
}

void write_file_atomically(const std::filesystem::path& path, std::string_view content,
                           unsigned mode) {
    auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    auto temporary =
        folder / fmt::format(".{}.{}", path.filename().native(), to_hex(random_bytes(8)));
    try {
        FileDescriptor file(
            ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
        if (!file) fail_errno(errno, fmt::format("cannot create {}", temporary.native()));
        write_all(file.get(), content);
        if (::fsync(file.get()) != 0)
            fail_errno(errno, fmt::format("cannot sync {}", temporary.native()));
        if (::rename(temporary.c_str(), path.c_str()) != 0)
            fail_errno(errno, fmt::format("cannot write {}", path.native()));
    } catch (...) {
        ::unlink(temporary.c_str());
        throw;
    }
    sync_directory(folder);
}

}  // namespace maru
