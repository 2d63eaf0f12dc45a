#include "environments/code_snapshots.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/files.hpp"
#include "base/json.hpp"
#include "base/text.hpp"

namespace maru::environments {
namespace {

constexpr std::size_t kFilesMax = 100'000;
constexpr std::int64_t kBytesMax = 10LL << 30;

FileDescriptor create_file(const std::filesystem::path& target, bool executable) {
    FileDescriptor to(open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                           executable ? 0755 : 0644));
    if (!to) fail_errno(errno, fmt::format("cannot write {}", target.string()));
    return to;
}

void copy_file(const std::filesystem::path& source, const std::filesystem::path& target,
               bool executable) {
    FileDescriptor from(open(source.c_str(), O_RDONLY | O_CLOEXEC));
    if (!from) fail_errno(errno, fmt::format("cannot open {}", source.string()));
    FileDescriptor to = create_file(target, executable);
    // One step after another until the end, or until the file systems do not do it between them.
    ssize_t count = 0;
    do count = copy_file_range(from.get(), nullptr, to.get(), nullptr, 1 << 30, 0);
    while (count > 0);
    if (count == 0) return;
    if (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS)
        fail_errno(errno, fmt::format("cannot write {}", target.string()));
    std::string buffer(256 << 10, '\0');
    while ((count = read(from.get(), buffer.data(), buffer.size())) > 0)
        write_all(to.get(), std::string_view(buffer.data(), static_cast<std::size_t>(count)));
    if (count < 0) fail_errno(errno, fmt::format("cannot read {}", source.string()));
}

}  // namespace

std::vector<CodeFile> canonical_files(std::vector<CodeFile> files) {
    if (files.size() > kFilesMax)
        fail_field("files",
                   fmt::format("are {}; a snapshot holds at most {}. Leave data and build outputs "
                               "out with .maruignore",
                               files.size(), kFilesMax));
    std::int64_t bytes = 0;
    for (std::size_t i = 0; i < files.size(); ++i) {
        const CodeFile& file = files[i];
        check_relative_path(fmt::format("files[{}].path", i), file.path);
        if (!is_sha256_hex(file.sha256))
            fail_field(fmt::format("files[{}].sha256", i), "expected 64 lowercase hex digits");
        if (file.size_bytes < 0)
            fail_field(fmt::format("files[{}].size_bytes", i), "must not be negative");
        if (file.size_bytes > kBytesMax - bytes)
            fail_field("files",
                       fmt::format("hold more than the {} that a snapshot may have. Leave data out "
                                   "with .maruignore",
                                   format_bytes(kBytesMax)));
        bytes += file.size_bytes;
    }
    std::ranges::sort(files, {}, &CodeFile::path);
    for (std::size_t i = 0; i + 1 < files.size(); ++i)
        if (files[i].path == files[i + 1].path)
            fail_field("files", fmt::format("name \"{}\" twice", files[i].path));
    std::set<std::string_view> paths;
    for (const CodeFile& file : files) paths.insert(file.path);
    for (const CodeFile& file : files) {
        std::string_view path = file.path;
        for (auto slash = path.find('/'); slash != std::string_view::npos;
             slash = path.find('/', slash + 1))
            if (paths.contains(path.substr(0, slash)))
                fail_field("files",
                           fmt::format("name \"{}\" both as a file and as the folder of \"{}\"",
                                       path.substr(0, slash), path));
    }
    return files;
}

std::vector<CodeFile> files_of(const blob::BlobStore& blobs, std::string_view snapshot_id) {
    constexpr std::size_t kManifestBytesMax = 256 << 20;
    return from_json<std::vector<CodeFile>>(blobs.get(snapshot_id, kManifestBytesMax));
}

void write_code(const blob::BlobStore& blobs, const std::vector<CodeFile>& files,
                const std::filesystem::path& folder) {
    std::filesystem::path made;
    for (const CodeFile& file : files) {
        auto target = folder / file.path;
        if (target.parent_path() != made) {
            made = target.parent_path();
            std::filesystem::create_directories(made);
        }
        if (auto local = blobs.local_file(file.sha256)) {
            copy_file(*local, target, file.executable);
            continue;
        }
        FileDescriptor to = create_file(target, file.executable);
        auto reader = blobs.open(file.sha256, 0, file.size_bytes);
        for (auto piece = reader->read(); !piece.empty(); piece = reader->read())
            write_all(to.get(), piece);
    }
}

}  // namespace maru::environments
