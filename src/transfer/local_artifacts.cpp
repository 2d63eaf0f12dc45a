#include "transfer/local_artifacts.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"

namespace maru::transfer {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kProxied = "mlflow-artifacts:";

/// The path of mlflow-artifacts:/PATH and mlflow-artifacts://HOST/PATH.
std::string proxied_path(std::string_view uri) {
    auto rest = uri.substr(kProxied.size());
    if (rest.starts_with("//")) {
        auto slash = rest.find('/', 2);
        rest = slash == std::string_view::npos ? "" : rest.substr(slash);
    }
    while (rest.starts_with('/')) rest.remove_prefix(1);
    return std::string(rest);
}

bool is_folder(const fs::path& path) {
    std::error_code error;
    return fs::is_directory(path, error);
}

/// The place below `root` of a path whose first parts are no longer true.
std::optional<fs::path> find_moved(const fs::path& root, const fs::path& stored) {
    fs::path rest = stored.relative_path().lexically_normal();
    while (!rest.empty()) {
        if (is_folder(root / rest)) return root / rest;
        fs::path shorter;
        for (auto part = std::next(rest.begin()); part != rest.end(); ++part) shorter /= *part;
        rest = shorter;
    }
    return std::nullopt;
}

}  // namespace

std::optional<fs::path> local_path(std::string_view uri) {
    if (uri.starts_with("file:")) {
        auto rest = uri.substr(5);
        if (rest.starts_with("//")) {
            auto slash = rest.find('/', 2);
            rest = slash == std::string_view::npos ? "" : rest.substr(slash);
        }
        return fs::path(percent_decode(rest));
    }
    auto colon = uri.find(':');
    if (colon != std::string_view::npos && uri.find('/') > colon) return std::nullopt;
    return fs::path(uri);
}

std::vector<ArtifactFile> list_files(const fs::path& folder) {
    std::vector<ArtifactFile> files;
    std::error_code error;
    fs::recursive_directory_iterator at(folder, error), end;
    if (error) fail(ErrorCode::data_loss, "{} can't be read: {}", folder.string(), error.message());
    for (; at != end; at.increment(error)) {
        if (error)
            fail(ErrorCode::data_loss, "{} can't be read: {}", folder.string(), error.message());
        // A link could lead anywhere on this machine: what it points at is no artifact.
        if (at->is_symlink() || !at->is_regular_file()) continue;
        files.push_back({at->path().lexically_relative(folder).generic_string(),
                         static_cast<std::int64_t>(at->file_size())});
    }
    std::ranges::sort(files, {}, &ArtifactFile::path);
    return files;
}

std::optional<fs::path> LocalArtifacts::find(const std::string& uri) const {
    if (std::string_view(uri).starts_with(kProxied)) {
        if (root_.empty()) return std::nullopt;
        return root_ / proxied_path(uri);
    }
    auto path = local_path(uri);
    if (!path) return std::nullopt;
    auto stored = path->is_absolute() ? *path : base_ / *path;
    if (!moved_ && is_folder(stored)) return stored;
    if (!root_.empty())
        if (auto moved = find_moved(root_, *path)) return moved;
    return stored;
}

std::string LocalArtifacts::unreachable(const std::string& uri) const {
    bool proxied = std::string_view(uri).starts_with(kProxied);
    auto place = find(uri);
    if (!place && proxied)
        return "its files are in the server's artifact folder: name that with --artifacts";
    if (!place) return "its files are kept elsewhere, and only those on this machine are read";
    if (is_folder(*place)) return {};
    // A run that has logged no file has no folder, so only a tree that is missing whole is missed.
    if (is_folder(place->parent_path()) || is_folder(place->parent_path().parent_path()) ||
        is_folder(place->parent_path().parent_path().parent_path()) || !root_.empty())
        return {};
    return place->string() +
           " is not on this machine; if it was moved, name the folder with "
           "--artifacts";
}

std::vector<ArtifactFile> LocalArtifacts::list(const std::string& uri) const {
    auto place = find(uri);
    if (!place || !is_folder(*place)) return {};
    return list_files(*place);
}

fs::path LocalArtifacts::file(const std::string& uri, const ArtifactFile& file) const {
    return find(uri).value() / file.path;
}

}  // namespace maru::transfer
