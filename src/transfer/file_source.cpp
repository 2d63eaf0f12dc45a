#include <charconv>
#include <fstream>
#include <limits>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "transfer/file_store.hpp"
#include "transfer/local_artifacts.hpp"
#include "transfer/names.hpp"
#include "transfer/point_buffer.hpp"

namespace maru::transfer {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTrash = ".trash";

/// "0.5", "nan", "-inf": what Python writes.
double parse_value(std::string_view text, const fs::path& file) {
    std::string lower = to_lower(text);
    if (lower == "nan" || lower == "-nan") return std::numeric_limits<double>::quiet_NaN();
    double value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc::result_out_of_range) return std::strtod(std::string(text).c_str(), {});
    if (error != std::errc{} || end != text.data() + text.size())
        fail(ErrorCode::data_loss, "{} has a line with the value \"{}\"", file.string(), text);
    return value;
}

std::int64_t parse_number(std::string_view text, const fs::path& file) {
    if (auto number = parse_int(text)) return *number;
    fail(ErrorCode::data_loss, "{} has a line with \"{}\" where a whole number should be",
         file.string(), text);
}

template <class Visit>
void for_each_line(const fs::path& file, Visit&& visit) {
    std::ifstream in(file);
    if (!in) fail(ErrorCode::data_loss, "{} can't be read", file.string());
    for (std::string line; std::getline(in, line);) {
        auto text = trim(line);
        if (text.empty()) continue;
        auto parts = split(text, ' ');
        if (parts.size() < 2)
            fail(ErrorCode::data_loss, "{} has a line \"{}\", which is no point", file.string(),
                 line);
        visit(parts);
    }
}

/// MLflow's file store, as `mlflow ui` makes it in ./mlruns.
class FileSource final : public Source {
  public:
    FileSource(fs::path folder, fs::path artifacts)
        : folder_(std::move(folder)),
          artifacts_(std::move(artifacts)),
          local_(folder_.parent_path(), artifacts_.empty() ? folder_ : artifacts_,
                 !artifacts_.empty()) {
        bool any = false;
        for (const auto& below : subfolders(folder_)) any = any || has_file(below / "meta.yaml");
        if (!any)
            fail(ErrorCode::invalid_argument,
                 "{} is no file store of MLflow's: no folder in it has a meta.yaml",
                 folder_.string());
    }

    std::unique_ptr<Source> clone() const override {
        return std::make_unique<FileSource>(folder_, artifacts_);
    }

    std::vector<Experiment> experiments() override {
        std::vector<Experiment> all;
        for (bool deleted : {false, true})
            for (const auto& folder : subfolders(deleted ? folder_ / kTrash : folder_)) {
                if (!has_file(folder / "meta.yaml") || folder.filename() == "models") continue;
                MetaFile meta(folder / "meta.yaml");
                all.push_back({folder.filename().string(), meta.text("name"),
                               read_texts(folder / "tags"),
                               deleted || meta.text("lifecycle_stage") == "deleted",
                               meta.integer("creation_time"), meta.integer("last_update_time")});
            }
        return all;
    }

    std::int64_t count_runs(const Experiment& experiment) override {
        return static_cast<std::int64_t>(run_folders(experiment).size());
    }

    void runs(const Experiment& experiment, const VisitRuns& visit) override {
        std::vector<Run> page;
        for (const auto& folder : run_folders(experiment)) {
            page.push_back(read_run(folder));
            if (page.size() == kRunsAtOnce) visit(std::exchange(page, {}));
        }
        if (!page.empty()) visit(std::move(page));
    }

    void points(std::span<const Run> runs, const VisitPoints& visit) override {
        for (std::size_t i = 0; i < runs.size(); ++i) {
            PointBuffer buffer(i, visit);
            auto folder = folder_of(runs[i].data.id) / "metrics";
            for (const auto& key : runs[i].metrics)
                for_each_line(folder / key, [&](const std::vector<std::string_view>& parts) {
                    buffer.add(key, parts.size() > 2 ? parse_number(parts[2], folder / key) : 0,
                               parse_number(parts[0], folder / key),
                               parse_value(parts[1], folder / key));
                });
            buffer.flush();
        }
    }

    void logged_models(const Experiment& experiment, const VisitModels& visit) override {
        std::vector<LoggedModel> page;
        for (const auto& folder : subfolders(folder_of(experiment) / "models")) {
            if (!has_file(folder / "meta.yaml")) continue;
            page.push_back(read_model(folder));
            if (page.size() == kRunsAtOnce) visit(std::exchange(page, {}));
        }
        if (!page.empty()) visit(std::move(page));
    }

    std::vector<models::ImportModel> registered_models() override {
        std::vector<models::ImportModel> all;
        for (const auto& folder : subfolders(folder_ / "models"))
            if (has_file(folder / "meta.yaml")) all.push_back(read_registered(folder));
        return all;
    }

    std::vector<std::string> left_behind() override {
        std::size_t traces = 0;
        for (const auto& experiment : subfolders(folder_))
            traces += subfolders(experiment / "traces").size();
        if (traces == 0) return {};
        return {fmt::format("{} traces", traces)};
    }

    std::string unreachable(const std::string& uri) override { return local_.unreachable(uri); }
    std::vector<ArtifactFile> artifacts(const std::string& uri) override {
        return local_.list(uri);
    }
    fs::path fetch(const std::string& uri, const ArtifactFile& file, const fs::path&) override {
        return local_.file(uri, file);
    }

  private:
    fs::path folder_of(const Experiment& experiment) const {
        auto active = folder_ / experiment.id;
        return has_file(active / "meta.yaml") ? active : folder_ / kTrash / experiment.id;
    }
    /// Of a run, wherever it is; a source's clone has not listed it itself.
    fs::path folder_of(const std::string& run) const {
        for (const auto& root : {folder_, folder_ / kTrash})
            for (const auto& experiment : subfolders(root))
                if (has_file(experiment / run / "meta.yaml")) return experiment / run;
        fail(ErrorCode::data_loss, "run {} is no longer in {}", run, folder_.string());
    }
    std::vector<fs::path> run_folders(const Experiment& experiment) const {
        std::vector<fs::path> found;
        for (const auto& folder : subfolders(folder_of(experiment)))
            if (has_file(folder / "meta.yaml")) found.push_back(folder);
        return found;
    }
    /// Where files are: where they should be, else beside what they belong to, since deleted
    /// experiments are moved as a whole.
    std::string artifact_uri(const std::string& stored, const fs::path& owner) const {
        auto place = local_path(stored);
        std::error_code error;
        auto beside = owner / "artifacts";
        if (place && artifacts_.empty() && !fs::is_directory(*place, error) &&
            fs::is_directory(beside, error))
            return beside.string();
        return stored;
    }
    Run read_run(const fs::path& folder) const;
    void read_links(const fs::path& folder, Run& run) const;
    LoggedModel read_model(const fs::path& folder) const;
    models::ImportModel read_registered(const fs::path& folder) const;

    fs::path folder_, artifacts_;
    LocalArtifacts local_;
};

Run FileSource::read_run(const fs::path& folder) const {
    MetaFile meta(folder / "meta.yaml");
    Run run;
    auto& data = run.data;
    data.id = meta.text("run_id");
    if (data.id.empty()) data.id = meta.text("run_uuid");
    if (data.id.empty()) data.id = folder.filename().string();
    data.name = meta.text("run_name");
    if (data.name.empty()) data.name = meta.text("name");
    data.user = meta.text("user_id");
    data.status = run_status(meta.text("status"));
    data.started_at_ms = meta.integer("start_time");
    data.ended_at_ms = meta.optional_integer("end_time");
    data.deleted = meta.text("lifecycle_stage") == "deleted";
    data.parameters = read_texts(folder / "params");
    data.tags = read_texts(folder / "tags");
    if (data.name.empty())
        if (auto name = data.tags.find("mlflow.runName"); name != data.tags.end())
            data.name = name->second;
    run.artifact_uri = artifact_uri(meta.text("artifact_uri"), folder);
    std::error_code error;
    if (fs::is_directory(folder / "metrics", error))
        for (const auto& file : list_files(folder / "metrics")) {
            run.metrics.push_back(file.path);
            run.state += fmt::format("{} {}\n", file.path, file.size_bytes);
        }
    read_links(folder, run);
    return run;
}

void FileSource::read_links(const fs::path& folder, Run& run) const {
    for (const auto& input : subfolders(folder / "inputs")) {
        MetaFile meta(input / "meta.yaml");
        if (meta.text("source_type") == "MODEL") {
            run.data.model_inputs.push_back({meta.text("source_id"), 0});
            continue;
        }
        MetaFile dataset(folder.parent_path() / "datasets" / meta.text("source_id") / "meta.yaml");
        run.data.datasets.push_back({dataset.text("name"), dataset.text("digest"),
                                     dataset.text("source_type"), dataset.text("source"),
                                     dataset.text("schema"), dataset.text("profile"),
                                     meta.map("tags")});
    }
    for (const auto& output : subfolders(folder / "outputs")) {
        MetaFile meta(output / "meta.yaml");
        run.data.model_outputs.push_back({meta.text("destination_id"), meta.integer("step")});
    }
}

LoggedModel FileSource::read_model(const fs::path& folder) const {
    MetaFile meta(folder / "meta.yaml");
    LoggedModel model;
    auto& data = model.data;
    data.id = meta.text("model_id");
    data.name = meta.text("name");
    data.model_type = meta.text("model_type");
    data.source_run_id = meta.optional_text("source_run_id");
    data.status = logged_model_status(meta.integer("status"));
    data.created_at_ms = meta.integer("creation_timestamp");
    data.updated_at_ms = meta.integer("last_updated_timestamp");
    data.deleted = meta.text("lifecycle_stage") == "deleted";
    data.parameters = read_texts(folder / "params");
    data.tags = read_texts(folder / "tags");
    model.artifact_uri = artifact_uri(meta.text("artifact_location"), folder);
    std::error_code error;
    if (!fs::is_directory(folder / "metrics", error)) return model;
    for (const auto& [key, size] : list_files(folder / "metrics")) {
        auto file = folder / "metrics" / key;
        for_each_line(file, [&](const std::vector<std::string_view>& parts) {
            if (parts.size() < 4)
                fail(ErrorCode::data_loss, "{} has a line without a run", file.string());
            data.metrics.push_back(
                {key, std::string(parts[3]), parts.size() > 5 ? std::string(parts[4]) : "",
                 parts.size() > 5 ? std::string(parts[5]) : "", parse_number(parts[2], file),
                 parse_number(parts[0], file), parse_value(parts[1], file)});
        });
    }
    return model;
}

models::ImportModel FileSource::read_registered(const fs::path& folder) const {
    MetaFile meta(folder / "meta.yaml");
    models::ImportModel model;
    model.name = meta.text("name");
    model.description = meta.text("description");
    model.created_at_ms = meta.integer("creation_timestamp");
    model.updated_at_ms = meta.integer("last_updated_timestamp");
    model.tags = read_texts(folder / "tags");
    for (const auto& [alias, version] : read_texts(folder / "aliases"))
        model.aliases[alias] = parse_number(trim(version), folder / "aliases" / alias);
    for (const auto& below : subfolders(folder)) {
        if (!below.filename().string().starts_with("version-") || !has_file(below / "meta.yaml"))
            continue;
        MetaFile made(below / "meta.yaml");
        if (made.text("current_stage") == "Deleted_Internal") continue;
        models::ImportVersion version;
        version.version = made.integer("version");
        version.state = version_state(made.text("status"));
        version.source = made.text("source");
        version.files = made.text("storage_location");
        if (version.files.empty()) version.files = version.source;
        if (auto run = made.optional_text("run_id"); run && !run->empty()) version.run_id = run;
        version.run_link = made.text("run_link");
        version.model_id = made.text("model_id");
        version.description = made.text("description");
        version.user = made.text("user_id");
        if (auto stage = made.text("current_stage"); !stage.empty()) version.stage = stage;
        version.created_at_ms = made.integer("creation_timestamp");
        version.updated_at_ms = made.integer("last_updated_timestamp");
        version.tags = read_texts(below / "tags");
        model.versions.push_back(std::move(version));
    }
    return model;
}

}  // namespace

std::unique_ptr<Source> open_file_source(const fs::path& folder, const fs::path& artifacts) {
    return std::make_unique<FileSource>(folder, artifacts);
}

}  // namespace maru::transfer
