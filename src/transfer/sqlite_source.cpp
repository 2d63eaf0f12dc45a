#include <algorithm>
#include <limits>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "transfer/local_artifacts.hpp"
#include "transfer/names.hpp"
#include "transfer/point_buffer.hpp"
#include "transfer/sqlite_reader.hpp"

namespace maru::transfer {
namespace {

namespace fs = std::filesystem;

using Texts = std::map<std::string, std::string>;

/// A database as MLflow 1.x to 3.x make it; newer ones have more tables and columns.
class SqliteSource final : public Source {
  public:
    SqliteSource(fs::path file, fs::path artifacts)
        : file_(std::move(file)),
          artifacts_(std::move(artifacts)),
          reader_(file_),
          local_(file_.parent_path(), artifact_root(), !artifacts_.empty()) {
        for (const char* table : {"experiments", "runs", "metrics", "params", "tags"})
            if (!reader_.has(table))
                fail(ErrorCode::invalid_argument,
                     "{} is no database of MLflow's: it has no table \"{}\"", file_.string(),
                     table);
        has_datasets_ = reader_.has("datasets");
        has_models_ = reader_.has("logged_models");
        has_steps_ = reader_.has("inputs", "step");
    }

    std::unique_ptr<Source> clone() const override {
        return std::make_unique<SqliteSource>(file_, artifacts_);
    }

    std::vector<Experiment> experiments() override {
        std::vector<Experiment> all;
        bool times = reader_.has("experiments", "creation_time");
        reader_.query(fmt::format("SELECT experiment_id, name, lifecycle_stage, {} FROM "
                                  "experiments ORDER BY experiment_id",
                                  times ? "creation_time, last_update_time" : "0, 0"),
                      {}, [&](const SqliteRow& row) {
                          all.push_back({row.text(0),
                                         row.text(1),
                                         {},
                                         row.text(2) == "deleted",
                                         row.integer(3),
                                         row.integer(4)});
                      });
        if (reader_.has("experiment_tags"))
            for (auto& experiment : all)
                experiment.tags =
                    texts("SELECT key, value FROM experiment_tags WHERE experiment_id = ?",
                          experiment.id);
        return all;
    }

    std::int64_t count_runs(const Experiment& experiment) override {
        std::int64_t count = 0;
        reader_.query("SELECT COUNT(*) FROM runs WHERE experiment_id = ?", {number(experiment)},
                      [&](const SqliteRow& row) { count = row.integer(0); });
        return count;
    }

    void runs(const Experiment& experiment, const VisitRuns& visit) override {
        std::string last;
        for (;;) {
            std::vector<Run> page;
            reader_.query(
                "SELECT run_uuid, name, user_id, status, start_time, end_time, lifecycle_stage, "
                "artifact_uri FROM runs WHERE experiment_id = ? AND run_uuid > ? ORDER BY run_uuid "
                "LIMIT ?",
                {number(experiment), last, static_cast<std::int64_t>(kRunsAtOnce)},
                [&](const SqliteRow& row) { page.push_back(read_run(row)); });
            if (page.empty()) return;
            last = page.back().data.id;
            for (auto& run : page) load_data(run);
            visit(std::move(page));
        }
    }

    void points(std::span<const Run> runs, const VisitPoints& visit) override {
        for (std::size_t i = 0; i < runs.size(); ++i) {
            PointBuffer buffer(i, visit);
            reader_.query(
                "SELECT key, step, timestamp, value, is_nan FROM metrics WHERE run_uuid = ?",
                {runs[i].data.id}, [&](const SqliteRow& row) {
                    buffer.add(row.text(0), row.integer(1), row.integer(2),
                               row.integer(4) != 0 ? std::numeric_limits<double>::quiet_NaN()
                                                   : row.real(3));
                });
            buffer.flush();
        }
    }

    void logged_models(const Experiment& experiment, const VisitModels& visit) override;
    std::vector<models::ImportModel> registered_models() override;

    std::vector<std::string> left_behind() override {
        std::vector<std::string> rest;
        for (auto [table, name] : {std::pair{"trace_info", "traces"},
                                   {"evaluation_datasets", "evaluation datasets"},
                                   {"scorers", "scorers"},
                                   {"webhooks", "webhooks"}}) {
            if (!reader_.has(table)) continue;
            reader_.query(fmt::format("SELECT COUNT(*) FROM {}", table), {},
                          [&](const SqliteRow& row) {
                              if (row.integer(0) > 0)
                                  rest.push_back(fmt::format("{} {}", row.integer(0), name));
                          });
        }
        return rest;
    }

    std::string unreachable(const std::string& uri) override { return local_.unreachable(uri); }
    std::vector<ArtifactFile> artifacts(const std::string& uri) override {
        return local_.list(uri);
    }
    fs::path fetch(const std::string& uri, const ArtifactFile& file, const fs::path&) override {
        return local_.file(uri, file);
    }

  private:
    static std::int64_t number(const Experiment& experiment) { return std::stoll(experiment.id); }

    /// Where `mlflow server` puts what it serves, unless it is told otherwise.
    fs::path artifact_root() const {
        if (!artifacts_.empty()) return artifacts_;
        auto beside = file_.parent_path() / "mlartifacts";
        std::error_code error;
        return fs::is_directory(beside, error) ? beside : fs::path{};
    }

    Texts texts(const std::string& statement, const std::string& id) {
        Texts found;
        reader_.query(statement, {id},
                      [&](const SqliteRow& row) { found[row.text(0)] = row.text(1); });
        return found;
    }

    static Run read_run(const SqliteRow& row) {
        Run run;
        run.data.id = row.text(0);
        run.data.name = row.text(1);
        run.data.user = row.text(2);
        run.data.status = run_status(row.text(3));
        run.data.started_at_ms = row.integer(4);
        run.data.ended_at_ms = row.optional_integer(5);
        run.data.deleted = row.text(6) == "deleted";
        run.artifact_uri = row.text(7);
        return run;
    }

    void load_data(Run& run);
    void load_inputs(Run& run);

    fs::path file_, artifacts_;
    SqliteReader reader_;
    LocalArtifacts local_;
    bool has_datasets_ = false, has_models_ = false, has_steps_ = false;
};

void SqliteSource::load_data(Run& run) {
    const std::string& id = run.data.id;
    run.data.parameters = texts("SELECT key, value FROM params WHERE run_uuid = ?", id);
    run.data.tags = texts("SELECT key, value FROM tags WHERE run_uuid = ?", id);
    if (run.data.name.empty())
        if (auto name = run.data.tags.find("mlflow.runName"); name != run.data.tags.end())
            run.data.name = name->second;
    Sha256 state;
    reader_.query(
        "SELECT key, value, timestamp, step FROM latest_metrics WHERE run_uuid = ? ORDER BY key",
        {id}, [&](const SqliteRow& row) {
            run.metrics.push_back(row.text(0));
            for (int column = 0; column < 4; ++column) state.update(row.text(column) + '\0');
        });
    run.state = state.hex();
    if (has_datasets_) load_inputs(run);
}

void SqliteSource::load_inputs(Run& run) {
    reader_.query(
        "SELECT i.input_uuid, d.name, d.digest, d.dataset_source_type, d.dataset_source, "
        "d.dataset_schema, d.dataset_profile FROM inputs i JOIN datasets d ON d.dataset_uuid = "
        "i.source_id WHERE i.destination_id = ? AND i.source_type = 'DATASET' AND "
        "i.destination_type = 'RUN'",
        {run.data.id}, [&](const SqliteRow& row) {
            run.data.datasets.push_back({row.text(1), row.text(2), row.text(3), row.text(4),
                                         row.text(5), row.text(6),
                                         texts("SELECT name, value FROM input_tags WHERE "
                                               "input_uuid = ?",
                                               row.text(0))});
        });
    for (bool output : {false, true})
        reader_.query(fmt::format("SELECT destination_id, {} FROM inputs WHERE source_type = ? AND "
                                  "source_id = ?",
                                  has_steps_ ? "step" : "0"),
                      {output ? "RUN_OUTPUT" : "RUN_INPUT", run.data.id},
                      [&](const SqliteRow& row) {
                          (output ? run.data.model_outputs : run.data.model_inputs)
                              .push_back({row.text(0), row.integer(1)});
                      });
}

void SqliteSource::logged_models(const Experiment& experiment, const VisitModels& visit) {
    if (!has_models_) return;
    std::string last;
    for (;;) {
        std::vector<LoggedModel> page;
        reader_.query(
            "SELECT model_id, name, model_type, source_run_id, status, creation_timestamp_ms, "
            "last_updated_timestamp_ms, lifecycle_stage, artifact_location FROM logged_models "
            "WHERE experiment_id = ? AND model_id > ? ORDER BY model_id LIMIT 100",
            {number(experiment), last}, [&](const SqliteRow& row) {
                LoggedModel model;
                model.data.id = row.text(0);
                model.data.name = row.text(1);
                model.data.model_type = row.text(2);
                model.data.source_run_id = row.optional_text(3);
                model.data.status = logged_model_status(row.integer(4));
                model.data.created_at_ms = row.integer(5);
                model.data.updated_at_ms = row.integer(6);
                model.data.deleted = row.text(7) == "deleted";
                model.artifact_uri = row.text(8);
                page.push_back(std::move(model));
            });
        if (page.empty()) return;
        last = page.back().data.id;
        for (auto& model : page) {
            model.data.parameters =
                texts("SELECT param_key, param_value FROM logged_model_params WHERE model_id = ?",
                      model.data.id);
            model.data.tags =
                texts("SELECT tag_key, tag_value FROM logged_model_tags WHERE model_id = ?",
                      model.data.id);
            reader_.query(
                "SELECT metric_name, run_id, dataset_name, dataset_digest, metric_step, "
                "metric_timestamp_ms, metric_value FROM logged_model_metrics WHERE model_id = ?",
                {model.data.id}, [&](const SqliteRow& row) {
                    model.data.metrics.push_back(
                        {row.text(0), row.text(1), row.text(2), row.text(3), row.integer(4),
                         row.integer(5),
                         row.is_null(6) ? std::numeric_limits<double>::quiet_NaN() : row.real(6)});
                });
        }
        visit(std::move(page));
    }
}

std::vector<models::ImportModel> SqliteSource::registered_models() {
    std::vector<models::ImportModel> all;
    if (!reader_.has("registered_models")) return all;
    reader_.query(
        "SELECT name, description, creation_time, last_updated_time FROM registered_models ORDER "
        "BY name",
        {}, [&](const SqliteRow& row) {
            models::ImportModel model;
            model.name = row.text(0);
            model.description = row.text(1);
            model.created_at_ms = row.integer(2);
            model.updated_at_ms = row.integer(3);
            all.push_back(std::move(model));
        });
    bool locations = reader_.has("model_versions", "storage_location");
    bool aliases = reader_.has("registered_model_aliases");
    for (auto& model : all) {
        model.tags =
            texts("SELECT key, value FROM registered_model_tags WHERE name = ?", model.name);
        if (aliases)
            reader_.query(
                "SELECT alias, version FROM registered_model_aliases WHERE name = ?", {model.name},
                [&](const SqliteRow& row) { model.aliases[row.text(0)] = row.integer(1); });
        reader_.query(
            fmt::format("SELECT version, status, source, run_id, run_link, description, user_id, "
                        "current_stage, creation_time, last_updated_time, {} FROM model_versions "
                        "WHERE name = ? ORDER BY version",
                        locations ? "storage_location" : "NULL"),
            {model.name}, [&](const SqliteRow& row) {
                // A deleted version is kept as an empty row.
                if (row.text(7) == "Deleted_Internal") return;
                models::ImportVersion version;
                version.version = row.integer(0);
                version.state = version_state(row.text(1));
                version.source = row.text(2);
                version.run_id = row.optional_text(3);
                if (version.run_id && version.run_id->empty()) version.run_id.reset();
                version.run_link = row.text(4);
                version.description = row.text(5);
                version.user = row.text(6);
                version.stage = row.is_null(7) ? "None" : row.text(7);
                version.created_at_ms = row.integer(8);
                version.updated_at_ms = row.integer(9);
                version.files = row.is_null(10) ? version.source : row.text(10);
                model.versions.push_back(std::move(version));
            });
        for (auto& version : model.versions)
            reader_.query(
                "SELECT key, value FROM model_version_tags WHERE name = ? AND version = ?",
                {model.name, version.version},
                [&](const SqliteRow& row) { version.tags[row.text(0)] = row.text(1); });
    }
    return all;
}

}  // namespace

std::unique_ptr<Source> open_sqlite_source(const fs::path& file, const fs::path& artifacts) {
    return std::make_unique<SqliteSource>(file, artifacts);
}

}  // namespace maru::transfer
