#include "base/error.hpp"
#include "models/service.hpp"
#include "tracking/validation.hpp"

namespace maru::models {

std::vector<tracking::ArtifactFile> Service::files(std::string_view project_id,
                                                   std::string_view model, std::int64_t version) {
    ModelVersion found = get_version(project_id, model, version);
    auto list = tracking_.artifact_files(project_id,
                                         tracking_.artifact_folder(project_id, found.artifact_uri));
    if (list.empty())
        fail(ErrorCode::not_found, "model {}, version {}: no files at its source {}", model,
             version, found.source);
    return list;
}

std::string Service::read_file(std::string_view project_id, const ModelVersion& version,
                               std::string_view path, std::size_t bytes_max) {
    tracking::check_artifact_path(path);
    std::string folder = tracking_.artifact_folder(project_id, version.artifact_uri);
    auto file = tracking_.find_artifact(project_id, fmt::format("{}/{}", folder, path));
    return blobs_.get(file.sha256, bytes_max);
}

std::optional<ModelFile> Service::model_file(std::string_view project_id,
                                             const ModelVersion& version) {
    constexpr std::size_t kBytesMax = 4u << 20, kParsedMax = 1000;
    tracking::ArtifactFile file;
    try {
        file = tracking_.find_artifact(
            project_id, tracking_.artifact_folder(project_id, version.artifact_uri) + "/MLmodel");
    } catch (const Error& error) {
        // Not kept here, or no model of MLflow's: a version may be made of any files.
        if (error.code() == ErrorCode::not_found || error.code() == ErrorCode::failed_precondition)
            return std::nullopt;
        throw;
    }
    {
        std::lock_guard lock(mutex_);
        if (auto parsed = parsed_.find(file.sha256); parsed != parsed_.end()) return parsed->second;
    }
    ModelFile parsed = parse_model_file(blobs_.get(file.sha256, kBytesMax));
    std::lock_guard lock(mutex_);
    if (parsed_.size() >= kParsedMax) parsed_.clear();
    parsed_.emplace(file.sha256, parsed);
    return parsed;
}

void Service::add_file_facts(std::string_view project_id, ModelVersion& version) {
    try {
        if (auto file = model_file(project_id, version))
            for (const auto& [flavor, content] : file->flavors) version.flavors.push_back(flavor);
    } catch (const Error& error) {
        // A list of versions is not to fail for one whose MLmodel is broken: it has no flavors
        // then.
        if (error.code() != ErrorCode::invalid_argument) throw;
    }
    try {
        std::string folder = tracking_.artifact_folder(project_id, version.artifact_uri);
        for (const auto& file : tracking_.artifact_files(project_id, folder))
            version.size_bytes += file.size_bytes;
    } catch (const Error& error) {
        // Files that are kept elsewhere have no size here.
        if (error.code() != ErrorCode::failed_precondition) throw;
    }
}

}  // namespace maru::models
