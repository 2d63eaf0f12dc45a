#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "transfer/source.hpp"

namespace maru::transfer {

/// Where things are brought to. Every function may be repeated with the same and changes nothing
/// then. Threads: one at a time; a second thread takes a clone.
class Sink {
  public:
    virtual ~Sink() = default;
    virtual std::unique_ptr<Sink> clone() = 0;

    virtual tracking::ImportedExperiment put_experiment(const Experiment& experiment) = 0;
    /// The marks of those that are there whole.
    virtual std::map<std::string, std::string> marks(const std::vector<std::string>& ids) = 0;
    virtual void mark(const std::map<std::string, std::string>& marks) = 0;
    /// At most 100 with at most 20000 values; more points of one follow with put_points.
    virtual std::vector<tracking::ImportedItem> put_runs(
        const std::vector<tracking::ImportRun>& runs) = 0;
    virtual void put_points(const std::string& run,
                            const std::vector<tracking::ImportSeries>& metrics) = 0;
    virtual std::vector<tracking::ImportedItem> put_logged_models(
        const std::vector<tracking::ImportLoggedModel>& models) = 0;
    virtual models::ImportedModel put_model(const models::ImportModel& model) = 0;

    /// The files that are in a folder of artifacts.
    virtual std::map<std::string, std::int64_t> artifacts(const std::string& folder) = 0;
    virtual void put_artifact(const std::string& folder, const ArtifactFile& file,
                              const std::filesystem::path& content) = 0;
};

/// Writes an MLflow file store (mlruns) into a folder, made if it isn't there.
std::unique_ptr<Sink> open_file_sink(const std::filesystem::path& folder);

}  // namespace maru::transfer
