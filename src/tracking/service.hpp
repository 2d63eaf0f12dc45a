#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/api.hpp"
#include "blob/blob_store.hpp"
#include "net/http.hpp"
#include "sql/database.hpp"
#include "tracking/import_operations.hpp"
#include "tracking/operations.hpp"
#include "tracking/points/compactor.hpp"
#include "tracking/points/store.hpp"
#include "tracking/run_frame.hpp"
#include "tracking/types.hpp"

namespace maru::tracking {

enum class View { active, deleted, all };

/// What is wanted of what runs logged, by key.
struct Columns {
    std::vector<std::string> metrics, parameters, tags;
};

struct Search {
    std::string filter;
    std::vector<std::string> order_by;
    std::int64_t results_max = 1000;
    std::string page_token;
    View view = View::active;
    // Of runs only:
    std::int64_t offset = 0;              // where the first page begins
    std::optional<Columns> columns = {};  // nothing: all that they logged
    TextOrder texts = TextOrder::bytes;   // how parameters and tags are ordered
    bool count = false;                   // how many match
    bool children = false;                // how many runs are nested in each
};

struct NewRun {
    std::string experiment_id;  // or, where empty:
    std::string experiment;     // its name; made if it isn't there
    std::string name;           // empty: one is thought up
    std::string user;
    std::optional<std::string> job_id;
    RunStatus status = RunStatus::RUNNING;
    std::optional<Time> started_at;
    std::map<std::string, std::string> parameters, tags;
};

/// One value as a client logs it; `model_id` and the dataset are MLflow 3's, for metrics of a
/// logged model.
struct NewMetric {
    std::string key;
    double value = 0;
    std::int64_t at_ms = 0;
    std::int64_t step = 0;
    std::string model_id, dataset_name, dataset_digest;
};

struct Batch {
    std::vector<NewMetric> metrics;
    std::vector<std::pair<std::string, std::string>> parameters, tags;
};

struct NewLoggedModel {
    std::string experiment_id, name, model_type;
    std::optional<std::string> source_run_id;
    std::map<std::string, std::string> parameters, tags;
};

/// MLflow's order of logged models: a field, or a metric of one dataset.
struct LoggedModelOrder {
    std::string field;
    bool ascending = true;
    std::string dataset_name, dataset_digest;
};

/// Something that was deleted and can be removed for good.
struct Deleted {
    enum class Kind { run, logged_model, experiment };
    Kind kind = Kind::run;
    std::string project_id;
    std::int64_t number = 0;  // key of its row
    std::string id;
    std::string artifact_uri;
    Time at{};
};

/// What was deleted in a project before that moment may be removed.
using CutoffOf = std::function<Time(const std::string& project_id)>;

/// Why a folder of artifacts has to stay ("version 3 of iris is made of it"), or nothing. Runs in
/// the transaction that would remove it.
using ArtifactCheck = std::function<std::optional<std::string>(
    sql::Connection&, std::string_view project_id, std::string_view folder)>;

/// Experiments, runs, metrics, artifacts and logged models of all projects.
///
/// Lifetime: the server's. Threads: any. Every function is about one project and sees nothing of
/// others. Errors: not_found for what isn't there, invalid_argument in MLflow's words for what may
/// not be. Each mutation is one durable transaction.
class Service {
  public:
    Service(sql::Database& database, blob::BlobStore& blobs, const Clock& clock);

    // Experiments (experiments.cpp). "0", "Default", is in every project.
    std::string create_experiment(std::string_view project_id, const std::string& name,
                                  const std::string& artifact_location,
                                  const std::map<std::string, std::string>& tags);
    Experiment get_experiment(std::string_view project_id, std::string_view id);
    /// True unless it was removed for good, or never made.
    bool has_experiment(std::string_view project_id, std::string_view id);
    /// By name, deleted ones too.
    std::optional<Experiment> find_experiment(std::string_view project_id, std::string_view name);
    api::Page<Experiment> search_experiments(std::string_view project_id, const Search& search);
    /// Fills in `run_count`, which is 0 elsewhere: counting costs as much as there are runs.
    void count_runs(std::vector<Experiment>& experiments);
    void rename_experiment(std::string_view project_id, std::string_view id,
                           const std::string& name);
    void set_experiment_deleted(std::string_view project_id, std::string_view id, bool deleted);
    void set_experiment_tag(std::string_view project_id, std::string_view id,
                            const std::string& key, const std::string& value);
    void delete_experiment_tag(std::string_view project_id, std::string_view id,
                               std::string_view key);

    // Runs (runs.cpp, run_search.cpp).
    Run create_run(std::string_view project_id, const NewRun& run);
    /// The same in a caller's transaction; returns the run's id.
    std::string create_run(sql::Connection& connection, std::string_view project_id,
                           const NewRun& run);
    /// Makes a run that a workload's program asks for. Its first one is the run that came with the
    /// workload, which takes the name, experiment and tags that the program wants; so an unmodified
    /// program that chooses its own experiment still logs into the run of its job.
    Run create_run_of_workload(std::string_view project_id, std::string_view workload_id,
                               NewRun run);
    Run get_run(std::string_view project_id, std::string_view id);
    /// Empty name, no status or no end: unchanged. Returns the run without its data.
    Run update_run(std::string_view project_id, std::string_view id,
                   std::optional<RunStatus> status, std::optional<Time> ended_at,
                   const std::string& name);
    void set_run_deleted(std::string_view project_id, std::string_view id, bool deleted);
    void delete_tag(std::string_view project_id, std::string_view run_id, std::string_view key);
    api::Page<Run> search_runs(std::string_view project_id,
                               const std::vector<std::string>& experiment_ids,
                               const Search& search);

    struct RunPage {
        std::vector<Run> items;
        std::optional<std::string> next_page_token;
        std::int64_t total = 0;  // that match; where the search counts
    };
    /// The same with all that a Search can ask for.
    RunPage find_runs(std::string_view project_id, const std::vector<std::string>& experiment_ids,
                      const Search& search);

    // Experiments as tables of runs (run_columns.cpp, run_groups.cpp, views.cpp); `experiment` is
    // an id.
    /// The keys of what its runs logged, sorted; at most so many of each kind.
    RunColumns run_columns(std::string_view project_id, std::string_view experiment,
                           std::string_view part, std::int64_t results_max);
    /// The values that a parameter, tag or attribute has, the most frequent first.
    std::vector<ColumnValue> column_values(std::string_view project_id, std::string_view experiment,
                                           std::string_view column, std::string_view part,
                                           std::int64_t results_max);
    RunGroups group_runs(std::string_view project_id, std::string_view experiment,
                         const GroupRuns& request);
    std::vector<RunView> list_views(std::string_view project_id, std::string_view experiment);
    RunView put_view(std::string_view project_id, std::string_view experiment,
                     std::string_view name, std::string_view user, std::string_view state);
    void delete_view(std::string_view project_id, std::string_view experiment,
                     std::string_view name);

    // The runs of a workload, in the transaction of its transition; for job_contributor.cpp.
    /// Lets the next run that the workload's program makes be this one.
    void await_client(sql::Connection& connection, std::string_view run_id);
    /// `machine` is what it runs on, a tag of its runs.
    void workload_started(sql::Connection& connection, std::string_view workload_id,
                          std::string_view machine, Time at);
    /// Ends its runs that its program left open; where it failed, also those that the program
    /// thought good.
    void workload_ended(sql::Connection& connection, std::string_view workload_id, RunStatus status,
                        Time at);

    // What runs log (logging.cpp, metrics.cpp).
    void log(std::string_view project_id, std::string_view run_id, const Batch& batch);
    /// A page of the points, by time; no limit: all. `token` is that of the page before.
    api::Page<MetricPoint> metric_page(std::string_view project_id, std::string_view run_id,
                                       std::string_view key,
                                       std::optional<std::int64_t> results_max,
                                       std::string_view token);
    /// The points by step, thinned.
    MetricHistory metric_history(std::string_view project_id, std::string_view run_id,
                                 std::string_view key, std::int64_t points_max);
    /// The same of several runs, of the steps in a range; one without the metric has no points.
    std::vector<MetricHistory> metric_histories(std::string_view project_id,
                                                const std::vector<std::string>& run_ids,
                                                std::string_view key, const StepRange& steps,
                                                std::int64_t points_max);
    /// Moves points that wait into chunks; to be called now and then.
    PointCompactor& point_compactor() { return compactor_; }
    /// The same for several runs and keys; what a run did not log is left out, and runs that are
    /// not there.
    std::vector<MetricSeries> metric_series(std::string_view project_id,
                                            const std::vector<std::string>& run_ids,
                                            const std::vector<std::string>& keys,
                                            std::int64_t points_max);
    void log_inputs(std::string_view project_id, std::string_view run_id,
                    const std::vector<DatasetInput>& datasets,
                    const std::vector<std::string>& model_ids);
    void log_outputs(std::string_view project_id, std::string_view run_id,
                     const std::vector<ModelLink>& models);
    struct DatasetSummary {
        std::string experiment_id, name, digest, context;
    };
    std::vector<DatasetSummary> search_datasets(std::string_view project_id,
                                                const std::vector<std::string>& experiment_ids);

    // Artifacts (artifacts.cpp). Paths are below the project's root:
    // "0/RUN/artifacts/model/MLmodel".
    /// Throws permission_denied unless the caller may do with the experiment that a path belongs to
    /// what his request is for.
    void check_artifacts(std::string_view project_id, std::string_view path);
    /// Streams a file in; it is there once this returns, whole or not at all.
    void write_artifact(std::string_view project_id, const std::string& path,
                        net::BodyReader& body);
    ArtifactFile find_artifact(std::string_view project_id, std::string_view path);
    /// The files and folders of one folder, sorted; the entries' paths are names only. A file has
    /// none.
    std::vector<ArtifactEntry> list_artifacts(std::string_view project_id, std::string_view folder);
    /// A page of the same; the token is the name of the last entry of the page before.
    api::Page<ArtifactEntry> artifact_page(std::string_view project_id, std::string_view folder,
                                           std::int64_t results_max, std::string_view page_token);
    /// Removes a file or a folder with all below it; nothing there: nothing happens.
    void delete_artifacts(std::string_view project_id, std::string_view path);
    /// All files below a folder, or the file itself (whose path is then its name).
    std::vector<ArtifactFile> artifact_files(std::string_view project_id, std::string_view folder);
    /// Where the files of a URI lie: runs:/RUN/path, models:/m-ID, mlflow-artifacts:/path. Throws
    /// failed_precondition for one that this server doesn't keep, such as s3://.
    std::string artifact_folder(std::string_view project_id, std::string_view uri);
    /// The file's bytes, as an answer that no browser runs scripts from; or, where they are
    /// allowed, from which they can neither reach this site nor any other.
    net::Response artifact_response(const ArtifactFile& file, bool scripts = false);

    // Logged models (logged_models.cpp, logged_model_search.cpp).
    LoggedModel create_logged_model(std::string_view project_id, const NewLoggedModel& model);
    LoggedModel get_logged_model(std::string_view project_id, std::string_view id,
                                 bool allow_deleted = false);
    LoggedModel finalize_logged_model(std::string_view project_id, std::string_view id,
                                      const std::string& status);
    void delete_logged_model(std::string_view project_id, std::string_view id);
    LoggedModel set_logged_model_tags(std::string_view project_id, std::string_view id,
                                      const std::map<std::string, std::string>& tags);
    void delete_logged_model_tag(std::string_view project_id, std::string_view id,
                                 std::string_view key);
    void log_logged_model_parameters(std::string_view project_id, std::string_view id,
                                     const std::map<std::string, std::string>& parameters);
    struct DatasetFilter {
        std::string name, digest;
    };
    /// Those that a run made.
    std::vector<LoggedModel> logged_models_of(std::string_view project_id, std::string_view run_id);
    api::Page<LoggedModel> search_logged_models(std::string_view project_id,
                                                const std::vector<std::string>& experiment_ids,
                                                const Search& search,
                                                const std::vector<LoggedModelOrder>& order,
                                                const std::vector<DatasetFilter>& datasets);

    // What was made of what (links.cpp): ids, of what is not deleted.
    std::vector<std::string> runs_of_dataset(std::string_view project_id, std::string_view name,
                                             std::string_view digest, std::int64_t limit);
    std::vector<std::string> logged_models_of_run(std::string_view project_id,
                                                  std::string_view run_id, std::int64_t limit);
    std::vector<std::string> runs_reading_model(std::string_view project_id,
                                                std::string_view model_id, std::int64_t limit);

    // Removal for good (removal.cpp).
    /// Set before serving.
    void set_artifact_check(ArtifactCheck check);
    /// Removes a run with all that it logged, its artifacts included, deleted before or not. Throws
    /// failed_precondition while its job has not ended, or a registered model is made of it.
    void remove_run(std::string_view project_id, std::string_view id);
    /// What was deleted before its project's cutoff.
    std::vector<Deleted> find_deleted(const CutoffOf& cutoff);
    /// False for what remove_deleted would leave since something else is made of it.
    bool may_remove(const Deleted& deleted);
    /// Removes it unless it was restored or has to stay; returns whether it is gone.
    bool remove_deleted(const Deleted& deleted);
    // The deletion of projects (identity::ProjectRoom).
    static std::vector<std::string> project_contents(sql::Connection& connection,
                                                     const std::string& project_id);
    void remove_project(const api::ProjectRef& project);
    /// Visits the blobs that artifacts name, leaving out those of `without`.
    void visit_blobs(const blob::VisitDigest& visit, const std::vector<Deleted>& without = {});
    /// Removes a folder of artifacts, and the logged model that it is the folder of.
    void remove_artifacts(sql::Connection& connection, std::string_view project_id,
                          std::string_view artifact_uri);

    // Bringing over what another server holds, ids and times included (import.cpp,
    // import_models.cpp). What is there already stays; already_exists for an id that another
    // project has.
    ImportedExperiment import_experiment(std::string_view project_id,
                                         const ImportExperiment& request);
    ImportedItems import_runs(std::string_view project_id, const ImportRuns& request);
    void import_metrics(std::string_view project_id, const ImportMetrics& request);
    ImportedItems import_logged_models(std::string_view project_id,
                                       const ImportLoggedModels& request);
    void mark_imported(std::string_view project_id, const ImportMarks& request);
    ImportMarkList find_import_marks(std::string_view project_id, const FindMarks& request);

  private:
    std::optional<std::string> own_folder(std::string_view project_id,
                                          std::string_view artifact_uri);
    std::optional<std::string> remove_run(sql::Connection& connection, std::string_view project_id,
                                          const Deleted& run);
    std::optional<std::string> remove_logged_model(sql::Connection& connection,
                                                   std::string_view project_id,
                                                   const Deleted& model);
    bool remove_experiment(const Deleted& experiment);
    static bool is_deleted_experiment(sql::Connection& connection, const Deleted& experiment);

    struct RunRow {
        std::int64_t number = 0, experiment = 0;
        bool deleted = false;
    };
    void ensure_default_experiment(std::string_view project_id);
    /// Throws permission_denied unless the caller may do with an experiment, by its number, what
    /// his request is for; or, with `least`, that.
    void require_experiment(sql::Connection& connection, std::int64_t number,
                            std::optional<api::ResourcePermission> least = std::nullopt);
    /// The same of a logged model's experiment, if there is such a model.
    void require_logged_model(sql::Connection& connection, std::string_view id,
                              std::optional<api::ResourcePermission> least = std::nullopt);
    void require_artifacts(sql::Connection& connection, std::string_view project_id,
                           std::string_view path,
                           std::optional<api::ResourcePermission> least = std::nullopt);
    std::int64_t find_or_create_experiment(sql::Connection& connection, std::string_view project_id,
                                           const std::string& name);
    Experiment load_experiment(sql::Connection& connection, std::string_view project_id,
                               std::string_view id);
    Experiment load_active_experiment(sql::Connection& connection, std::string_view project_id,
                                      std::string_view id);
    std::vector<std::int64_t> experiment_numbers(sql::Connection& connection,
                                                 std::string_view project_id,
                                                 const std::vector<std::string>& ids);
    RunRow find_run(sql::Connection& connection, std::string_view project_id, std::string_view id);
    RunRow find_active_run(sql::Connection& connection, std::string_view project_id,
                           std::string_view id);
    Run load_run(sql::Connection& connection, std::string_view project_id, std::string_view id);
    void load_run_data(sql::Connection& connection, std::vector<Run>& runs);
    void load_run_data(sql::Connection& connection, std::vector<Run>& runs,
                       const std::optional<Columns>& columns);
    void load_inputs_and_outputs(sql::Connection& connection, std::vector<Run>& runs);
    std::vector<Run> load_runs(sql::Connection& connection,
                               const std::vector<std::int64_t>& numbers);
    RunPage newest_runs(sql::Connection& connection, const std::vector<std::int64_t>& experiments,
                        const Search& search, const std::vector<search::Comparison>& attributes);
    RunFrame run_frame(sql::Connection& connection, const std::vector<std::int64_t>& experiments,
                       View view, const std::vector<search::Comparison>& attributes);
    /// All runs that the filter's attributes allow, and which of them match the rest of it.
    std::pair<RunFrame, std::vector<char>> matching_runs(
        sql::Connection& connection, const std::vector<std::int64_t>& experiments,
        std::string_view filter);
    void count_children(sql::Connection& connection, const std::vector<std::int64_t>& experiments,
                        std::vector<Run>& runs);
    void insert_parameters(sql::Connection& connection, std::string_view run_id, std::int64_t run,
                           const Batch& batch);
    void insert_metrics(sql::Connection& connection, std::int64_t run,
                        const std::vector<NewMetric>& metrics,
                        const std::vector<std::int64_t>& keys);
    void set_tags(sql::Connection& connection, std::int64_t run,
                  const std::vector<std::pair<std::string, std::string>>& tags);

    /// Numbers of metric keys. Rows of that table are never removed, so what was committed stays
    /// true.
    std::optional<std::int64_t> cached_key(std::string_view key) const;
    std::int64_t find_key(sql::Connection& connection, std::string_view key);  // -1: never logged
    std::vector<std::int64_t> key_numbers(sql::Connection& connection,
                                          const std::vector<NewMetric>& metrics);
    void remember_keys(const std::vector<NewMetric>& metrics,
                       const std::vector<std::int64_t>& numbers);

    /// Fills what it logged; the caller tells the compactor once it is committed. The answer's
    /// folder is a URI still.
    ImportedItem import_run(sql::Connection& connection, std::string_view project_id,
                            const ImportRun& run, std::vector<NewMetric>& points,
                            std::vector<std::int64_t>& keys, std::int64_t& number);
    ImportedItem import_logged_model(sql::Connection& connection, std::string_view project_id,
                                     const ImportLoggedModel& model);
    /// Where files of a URI lie below the project's artifacts; empty if they are kept elsewhere.
    std::string kept_folder(std::string_view project_id, const std::string& uri);

    LoggedModel load_logged_model(sql::Connection& connection, std::string_view project_id,
                                  std::string_view id, bool allow_deleted);
    void load_logged_model_data(sql::Connection& connection, std::vector<LoggedModel>& models);

    sql::Database& database_;
    blob::BlobStore& blobs_;
    const Clock& clock_;
    ArtifactCheck artifact_check_;

    PointCompactor compactor_;

    mutable std::shared_mutex mutex_;
    std::unordered_map<std::string, std::int64_t> keys_;  // guarded by mutex_
    std::set<std::string, std::less<>> known_projects_;   // guarded by mutex_: have their Default
};

extern const std::span<const sql::Migration> migrations;

/// Declares the operations of operations.hpp over a service.
void add_operations(api::Api& api, Service& service);
/// Declares those of import_operations.hpp.
void add_import_operations(api::Api& api, Service& service);

}  // namespace maru::tracking
