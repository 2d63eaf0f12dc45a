#include "cli/code/hash_cache.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <vector>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/files.hpp"
#include "base/text.hpp"

namespace maru::cli {
namespace {

constexpr std::string_view kFormat = "maru hash cache 1";
constexpr std::int64_t kSettled_ns = 3'000'000'000;

std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace

FileDigest hash_file(const std::filesystem::path& path) {
    FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) fail_errno(errno, "cannot read " + path.string());
    Sha256 digest;
    std::vector<char> buffer(1 << 18);
    std::int64_t size_bytes = 0;
    for (;;) {
        auto count = ::read(file.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail_errno(errno, "cannot read " + path.string());
        if (count == 0) return {digest.hex(), size_bytes};
        size_bytes += count;
        digest.update({buffer.data(), static_cast<std::size_t>(count)});
    }
}

HashCache::HashCache(const std::filesystem::path& folder, const std::filesystem::path& root) {
    if (folder.empty()) return;
    file_ = folder / "hashes" / sha256_hex(root.string()).substr(0, 32);
    std::string text;
    try {
        text = read_file(file_, std::size_t{256} << 20);
    } catch (const Error&) {
        return;
    }
    auto lines = split(text, '\n');
    if (lines.empty() || lines.front() != kFormat) return;
    for (std::size_t i = 1; i < lines.size(); ++i) {
        auto parts = split(lines[i], '\t');
        if (parts.size() != 6 || !is_sha256_hex(parts[0])) continue;
        auto size = parse_int(parts[1]), modified = parse_int(parts[2]),
             changed = parse_int(parts[3]), inode = parse_int(parts[4]);
        if (!size || !modified || !changed || !inode) continue;
        known_[std::string(parts[5])] = {.sha256 = std::string(parts[0]),
                                         .size_bytes = *size,
                                         .modified_ns = *modified,
                                         .changed_ns = *changed,
                                         .inode = static_cast<std::uint64_t>(*inode)};
    }
}

FileDigest HashCache::digest(const std::filesystem::path& root, const LocalFile& file) {
    auto found = known_.find(file.path);
    if (found != known_.end()) {
        const auto& entry = found->second;
        if (entry.size_bytes == file.size_bytes && entry.modified_ns == file.modified_ns &&
            entry.changed_ns == file.changed_ns && entry.inode == file.inode) {
            used_[file.path] = entry;
            return {entry.sha256, entry.size_bytes};
        }
    }
    auto started_ns = now_ns();
    auto read = hash_file(root / file.path);
    bool settled = read.size_bytes == file.size_bytes &&
                   file.modified_ns < started_ns - kSettled_ns &&
                   file.changed_ns < started_ns - kSettled_ns;
    if (settled && file.path.find_first_of("\t\n") == std::string::npos) {
        used_[file.path] = {read.sha256, file.size_bytes, file.modified_ns, file.changed_ns,
                            file.inode};
        changed_ = true;
    }
    return read;
}

void HashCache::forget(const LocalFile& file) {
    known_.erase(file.path);
    changed_ |= used_.erase(file.path) > 0;
}

void HashCache::save() const {
    if (file_.empty() || (!changed_ && used_.size() == known_.size())) return;
    std::string text(kFormat);
    text += '\n';
    for (const auto& [path, entry] : used_)
        text += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\n", entry.sha256, entry.size_bytes,
                            entry.modified_ns, entry.changed_ns, entry.inode, path);
    try {
        std::filesystem::create_directories(file_.parent_path());
        write_file_atomically(file_, text, 0600);
    } catch (const std::exception&) {
        // The next run reads the files again.
    }
}

}  // namespace maru::cli
