#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/import_operations.hpp"
#include "tracking/import_operations.hpp"

/// Moves experiments, runs and models between tracking servers, ids and times included.
namespace maru::transfer {

struct Experiment {
    std::string id;  // the source's
    std::string name;
    std::map<std::string, std::string> tags;
    bool deleted = false;
    std::int64_t created_at_ms = 0, updated_at_ms = 0;
};

/// A run without its points; `state` changes when anything of it does that a source can tell
/// without reading them.
struct Run {
    tracking::ImportRun data;
    std::string artifact_uri, state;
    std::vector<std::string> metrics;
};

struct LoggedModel {
    tracking::ImportLoggedModel data;
    std::string artifact_uri;
};

struct ArtifactFile {
    std::string path;  // from the folder
    std::int64_t size_bytes = 0;
};

/// What an MLflow installation holds, read from wherever it keeps it.
///
/// Threads: one at a time; a second thread takes a clone. Errors: invalid_argument for what is no
/// MLflow installation, unavailable for a server that does not answer, data_loss for what can't be
/// read. Lists come in pieces, so that any size fits into memory.
class Source {
  public:
    using VisitRuns = std::function<void(std::vector<Run>)>;
    /// The index of the run, and some points of one of its metrics.
    using VisitPoints = std::function<void(std::size_t, tracking::ImportSeries)>;
    using VisitModels = std::function<void(std::vector<LoggedModel>)>;

    virtual ~Source() = default;
    virtual std::unique_ptr<Source> clone() const = 0;

    virtual std::vector<Experiment> experiments() = 0;
    virtual std::int64_t count_runs(const Experiment&) { return -1; }  // -1: can't tell
    /// At most kRunsAtOnce at a time.
    virtual void runs(const Experiment& experiment, const VisitRuns& visit) = 0;
    virtual void points(std::span<const Run> runs, const VisitPoints& visit) = 0;
    virtual void logged_models(const Experiment& experiment, const VisitModels& visit) = 0;
    /// `files` of a version is the URI of its files here.
    virtual std::vector<models::ImportModel> registered_models() = 0;
    /// What there is beside, in words: "12 traces".
    virtual std::vector<std::string> left_behind() { return {}; }

    /// Why the files of a URI can't be read from here; empty if they can.
    virtual std::string unreachable(const std::string& uri) = 0;
    virtual std::vector<ArtifactFile> artifacts(const std::string& uri) = 0;
    /// A file's bytes as a local file: its own, or `scratch` filled with them.
    virtual std::filesystem::path fetch(const std::string& uri, const ArtifactFile& file,
                                        const std::filesystem::path& scratch) = 0;

    static constexpr std::size_t kRunsAtOnce = 100;
    /// Points of a run that are handed on at once.
    static constexpr std::size_t kPointsAtOnce = 10'000;
};

/// Who asks; empty: nobody.
struct Credentials {
    std::string username, password, token;
};

/// Opens http(s)://..., a folder with a file store (mlruns), or a file with a SQLite database
/// (also as file:..., sqlite:///...). `artifacts` is where stored paths of artifacts are to be
/// looked for, if they are no longer where they say.
std::unique_ptr<Source> open_source(const std::string& from, const Credentials& credentials,
                                    const std::filesystem::path& artifacts);
std::unique_ptr<Source> open_rest_source(const std::string& url, const Credentials& credentials);
std::unique_ptr<Source> open_sqlite_source(const std::filesystem::path& file,
                                           const std::filesystem::path& artifacts);
std::unique_ptr<Source> open_file_source(const std::filesystem::path& folder,
                                         const std::filesystem::path& artifacts);

}  // namespace maru::transfer
