#include "base/error.hpp"
#include "base/json.hpp"
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

VersionContents Service::contents(std::string_view project_id, const ModelVersion& version) {
    constexpr std::size_t kFilesMax = 1000, kTextBytesMax = 1 << 20;
    VersionContents contents;
    try {
        std::string folder = tracking_.artifact_folder(project_id, version.artifact_uri);
        for (const auto& file : tracking_.artifact_files(project_id, folder)) {
            contents.files_shortened = contents.files.size() == kFilesMax;
            if (contents.files_shortened) break;
            contents.files.push_back({file.path, file.size_bytes});
        }
        auto file = model_file(project_id, version);
        if (!file) return contents;
        contents.flavors = file->flavors;
        contents.signature = file->signature;
        contents.mlflow_version = file->mlflow_version;
        contents.model_uuid = file->model_uuid;
        // A large or broken part is left out: the others are worth showing.
        auto read = [&](const std::string& path) -> std::optional<std::string> {
            try {
                return read_file(project_id, version, path, kTextBytesMax);
            } catch (const Error&) {
                return std::nullopt;
            }
        };
        contents.requirements = read("requirements.txt");
        for (const auto& path : {file->serving_input_path, file->input_example_path}) {
            auto text = path ? read(*path) : std::nullopt;
            if (!text) continue;
            try {
                check_json(*text);
            } catch (const Error&) {
                continue;
            }
            contents.input_example = Json{std::move(*text)};
            contents.input_example_path = path;
            break;
        }
    } catch (const Error& error) {
        contents.problem = error.message();
    }
    return contents;
}

bool Service::uses_artifacts(sql::Connection& connection, std::string_view project_id,
                             std::string_view folder) {
    auto any = [&](std::string_view condition, std::initializer_list<sql::Value> values) {
        bool found = false;
        connection.query(fmt::format("SELECT 1 FROM model_versions v JOIN models m ON m.number = "
                                     "v.model WHERE m.project_id = $1 AND {} LIMIT 1",
                                     condition),
                         values, [&](const sql::Row&) { found = true; });
        return found;
    };
    std::string usual = fmt::format("mlflow-artifacts:/{}", folder);
    if (any("v.artifact_uri = $2", {project_id, usual}) ||
        any("v.artifact_uri >= $2 AND v.artifact_uri < $3", {project_id, usual + "/", usual + "0"}))
        return true;
    // The unusual forms, with a host's name: few, so each is looked at.
    return any(
        "((v.artifact_uri >= 'http' AND v.artifact_uri < 'httq') OR (v.artifact_uri >= "
        "'mlflow-artifacts://' AND v.artifact_uri < 'mlflow-artifacts:/0')) AND v.artifact_uri "
        "LIKE $2",
        {project_id, fmt::format("%{}%", folder)});
}

void Service::add_file_facts(std::string_view project_id, ModelVersion& version) {
    try {
        if (auto file = model_file(project_id, version))
            for (const auto& [flavor, content] : file->flavors) version.flavors.push_back(flavor);
    } catch (const Error& error) {
        // A list of versions is not to fail for one whose MLmodel is broken, or in an experiment
        // that the reader may not see: it has no flavors then.
        if (error.code() != ErrorCode::invalid_argument &&
            error.code() != ErrorCode::permission_denied)
            throw;
    }
    try {
        std::string folder = tracking_.artifact_folder(project_id, version.artifact_uri);
        for (const auto& file : tracking_.artifact_files(project_id, folder))
            version.size_bytes += file.size_bytes;
    } catch (const Error& error) {
        // Files that are kept elsewhere, or not for the reader, have no size here.
        if (error.code() != ErrorCode::failed_precondition &&
            error.code() != ErrorCode::permission_denied)
            throw;
    }
}

}  // namespace maru::models
