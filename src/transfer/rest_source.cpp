#include <algorithm>
#include <unordered_map>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "transfer/local_artifacts.hpp"
#include "transfer/names.hpp"
#include "transfer/point_buffer.hpp"
#include "transfer/rest_client.hpp"
#include "transfer/rest_wire.hpp"

namespace maru::transfer {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kApi = "/api/2.0/mlflow";
constexpr std::string_view kArtifacts = "/api/2.0/mlflow-artifacts/artifacts";

std::map<std::string, std::string> texts(const std::vector<wire::Pair>& pairs) {
    std::map<std::string, std::string> map;
    for (const auto& pair : pairs) map[pair.key] = pair.value.value_or("");
    return map;
}

std::vector<tracking::ImportModelLink> links(const std::vector<wire::ModelLink>& from) {
    std::vector<tracking::ImportModelLink> made;
    for (const auto& link : from) made.push_back({link.model_id, link.step});
    return made;
}

Run run_of(const wire::Run& from) {
    Run run;
    auto& data = run.data;
    data.id = from.info.run_id.empty() ? from.info.run_uuid : from.info.run_id;
    data.name = from.info.run_name;
    data.user = from.info.user_id;
    data.status = run_status(from.info.status);
    data.started_at_ms = from.info.start_time;
    data.ended_at_ms = from.info.end_time;
    if (data.ended_at_ms == 0) data.ended_at_ms.reset();
    data.deleted = from.info.lifecycle_stage == "deleted";
    data.parameters = texts(from.data.params);
    data.tags = texts(from.data.tags);
    if (data.name.empty())
        if (auto name = data.tags.find("mlflow.runName"); name != data.tags.end())
            data.name = name->second;
    for (const auto& input : from.inputs.dataset_inputs)
        data.datasets.push_back({input.dataset.name, input.dataset.digest,
                                 input.dataset.source_type, input.dataset.source,
                                 input.dataset.schema, input.dataset.profile, texts(input.tags)});
    data.model_inputs = links(from.inputs.model_inputs);
    data.model_outputs = links(from.outputs.model_outputs);
    run.artifact_uri = from.info.artifact_uri;
    auto metrics = from.data.metrics;
    std::ranges::sort(metrics, {}, &wire::Metric::key);
    Sha256 state;
    for (const auto& metric : metrics) {
        run.metrics.push_back(metric.key);
        state.update(
            fmt::format("{} {} {} {}\n", metric.key, metric.value, metric.timestamp, metric.step));
    }
    run.state = state.hex();
    return run;
}

/// Python writes numbers that JSON has not; quotes them as protobuf does.
void quote_special_numbers(std::string& text) {
    for (std::string_view name : {"NaN", "Infinity", "-Infinity"})
        for (std::string_view before : {"\"value\":", "\"value\": "}) {
            auto wanted = std::string(before) + std::string(name);
            auto quoted = std::string(before) + '"' + std::string(name) + '"';
            for (auto at = text.find(wanted); at != std::string::npos;
                 at = text.find(wanted, at + quoted.size()))
                text.replace(at, wanted.size(), quoted);
        }
}

/// An MLflow tracking server, or another that speaks its protocol.
class RestSource final : public Source {
  public:
    RestSource(const std::string& url, const Credentials& credentials)
        : client_(url, credentials), local_("/", {}) {}

    std::unique_ptr<Source> clone() const override {
        return std::make_unique<RestSource>(client_.url(), client_.credentials());
    }

    std::vector<Experiment> experiments() override {
        std::vector<Experiment> all;
        std::string token;
        do {
            auto page = client_.post<wire::Experiments>(
                target("/experiments/search"),
                fmt::format(R"({{"max_results":1000,"view_type":"ALL"{}}})", token_field(token)));
            for (const auto& from : page.experiments)
                all.push_back({from.experiment_id, from.name, texts(from.tags),
                               from.lifecycle_stage == "deleted", from.creation_time,
                               from.last_update_time});
            token = page.next_page_token;
        } while (!token.empty());
        return all;
    }

    void runs(const Experiment& experiment, const VisitRuns& visit) override {
        std::string token;
        do {
            auto page = client_.post<wire::Runs>(
                target("/runs/search"),
                fmt::format(R"({{"experiment_ids":[{}],"run_view_type":"ALL","max_results":{},)"
                            R"("order_by":["attributes.start_time ASC"]{}}})",
                            json_string(experiment.id), kRunsAtOnce, token_field(token)));
            std::vector<Run> runs;
            for (const auto& from : page.runs) {
                runs.push_back(run_of(from));
                if (has_logged_models()) add_links(runs.back());
            }
            if (!runs.empty()) visit(std::move(runs));
            token = page.next_page_token;
        } while (!token.empty());
    }

    void points(std::span<const Run> runs, const VisitPoints& visit) override;
    void logged_models(const Experiment& experiment, const VisitModels& visit) override;
    std::vector<models::ImportModel> registered_models() override;

    std::string unreachable(const std::string& uri) override {
        if (proxied_path(uri)) return {};
        return local_.unreachable(uri);
    }
    std::vector<ArtifactFile> artifacts(const std::string& uri) override {
        auto folder = proxied_path(uri);
        if (!folder) return local_.list(uri);
        std::vector<ArtifactFile> files;
        list_folder(*folder, "", files);
        return files;
    }
    fs::path fetch(const std::string& uri, const ArtifactFile& file,
                   const fs::path& scratch) override {
        auto folder = proxied_path(uri);
        if (!folder) return local_.file(uri, file);
        client_.download(
            fmt::format("{}/{}", kArtifacts, percent_encode(*folder + "/" + file.path, "/")),
            scratch);
        return scratch;
    }

  private:
    static std::string target(std::string_view path) {
        return std::string(kApi) + std::string(path);
    }
    static std::string token_field(const std::string& token) {
        return token.empty() ? "" : ",\"page_token\":" + json_string(token);
    }

    /// The path that the server itself serves; nothing for files that are kept elsewhere.
    std::optional<std::string> proxied_path(const std::string& uri) const {
        constexpr std::string_view kProxied = "mlflow-artifacts:",
                                   kService = "/mlflow-artifacts/artifacts/";
        std::string_view rest = uri;
        if (rest.starts_with(kProxied)) {
            rest.remove_prefix(kProxied.size());
            if (rest.starts_with("//"))
                rest.remove_prefix(std::min(rest.find('/', 2), rest.size()));
        } else if (rest.starts_with("http") && rest.find(kService) != std::string_view::npos) {
            rest.remove_prefix(rest.find(kService) + kService.size());
        } else {
            return std::nullopt;
        }
        while (rest.starts_with('/')) rest.remove_prefix(1);
        while (rest.ends_with('/')) rest.remove_suffix(1);
        return std::string(rest);
    }

    void list_folder(const std::string& root, const std::string& below,
                     std::vector<ArtifactFile>& files, int depth = 0) {
        if (depth > 100) fail(ErrorCode::data_loss, "the folders of {} nest too deep", root);
        auto folder = below.empty() ? root : root + "/" + below;
        wire::Files listed;
        try {
            listed = client_.get<wire::Files>(
                fmt::format("{}?path={}", kArtifacts, percent_encode(folder)));
        } catch (const Error& error) {
            // A run that has logged no file has no folder.
            if (error.code() == ErrorCode::not_found && below.empty()) return;
            throw;
        }
        for (const auto& file : listed.files) {
            auto name = file.path.substr(file.path.rfind('/') + 1);
            auto path = below.empty() ? name : below + "/" + name;
            if (file.is_dir)
                list_folder(root, path, files, depth + 1);
            else
                files.push_back({path, file.file_size});
        }
    }

    /// Lists of MLflow's leave out which models runs read and made; a run by itself has them.
    void add_links(Run& run) {
        auto from = client_.get<wire::OneRun>(
            fmt::format("{}/runs/get?run_id={}", kApi, percent_encode(run.data.id)));
        run.data.model_inputs = links(from.run.inputs.model_inputs);
        run.data.model_outputs = links(from.run.outputs.model_outputs);
    }
    /// Most servers have none, and then no run needs to be asked for by itself.
    bool has_logged_models() {
        if (has_models_) return *has_models_;
        bool any = false;
        for (const auto& experiment : experiments()) {
            logged_models(experiment, [&](const std::vector<LoggedModel>&) { any = true; });
            if (any) break;
        }
        has_models_ = any;
        return any;
    }
    bool bulk_points(std::span<const Run> runs, const std::string& key,
                     const std::vector<std::size_t>& wanted, const VisitPoints& visit);
    void one_history(const Run& run, std::size_t index, const std::string& key,
                     const VisitPoints& visit);
    std::string files_of(const wire::ModelVersion& version);

    RestClient client_;
    LocalArtifacts local_;
    bool has_bulk_ = true;
    std::optional<bool> has_models_;
};

void RestSource::points(std::span<const Run> runs, const VisitPoints& visit) {
    std::map<std::string, std::vector<std::size_t>> runs_of_key;
    for (std::size_t i = 0; i < runs.size(); ++i)
        for (const auto& key : runs[i].metrics) runs_of_key[key].push_back(i);
    for (const auto& [key, wanted] : runs_of_key) {
        if (wanted.size() > 1 && has_bulk_ && bulk_points(runs, key, wanted, visit)) continue;
        for (auto index : wanted) one_history(runs[index], index, key, visit);
    }
}

bool RestSource::bulk_points(std::span<const Run> runs, const std::string& key,
                             const std::vector<std::size_t>& wanted, const VisitPoints& visit) {
    constexpr std::size_t kAnswerMax = 25'000;
    auto path = fmt::format("/ajax-api/2.0/mlflow/metrics/get-history-bulk?metric_key={}",
                            percent_encode(key));
    std::unordered_map<std::string, std::size_t> index_of;
    for (auto index : wanted) {
        path += "&run_id=" + percent_encode(runs[index].data.id);
        index_of[runs[index].data.id] = index;
    }
    wire::Metrics answer;
    try {
        auto text = client_.text(path);
        quote_special_numbers(text);
        answer = from_json<wire::Metrics>(
            text, {.ignore_unknown_fields = true, .numbers_from_strings = true});
    } catch (const Error& error) {
        // Older servers have no such route: each history is asked for by itself then.
        if (error.code() == ErrorCode::unavailable || error.code() == ErrorCode::unauthenticated)
            throw;
        has_bulk_ = false;
        return false;
    }
    if (answer.metrics.size() >= kAnswerMax) return false;  // cut off
    std::map<std::size_t, tracking::ImportSeries> series;
    for (const auto& metric : answer.metrics) {
        auto found = index_of.find(metric.run_id.value_or(""));
        if (found == index_of.end()) return false;
        auto& columns = series[found->second];
        columns.steps.push_back(metric.step);
        columns.times_ms.push_back(metric.timestamp);
        columns.values.push_back(metric.value);
    }
    if (series.size() != wanted.size()) return false;
    for (auto& [index, columns] : series) {
        columns.key = key;
        visit(index, std::move(columns));
    }
    return true;
}

void RestSource::one_history(const Run& run, std::size_t index, const std::string& key,
                             const VisitPoints& visit) {
    PointBuffer buffer(index, visit);
    std::string token;
    do {
        auto page = client_.get<wire::Metrics>(
            fmt::format("{}/metrics/get-history?run_id={}&metric_key={}&max_results=10000{}", kApi,
                        percent_encode(run.data.id), percent_encode(key),
                        token.empty() ? "" : "&page_token=" + percent_encode(token)));
        for (const auto& metric : page.metrics)
            buffer.add(key, metric.step, metric.timestamp, metric.value);
        token = page.next_page_token;
    } while (!token.empty());
    buffer.flush();
}

void RestSource::logged_models(const Experiment& experiment, const VisitModels& visit) {
    std::string token;
    do {
        wire::LoggedModels page;
        try {
            page = client_.post<wire::LoggedModels>(
                target("/logged-models/search"),
                fmt::format(R"({{"experiment_ids":[{}],"max_results":50{}}})",
                            json_string(experiment.id), token_field(token)));
        } catch (const Error& error) {
            // MLflow 2 has none.
            if (error.code() == ErrorCode::not_found) return;
            throw;
        }
        std::vector<LoggedModel> models;
        for (const auto& from : page.models) {
            LoggedModel model;
            auto& data = model.data;
            data.id = from.info.model_id;
            data.name = from.info.name;
            data.model_type = from.info.model_type;
            auto number = parse_int(from.info.status);
            data.status = number ? logged_model_status(*number) : from.info.status;
            if (!from.info.source_run_id.empty()) data.source_run_id = from.info.source_run_id;
            data.created_at_ms = from.info.creation_timestamp_ms;
            data.updated_at_ms = from.info.last_updated_timestamp_ms;
            data.parameters = texts(from.data.params);
            data.tags = texts(from.info.tags);
            for (const auto& metric : from.data.metrics)
                data.metrics.push_back({metric.key, metric.run_id.value_or(""),
                                        metric.dataset_name.value_or(""),
                                        metric.dataset_digest.value_or(""), metric.step,
                                        metric.timestamp, metric.value});
            model.artifact_uri = from.info.artifact_uri;
            models.push_back(std::move(model));
        }
        if (!models.empty()) visit(std::move(models));
        token = page.next_page_token;
    } while (!token.empty());
}

std::string RestSource::files_of(const wire::ModelVersion& version) {
    try {
        return client_
            .get<wire::DownloadUri>(
                fmt::format("{}/model-versions/get-download-uri?name={}&version={}", kApi,
                            percent_encode(version.name), version.version))
            .artifact_uri;
    } catch (const Error& error) {
        if (error.code() == ErrorCode::unavailable) throw;
        return version.source;  // registered without files
    }
}

std::vector<models::ImportModel> RestSource::registered_models() {
    std::map<std::string, models::ImportModel> all;
    // Lists leave prompts out unless they are asked for.
    for (std::string_view filter :
         {"", "&filter=tags.%60mlflow.prompt.is_prompt%60%20%3D%20%27true%27"}) {
        std::string token;
        do {
            auto page = client_.get<wire::RegisteredModels>(
                fmt::format("{}/registered-models/search?max_results=100{}{}", kApi, filter,
                            token.empty() ? "" : "&page_token=" + percent_encode(token)));
            for (const auto& from : page.registered_models) {
                auto& model = all[from.name];
                model.name = from.name;
                model.description = from.description;
                model.created_at_ms = from.creation_timestamp;
                model.updated_at_ms = from.last_updated_timestamp;
                model.tags = texts(from.tags);
                for (const auto& alias : from.aliases) model.aliases[alias.alias] = alias.version;
            }
            token = page.next_page_token;
        } while (!token.empty());
    }
    std::vector<models::ImportModel> list;
    for (auto& [name, model] : all) {
        std::string token;
        auto quote = name.find('\'') == std::string::npos ? '\'' : '"';
        do {
            auto page = client_.get<wire::ModelVersions>(
                fmt::format("{}/model-versions/search?max_results=1000&filter={}{}", kApi,
                            percent_encode(fmt::format("name = {}{}{}", quote, name, quote)),
                            token.empty() ? "" : "&page_token=" + percent_encode(token)));
            for (const auto& from : page.model_versions)
                model.versions.push_back(
                    {.version = from.version,
                     .state = version_state(from.status),
                     .source = from.source,
                     .files = files_of(from),
                     .run_id = from.run_id.empty() ? std::nullopt : std::optional(from.run_id),
                     .run_link = from.run_link,
                     .model_id = from.model_id,
                     .description = from.description,
                     .user = from.user_id,
                     .stage = from.current_stage.empty() ? "None" : from.current_stage,
                     .created_at_ms = from.creation_timestamp,
                     .updated_at_ms = from.last_updated_timestamp,
                     .tags = texts(from.tags)});
            token = page.next_page_token;
        } while (!token.empty());
        std::ranges::sort(model.versions, {}, &models::ImportVersion::version);
        list.push_back(std::move(model));
    }
    return list;
}

}  // namespace

std::unique_ptr<Source> open_rest_source(const std::string& url, const Credentials& credentials) {
    return std::make_unique<RestSource>(url, credentials);
}

}  // namespace maru::transfer
