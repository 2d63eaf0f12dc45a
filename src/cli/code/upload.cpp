#include "cli/code/upload.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "cli/code/hash_cache.hpp"
#include "environments/operations.hpp"

namespace maru::cli {
namespace {

constexpr std::size_t kDigestsARequest = 10'000;

struct Entry {
    const LocalFile* local;
    environments::CodeFile file;
};

std::set<std::string> find_missing(ApiClient& client, const std::string& project,
                                   const std::vector<Entry>& entries) {
    std::set<std::string> wanted, missing;
    for (const auto& entry : entries) wanted.insert(entry.file.sha256);
    std::vector<std::string> digests(wanted.begin(), wanted.end());
    for (std::size_t from = 0; from < digests.size(); from += kDigestsARequest) {
        auto to = std::min(from + kDigestsARequest, digests.size());
        environments::FindMissingBlobs request{
            .project = project,
            .digests = {digests.begin() + static_cast<std::ptrdiff_t>(from),
                        digests.begin() + static_cast<std::ptrdiff_t>(to)}};
        auto answer = client.call(environments::find_missing_blobs, request);
        missing.insert(answer.missing.begin(), answer.missing.end());
    }
    return missing;
}

/// Sends one file's bytes; false if they are no longer those of its digest.
bool send_blob(ApiClient& client, const std::string& project, const std::filesystem::path& path,
               environments::CodeFile& file) {
    try {
        client.upload(environments::put_blob,
                      environments::PutBlob{.project = project, .sha256 = file.sha256}, path);
        return true;
    } catch (const Error& error) {
        bool changed =
            error.code() != ErrorCode::unavailable && hash_file(path).sha256 != file.sha256;
        if (!changed) throw;
        return false;
    }
}

class Upload {
  public:
    Upload(ApiClient& client, const std::string& project, const CodeTree& tree, HashCache& cache)
        : client_(client), project_(project), tree_(tree), cache_(cache) {}

    std::vector<environments::CodeFile> run(const UploadProgress& progress) {
        std::vector<Entry> entries;
        for (const auto& local : tree_.files)
            if (auto file = describe(local)) entries.push_back({&local, std::move(*file)});
        auto missing = find_missing(client_, project_, entries);
        std::size_t sent = 0, to_send = missing.size();
        std::int64_t sent_bytes = 0;
        std::vector<environments::CodeFile> files;
        for (auto& entry : entries) {
            bool present = true;
            if (missing.contains(entry.file.sha256)) {
                if (progress) progress(sent, to_send, sent_bytes);
                auto digest = entry.file.sha256;
                present = send(entry);
                if (present && entry.file.sha256 == digest) missing.erase(digest);
                ++sent;
                sent_bytes += entry.file.size_bytes;
            }
            if (present) files.push_back(std::move(entry.file));
        }
        return files;
    }

  private:
    std::optional<environments::CodeFile> describe(const LocalFile& local) {
        try {
            auto digest = cache_.digest(tree_.root, local);
            return environments::CodeFile{.path = local.path,
                                          .sha256 = digest.sha256,
                                          .size_bytes = digest.size_bytes,
                                          .executable = local.executable};
        } catch (const Error& error) {
            if (error.code() == ErrorCode::not_found) return std::nullopt;
            throw;
        }
    }

    /// False if the file is no longer there.
    bool send(Entry& entry) {
        auto path = tree_.root / entry.file.path;
        try {
            for (int attempt = 0; attempt < 2; ++attempt) {
                if (send_blob(client_, project_, path, entry.file)) return true;
                cache_.forget(*entry.local);
                auto digest = hash_file(path);
                entry.file.sha256 = digest.sha256;
                entry.file.size_bytes = digest.size_bytes;
            }
            if (send_blob(client_, project_, path, entry.file)) return true;
        } catch (const Error&) {
            if (!std::filesystem::exists(path)) return false;
            throw;
        }
        fail(ErrorCode::aborted,
             "{} changes faster than it can be uploaded; leave it out with a line in .maruignore",
             entry.file.path);
    }

    ApiClient& client_;
    const std::string& project_;
    const CodeTree& tree_;
    HashCache& cache_;
};

}  // namespace

std::string upload_code(ApiClient& client, const std::string& project, const CodeTree& tree,
                        const std::filesystem::path& cache_folder, const UploadProgress& progress) {
    HashCache cache(cache_folder, tree.root);
    environments::CreateCodeSnapshot request{.project = project, .files = {}};
    request.files = Upload(client, project, tree, cache).run(progress);
    auto snapshot = client.call(environments::create_code_snapshot, request);
    cache.save();
    return snapshot.id;
}

}  // namespace maru::cli
