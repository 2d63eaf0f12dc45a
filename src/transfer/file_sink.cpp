#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <mutex>
#include <set>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "transfer/file_store.hpp"
#include "transfer/local_artifacts.hpp"
#include "transfer/names.hpp"
#include "transfer/sink.hpp"

namespace maru::transfer {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTrash = ".trash";
/// What has been written whole: a line each, an id and its mark. MLflow passes over files here.
constexpr std::string_view kMarks = ".maru-export";

/// What the threads of one export share.
struct Shared {
    fs::path root;
    std::mutex mutex;
    std::map<std::string, std::string> marks;     // guarded by mutex
    std::map<std::string, fs::path> experiments;  // guarded by mutex; by the source's id
};

std::string uri_of(const fs::path& path) {
    return "file://" + percent_encode(path.string(), "/");
}

std::string number_text(double value) {
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
    std::array<char, 32> buffer;
    auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
    return {buffer.data(), end};
}

/// A name in MLflow's sense of a hash: the same for the same.
std::string short_digest(std::string_view text) {
    return sha256_hex(text).substr(0, 32);
}

void append_points(const fs::path& folder, const std::vector<tracking::ImportSeries>& metrics) {
    for (const auto& series : metrics) {
        auto file = folder / series.key;
        std::error_code error;
        fs::create_directories(file.parent_path(), error);
        std::string lines;
        for (std::size_t i = 0; i < series.values.size(); ++i)
            lines += fmt::format("{} {} {}\n", series.times_ms[i], number_text(series.values[i]),
                                 series.steps[i]);
        std::ofstream out(file, std::ios::app | std::ios::binary);
        if (!out.write(lines.data(), static_cast<std::streamsize>(lines.size())) || !out.flush())
            fail(ErrorCode::failed_precondition,
                 "{} can't be written; two metrics of which one is \"a\" and one \"a/b\" have no "
                 "place in a file store",
                 file.string());
    }
}

class FileSink final : public Sink {
  public:
    explicit FileSink(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
    std::unique_ptr<Sink> clone() override { return std::make_unique<FileSink>(shared_); }

    tracking::ImportedExperiment put_experiment(const Experiment& experiment) override;
    std::map<std::string, std::string> marks(const std::vector<std::string>& ids) override {
        std::lock_guard lock(shared_->mutex);
        std::map<std::string, std::string> found;
        for (const auto& id : ids)
            if (auto mark = shared_->marks.find(id); mark != shared_->marks.end())
                found.insert(*mark);
        return found;
    }
    void mark(const std::map<std::string, std::string>& marks) override {
        std::lock_guard lock(shared_->mutex);
        std::ofstream out(shared_->root / kMarks, std::ios::app);
        for (const auto& [id, mark] : marks) {
            out << id << ' ' << mark << '\n';
            shared_->marks[id] = mark;
        }
        if (!out.flush())
            fail(ErrorCode::resource_exhausted, "{} can't be written",
                 (shared_->root / kMarks).string());
    }
    std::vector<tracking::ImportedItem> put_runs(
        const std::vector<tracking::ImportRun>& runs) override {
        std::vector<tracking::ImportedItem> done;
        for (const auto& run : runs) done.push_back(put_run(run));
        return done;
    }
    void put_points(const std::string& run,
                    const std::vector<tracking::ImportSeries>& metrics) override {
        append_points(folder_of(run).value() / "metrics", metrics);
    }
    std::vector<tracking::ImportedItem> put_logged_models(
        const std::vector<tracking::ImportLoggedModel>& models) override {
        std::vector<tracking::ImportedItem> done;
        for (const auto& model : models) done.push_back(put_logged_model(model));
        return done;
    }
    models::ImportedModel put_model(const models::ImportModel& model) override;

    std::map<std::string, std::int64_t> artifacts(const std::string& folder) override {
        std::map<std::string, std::int64_t> found;
        std::error_code error;
        if (!fs::is_directory(shared_->root / folder, error)) return found;
        for (const auto& file : list_files(shared_->root / folder))
            found[file.path] = file.size_bytes;
        return found;
    }
    void put_artifact(const std::string& folder, const ArtifactFile& file,
                      const fs::path& content) override {
        auto place = shared_->root / folder / file.path;
        fs::create_directories(place.parent_path());
        fs::copy_file(content, place, fs::copy_options::overwrite_existing);
    }

  private:
    tracking::ImportedItem put_run(const tracking::ImportRun& run);
    void put_inputs(const fs::path& folder, const tracking::ImportRun& run);
    tracking::ImportedItem put_logged_model(const tracking::ImportLoggedModel& model);
    void put_version(const fs::path& folder, const std::string& name,
                     const models::ImportVersion& version);
    fs::path experiment_folder(const std::string& id) {
        std::lock_guard lock(shared_->mutex);
        return shared_->experiments.at(id);
    }
    /// Of a run, or a logged model, wherever it is.
    std::optional<fs::path> folder_of(const std::string& id) const {
        auto below = id.starts_with("m-") ? fs::path("models") / id : fs::path(id);
        for (const auto& root : {shared_->root, shared_->root / kTrash})
            for (const auto& experiment : subfolders(root))
                if (has_file(experiment / below / "meta.yaml")) return experiment / below;
        return std::nullopt;
    }
    std::string relative(const fs::path& path) const {
        return path.lexically_relative(shared_->root).generic_string();
    }
    std::string location_of(const models::ImportVersion& version) const;

    std::shared_ptr<Shared> shared_;
};

tracking::ImportedExperiment FileSink::put_experiment(const Experiment& experiment) {
    auto place =
        experiment.deleted ? shared_->root / kTrash / experiment.id : shared_->root / experiment.id;
    auto other =
        experiment.deleted ? shared_->root / experiment.id : shared_->root / kTrash / experiment.id;
    std::error_code error;
    if (fs::is_directory(other, error)) fs::rename(other, place);
    bool created = !has_file(place / "meta.yaml");
    fs::create_directories(place);
    write_texts(place / "tags", experiment.tags);
    MetaWriter()
        .text("artifact_location", uri_of(shared_->root / experiment.id))
        .integer("creation_time", experiment.created_at_ms)
        .text("experiment_id", experiment.id)
        .integer("last_update_time", experiment.updated_at_ms)
        .text("lifecycle_stage", experiment.deleted ? "deleted" : "active")
        .text("name", experiment.name)
        .write(place / "meta.yaml");
    std::lock_guard lock(shared_->mutex);
    shared_->experiments[experiment.id] = place;
    return {experiment.id, created};
}

tracking::ImportedItem FileSink::put_run(const tracking::ImportRun& run) {
    auto folder = experiment_folder(run.experiment_id) / run.id;
    bool created = !has_file(folder / "meta.yaml");
    for (const char* part : {"metrics", "params", "tags", "inputs", "outputs"})
        fs::remove_all(folder / part);
    for (const char* part : {"metrics", "artifacts"}) fs::create_directories(folder / part);
    write_texts(folder / "params", run.parameters);
    write_texts(folder / "tags", run.tags);
    put_inputs(folder, run);
    append_points(folder / "metrics", run.metrics);
    MetaWriter meta;
    meta.text("artifact_uri", uri_of(folder / "artifacts"));
    if (run.ended_at_ms)
        meta.integer("end_time", *run.ended_at_ms);
    else
        meta.raw("end_time", "null");
    meta.text("entry_point_name", "")
        .text("experiment_id", run.experiment_id)
        .text("lifecycle_stage", run.deleted ? "deleted" : "active")
        .text("run_id", run.id)
        .text("run_name", run.name)
        .text("run_uuid", run.id)
        .text("source_name", "")
        .integer("source_type", 4)
        .text("source_version", "")
        .integer("start_time", run.started_at_ms)
        .integer("status", run_status_number(run.status))
        .raw("tags", "[]")
        .text("user_id", run.user)
        .write(folder / "meta.yaml");
    return {run.id, relative(folder / "artifacts"), created};
}

void FileSink::put_inputs(const fs::path& folder, const tracking::ImportRun& run) {
    for (const auto& dataset : run.datasets) {
        auto id = short_digest(dataset.name + '\n' + dataset.digest);
        auto place = folder.parent_path() / "datasets" / id;
        fs::create_directories(place);
        MetaWriter()
            .text("digest", dataset.digest)
            .text("name", dataset.name)
            .text("profile", dataset.profile)
            .text("schema", dataset.schema)
            .text("source", dataset.source)
            .text("source_type", dataset.source_type)
            .write(place / "meta.yaml");
        auto input = folder / "inputs" / short_digest(id + run.id);
        fs::create_directories(input);
        MetaWriter()
            .text("destination_id", id)
            .text("destination_type", "RUN")
            .text("source_id", id)
            .text("source_type", "DATASET")
            .map("tags", dataset.tags)
            .write(input / "meta.yaml");
    }
    for (bool output : {false, true})
        for (const auto& link : output ? run.model_outputs : run.model_inputs) {
            auto place = folder / (output ? "outputs" : "inputs") /
                         (output ? link.model_id : short_digest(link.model_id + run.id));
            fs::create_directories(place);
            MetaWriter meta;
            meta.text("destination_id", link.model_id)
                .text("destination_type", output ? "MODEL_OUTPUT" : "RUN")
                .text("source_id", link.model_id)
                .text("source_type", output ? "RUN_OUTPUT" : "MODEL");
            if (output) meta.integer("step", link.step);
            meta.raw("tags", "{}").write(place / "meta.yaml");
        }
}

tracking::ImportedItem FileSink::put_logged_model(const tracking::ImportLoggedModel& model) {
    auto folder = experiment_folder(model.experiment_id) / "models" / model.id;
    bool created = !has_file(folder / "meta.yaml");
    for (const char* part : {"metrics", "params", "tags"}) fs::remove_all(folder / part);
    for (const char* part : {"metrics", "artifacts"}) fs::create_directories(folder / part);
    write_texts(folder / "params", model.parameters);
    write_texts(folder / "tags", model.tags);
    for (const auto& metric : model.metrics) {
        auto file = folder / "metrics" / metric.key;
        fs::create_directories(file.parent_path());
        auto line = fmt::format("{} {} {} {}", metric.at_ms, number_text(metric.value), metric.step,
                                metric.run_id);
        // Fields are parted by spaces: a dataset's name that has one can't be written.
        bool dataset = !metric.dataset_name.empty() && !metric.dataset_digest.empty() &&
                       metric.dataset_name.find_first_of(" \n") == std::string::npos;
        if (dataset) line += fmt::format(" {} {}", metric.dataset_name, metric.dataset_digest);
        std::ofstream(file, std::ios::app) << line << '\n';
    }
    MetaWriter()
        .text("artifact_location", uri_of(folder / "artifacts"))
        .integer("creation_timestamp", model.created_at_ms)
        .text("experiment_id", model.experiment_id)
        .integer("last_updated_timestamp", model.updated_at_ms)
        .text("model_id", model.id)
        .text("model_type", model.model_type)
        .text("name", model.name)
        .optional("source_run_id", model.source_run_id)
        .integer("status", logged_model_status_number(model.status))
        .raw("status_message", "null")
        .write(folder / "meta.yaml");
    return {model.id, relative(folder / "artifacts"), created};
}

/// runs:/RUN/path and models:/m-ID as where they lie here.
std::string FileSink::location_of(const models::ImportVersion& version) const {
    constexpr std::string_view kRuns = "runs:/", kModels = "models:/", kOwn = "mlflow-artifacts:/";
    std::string_view rest = version.files;
    if (rest.starts_with(kOwn)) return uri_of(shared_->root / rest.substr(kOwn.size()));
    if (rest.starts_with(kRuns))
        rest.remove_prefix(kRuns.size());
    else if (rest.starts_with(kModels))
        rest.remove_prefix(kModels.size());
    else
        return version.files;
    auto slash = std::min(rest.find('/'), rest.size());
    auto folder = folder_of(std::string(rest.substr(0, slash)));
    if (!folder) return version.source;
    return uri_of(*folder / "artifacts") + std::string(rest.substr(slash));
}

void FileSink::put_version(const fs::path& folder, const std::string& name,
                           const models::ImportVersion& version) {
    auto location = location_of(version);
    bool named = version.source.starts_with("models:/") || version.source.starts_with("runs:/");
    fs::remove_all(folder / "tags");
    write_texts(folder / "tags", version.tags);
    MetaWriter()
        .integer("creation_timestamp", version.created_at_ms)
        .text("current_stage", version.stage)
        .optional("description", version.description)
        .integer("last_updated_timestamp", version.updated_at_ms)
        .optional("model_id", version.model_id)
        .text("name", name)
        .optional("run_id", version.run_id)
        .optional("run_link", version.run_link)
        .text("source", named || location.empty() ? version.source : location)
        .text("status", enum_name(version.state))
        .raw("status_message", "null")
        .text("storage_location", location.empty() ? version.source : location)
        .optional("user_id", version.user)
        .integer("version", version.version)
        .write(folder / "meta.yaml");
}

models::ImportedModel FileSink::put_model(const models::ImportModel& model) {
    auto folder = shared_->root / "models" / model.name;
    models::ImportedModel done;
    done.created = !has_file(folder / "meta.yaml");
    fs::create_directories(folder);
    for (const char* part : {"tags", "aliases"}) fs::remove_all(folder / part);
    write_texts(folder / "tags", model.tags);
    std::map<std::string, std::string> aliases;
    for (const auto& [alias, version] : model.aliases) aliases[alias] = std::to_string(version);
    write_texts(folder / "aliases", aliases);
    for (const auto& version : model.versions) {
        auto place = folder / fmt::format("version-{}", version.version);
        if (!has_file(place / "meta.yaml")) ++done.versions_created;
        put_version(place, model.name, version);
    }
    MetaWriter()
        .map("aliases", aliases)
        .integer("creation_timestamp", model.created_at_ms)
        .optional("description", model.description)
        .integer("last_updated_timestamp", model.updated_at_ms)
        .text("name", model.name)
        .write(folder / "meta.yaml");
    return done;
}

}  // namespace

std::unique_ptr<Sink> open_file_sink(const fs::path& folder) {
    auto shared = std::make_shared<Shared>();
    shared->root = folder.lexically_normal();
    if (!shared->root.has_filename()) shared->root = shared->root.parent_path();
    std::error_code error;
    bool used = fs::is_directory(shared->root, error) && !fs::is_empty(shared->root, error);
    if (used && !has_file(shared->root / kMarks))
        fail(ErrorCode::failed_precondition,
             "{} has files in it that are not of an export; name an empty directory",
             shared->root.string());
    fs::create_directories(shared->root, error);
    std::ofstream(shared->root / kMarks, std::ios::app).flush();
    if (!has_file(shared->root / kMarks))
        fail(ErrorCode::permission_denied, "{} can't be written", shared->root.string());
    std::ifstream in(shared->root / kMarks);
    for (std::string id, mark; in >> id >> mark;) shared->marks[id] = mark;
    return std::make_unique<FileSink>(std::move(shared));
}

}  // namespace maru::transfer
