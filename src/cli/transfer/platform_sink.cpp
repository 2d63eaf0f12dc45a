#include "cli/transfer/platform_sink.hpp"

#include "base/text.hpp"
#include "models/import_operations.hpp"
#include "tracking/import_operations.hpp"

namespace maru::cli {
namespace {

using namespace std::chrono_literals;

struct StoredFile {
    std::string path;
    bool is_dir = false;
    std::int64_t file_size = 0;
};
BOOST_DESCRIBE_STRUCT(StoredFile, (), (path, is_dir, file_size))
struct StoredFiles {
    std::vector<StoredFile> files;
};
BOOST_DESCRIBE_STRUCT(StoredFiles, (), (files))

class PlatformSink final : public transfer::Sink {
  public:
    PlatformSink(std::string project, std::function<std::unique_ptr<ApiClient>()> connect)
        : project_(std::move(project)), connect_(std::move(connect)), client_(connect_()) {}

    std::unique_ptr<Sink> clone() override {
        return std::make_unique<PlatformSink>(project_, connect_);
    }

    tracking::ImportedExperiment put_experiment(const transfer::Experiment& experiment) override {
        return client_->call(tracking::import_experiment,
                             {.project = project_,
                              .name = experiment.name,
                              .tags = experiment.tags,
                              .deleted = experiment.deleted,
                              .created_at_ms = experiment.created_at_ms,
                              .updated_at_ms = experiment.updated_at_ms});
    }
    std::map<std::string, std::string> marks(const std::vector<std::string>& ids) override {
        return client_->call(tracking::find_import_marks, {.project = project_, .ids = ids}).items;
    }
    void mark(const std::map<std::string, std::string>& marks) override {
        client_->call(tracking::mark_imported, {.project = project_, .items = marks});
    }
    std::vector<tracking::ImportedItem> put_runs(
        const std::vector<tracking::ImportRun>& runs) override {
        return client_
            ->call(tracking::import_runs, {.project = project_, .items = runs}, {.timeout = 5min})
            .items;
    }
    void put_points(const std::string& run,
                    const std::vector<tracking::ImportSeries>& metrics) override {
        client_->call(tracking::import_metrics,
                      {.project = project_, .run = run, .metrics = metrics}, {.timeout = 5min});
    }
    std::vector<tracking::ImportedItem> put_logged_models(
        const std::vector<tracking::ImportLoggedModel>& models) override {
        return client_
            ->call(tracking::import_logged_models, {.project = project_, .items = models},
                   {.timeout = 5min})
            .items;
    }
    models::ImportedModel put_model(const models::ImportModel& model) override {
        auto request = model;
        request.project = project_;
        return client_->call(models::import_model, request, {.timeout = 5min});
    }

    std::map<std::string, std::int64_t> artifacts(const std::string& folder) override {
        std::map<std::string, std::int64_t> found;
        list(folder, "", found);
        return found;
    }
    void put_artifact(const std::string& folder, const transfer::ArtifactFile& file,
                      const std::filesystem::path& content) override {
        net::ClientRequest request{
            .method = "PUT",
            .target = target() + "/" + percent_encode(folder + "/" + file.path, "/")};
        request.headers.set("Content-Type", "application/octet-stream");
        request.body_file = content;
        request.timeout = 10min;
        client_->send(std::move(request));
    }

  private:
    std::string target() const { return "/p/" + project_ + "/api/2.0/mlflow-artifacts/artifacts"; }
    void list(const std::string& root, const std::string& below,
              std::map<std::string, std::int64_t>& found) {
        auto folder = below.empty() ? root : root + "/" + below;
        auto answer = client_->send(
            {.method = "GET", .target = target() + "?path=" + percent_encode(folder)});
        for (const auto& file :
             from_json<StoredFiles>(answer.body, {.ignore_unknown_fields = true}).files) {
            auto path = below.empty() ? file.path : below + "/" + file.path;
            if (file.is_dir)
                list(root, path, found);
            else
                found[path] = file.file_size;
        }
    }

    std::string project_;
    std::function<std::unique_ptr<ApiClient>()> connect_;
    std::unique_ptr<ApiClient> client_;
};

}  // namespace

std::unique_ptr<transfer::Sink> open_platform_sink(
    std::string project, std::function<std::unique_ptr<ApiClient>()> connect) {
    return std::make_unique<PlatformSink>(std::move(project), std::move(connect));
}

}  // namespace maru::cli
