#include "compute/engines/process/records.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/text.hpp"

namespace maru::compute::process {

namespace {

constexpr off_t kReservedBytes = 8192;

std::filesystem::path with_suffix(const std::filesystem::path& path, std::string_view suffix) {
    return path.string() + std::string(suffix);
}

FileDescriptor create_file(const std::filesystem::path& path) {
    FileDescriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file) fail_errno(errno, fmt::format("cannot create {}", path.string()));
    return file;
}

}  // namespace

void publish_file(const std::filesystem::path& path, std::string_view content) {
    auto temporary = with_suffix(path, ".new");
    auto file = create_file(temporary);
    write_all(file.get(), content);
    file.reset();
    if (rename(temporary.c_str(), path.c_str()) != 0)
        fail_errno(errno, fmt::format("cannot create {}", path.string()));
}

std::optional<std::string> read_if_present(const std::filesystem::path& path) {
    FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) {
        if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
        fail_errno(errno, fmt::format("cannot open {}", path.string()));
    }
    std::string content;
    char buffer[4096];
    for (;;) {
        ssize_t count = read(file.get(), buffer, sizeof buffer);
        if (count == 0) return content;
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail_errno(errno, fmt::format("cannot read {}", path.string()));
        content.append(buffer, static_cast<std::size_t>(count));
    }
}

FileDescriptor open_lock(const std::filesystem::path& path) {
    FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file) fail_errno(errno, fmt::format("cannot open {}", path.string()));
    return file;
}

bool try_lock(int fd) {
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) return false;
        if (errno != EINTR) fail_errno(errno, "cannot lock a replica's folder");
    }
    return true;
}

std::string read_boot_id() {
    return std::string(trim(read_file("/proc/sys/kernel/random/boot_id")));
}

std::optional<std::int64_t> process_start_ticks(std::int64_t pid) {
    auto stat = read_if_present(fmt::format("/proc/{}/stat", pid));
    if (!stat) return std::nullopt;
    // The second field is the program's name in parentheses and may hold spaces; start is field 22.
    auto name_end = stat->rfind(')');
    if (name_end == std::string::npos) return std::nullopt;
    auto fields = split(std::string_view(*stat).substr(name_end + 2), ' ');
    if (fields.size() < 20) return std::nullopt;
    return parse_int(fields[19]);
}

ReservedRecord::ReservedRecord(std::filesystem::path path)
    : path_(std::move(path)),
      temporary_(with_suffix(path_, ".new")),
      file_(create_file(temporary_)) {
    int error = posix_fallocate(file_.get(), 0, kReservedBytes);
    if (error != 0) fail_errno(error, fmt::format("cannot reserve {}", temporary_.string()));
}

ReservedRecord::~ReservedRecord() {
    if (file_) unlink(temporary_.c_str());
}

void ReservedRecord::commit(std::string_view content) {
    write_all(file_.get(), content);
    if (ftruncate(file_.get(), static_cast<off_t>(content.size())) != 0 ||
        fsync(file_.get()) != 0 || rename(temporary_.c_str(), path_.c_str()) != 0)
        fail_errno(errno, fmt::format("cannot write {}", path_.string()));
    file_.reset();
    sync_directory(path_.parent_path());
}

}  // namespace maru::compute::process
