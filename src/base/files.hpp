#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace maru {

/// A file descriptor that closes itself.
class FileDescriptor {
  public:
    FileDescriptor() = default;
    explicit FileDescriptor(int fd) : fd_(fd) {}
    FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        reset(other.release());
        return *this;
    }
    ~FileDescriptor() { reset(); }
    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    int release() {
        int fd = fd_;
        fd_ = -1;
        return fd;
    }
    void reset(int fd = -1);

  private:
    int fd_ = -1;
};

/// Reads a whole file; throws Error (not_found, permission_denied, ...), or resource_exhausted if
/// it holds more than `bytes_max`.
std::string read_file(const std::filesystem::path& path, std::size_t bytes_max = 64u << 20);
/// Replaces a file so that a crash leaves the old or the new content: temporary file, fsync,
/// rename, fsync of the folder. `mode` as in chmod.
void write_file_atomically(const std::filesystem::path& path, std::string_view content,
                           unsigned mode = 0644);
/// Writes all bytes to a descriptor; throws on error (a full disk is resource_exhausted).
void write_all(int fd, std::string_view bytes);
/// Flushes a folder's entries to disk.
void sync_directory(const std::filesystem::path& path);

}  // namespace maru
