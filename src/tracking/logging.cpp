#include <cmath>

#include "base/error.hpp"
#include "tracking/metric_bits.hpp"
#include "tracking/points/store.hpp"
#include "tracking/service.hpp"
#include "tracking/validation.hpp"

namespace maru::tracking {
namespace {

constexpr std::size_t kMetricsMax = 1000;
constexpr std::size_t kParametersMax = 100;
constexpr std::size_t kTagsMax = 100;
constexpr std::size_t kItemsMax = 1000;

void check_count(std::size_t count, std::size_t count_max, std::string_view what) {
    if (count > count_max)
        fail(ErrorCode::invalid_argument,
             "A batch logging request can contain at most {} {}. Got {} {}. Please split up {} "
             "across "
             "multiple requests and try again.",
             count_max, what, count, what, what);
}

std::string place(std::string_view list, std::size_t index, std::size_t count,
                  std::string_view field) {
    return count == 1 ? std::string(field) : fmt::format("{}[{}].{}", list, index, field);
}

void check_batch(const Batch& batch) {
    check_count(batch.metrics.size(), kMetricsMax, "metrics");
    check_count(batch.parameters.size(), kParametersMax, "params");
    check_count(batch.tags.size(), kTagsMax, "tags");
    check_count(batch.metrics.size() + batch.parameters.size() + batch.tags.size(), kItemsMax,
                "metrics, params, and tags");
    for (std::size_t i = 0; i < batch.metrics.size(); ++i) {
        const auto& metric = batch.metrics[i];
        check_key(metric.key, place("metrics", i, batch.metrics.size(), "name"));
        check_length(metric.key, kKeyLengthMax, "Metric name");
        if (metric.at_ms < 0)
            fail(ErrorCode::invalid_argument,
                 "Invalid value {} for parameter '{}' supplied: metric '{}' (value={}). Timestamp "
                 "must be a "
                 "nonnegative long (64-bit integer)",
                 metric.at_ms, place("metrics", i, batch.metrics.size(), "timestamp"), metric.key,
                 metric.value);
    }
    std::set<std::string_view> keys;
    for (std::size_t i = 0; i < batch.parameters.size(); ++i) {
        const auto& [key, value] = batch.parameters[i];
        check_parameter(key, value, place("params", i, batch.parameters.size(), "key"));
        if (!keys.insert(key).second)
            fail(ErrorCode::invalid_argument,
                 "Duplicate parameter keys have been submitted: ['{}']. Please ensure the request "
                 "contains "
                 "only one param value per param key.",
                 key);
    }
    for (std::size_t i = 0; i < batch.tags.size(); ++i)
        check_tag(batch.tags[i].first, batch.tags[i].second,
                  place("tags", i, batch.tags.size(), "key"));
}

}  // namespace

void Service::log(std::string_view project_id, std::string_view run_id, const Batch& batch) {
    check_batch(batch);
    std::vector<std::int64_t> keys;
    std::int64_t number = 0;
    database_.write([&](sql::Connection& connection) {
        RunRow run = find_active_run(connection, project_id, run_id);
        number = run.number;
        insert_parameters(connection, run_id, run.number, batch);
        keys = key_numbers(connection, batch.metrics);
        insert_metrics(connection, run.number, batch.metrics, keys);
        set_tags(connection, run.number, batch.tags);
    });
    remember_keys(batch.metrics, keys);
    compactor_.appended(number, batch.metrics.size());
}

void Service::insert_parameters(sql::Connection& connection, std::string_view run_id,
                                std::int64_t run, const Batch& batch) {
    for (const auto& [key, value] : batch.parameters) {
        auto inserted = connection.execute(
            "INSERT INTO tracking_parameters (run, key, value, experiment) VALUES ($1, $2, $3, "
            "(SELECT experiment FROM tracking_runs WHERE number = $1)) ON CONFLICT "
            "(run, key) DO "
            "NOTHING",
            {run, key, value});
        if (inserted > 0) continue;
        auto old =
            connection.first("SELECT value FROM tracking_parameters WHERE run = $1 AND key = $2",
                             {run, key}, [](const sql::Row& row) { return row.string(0); });
        if (old && *old != value)
            fail(
                ErrorCode::invalid_argument,
                "Changing param values is not allowed. Param with key='{}' was already logged with "
                "value='{}' for run ID='{}'. Attempted logging new value '{}'.",
                key, *old, run_id, value);
    }
}

void Service::insert_metrics(sql::Connection& connection, std::int64_t run,
                             const std::vector<NewMetric>& metrics,
                             const std::vector<std::int64_t>& keys) {
    // Of each key only the batch's last decides; the others need not be compared with the table.
    std::unordered_map<std::int64_t, std::size_t> last;
    auto order = [&](const NewMetric& m) {
        return std::tuple(m.step, m.at_ms, std::isnan(m.value) ? 0.0 : m.value);
    };
    std::vector<KeyedPoint> points;
    points.reserve(metrics.size());
    for (std::size_t i = 0; i < metrics.size(); ++i) {
        const auto& metric = metrics[i];
        points.push_back({keys[i], {metric.at_ms, metric.step, to_bits(metric.value)}});
        auto [best, first] = last.try_emplace(keys[i], i);
        if (!first && order(metric) > order(metrics[best->second])) best->second = i;
        if (metric.model_id.empty()) continue;
        require_logged_model(connection, metric.model_id);
        connection.execute(
            "INSERT INTO tracking_model_metrics (model, key, at, step, run, bits, value, "
            "dataset_name, "
            "dataset_digest) SELECT number, $2, $3, $4, $5, $6, $7, $8, $9 FROM tracking_models "
            "WHERE id = $1 "
            "AND project_id = (SELECT project_id FROM tracking_runs WHERE number = $5) ON CONFLICT "
            "DO NOTHING",
            {metric.model_id, keys[i], metric.at_ms, metric.step, run, to_bits(metric.value),
             std::isnan(metric.value) ? 0.0 : metric.value, metric.dataset_name,
             metric.dataset_digest});
    }
    append_points(connection, run, points);
    for (const auto& [key, index] : last) {
        const auto& metric = metrics[index];
        bool is_nan = std::isnan(metric.value);
        connection.execute(
            "INSERT INTO tracking_latest (run, key, step, at, value, is_nan, experiment) VALUES "
            "($1, $2, $3, $4, $5, $6, (SELECT experiment FROM tracking_runs WHERE number = $1)) "
            "ON CONFLICT (run, key) DO UPDATE SET step = excluded.step, at = excluded.at, value = "
            "excluded.value, is_nan = excluded.is_nan WHERE (excluded.step, excluded.at, "
            "excluded.value) > "
            "(tracking_latest.step, tracking_latest.at, tracking_latest.value)",
            {run, key, metric.step, metric.at_ms, is_nan ? 0.0 : metric.value, is_nan});
    }
}

void Service::set_tags(sql::Connection& connection, std::int64_t run,
                       const std::vector<std::pair<std::string, std::string>>& tags) {
    for (const auto& [key, value] : tags) {
        connection.execute(
            "INSERT INTO tracking_tags (run, key, value, experiment) VALUES ($1, $2, $3, "
            "(SELECT experiment FROM tracking_runs WHERE number = $1)) ON CONFLICT (run, "
            "key) DO UPDATE "
            "SET value = excluded.value",
            {run, key, value});
        if (key == "mlflow.runName")
            connection.execute("UPDATE tracking_runs SET name = $1 WHERE number = $2",
                               {value, run});
    }
}

std::optional<std::int64_t> Service::cached_key(std::string_view key) const {
    std::shared_lock lock(mutex_);
    auto found = keys_.find(std::string(key));
    return found == keys_.end() ? std::nullopt : std::optional(found->second);
}

std::int64_t Service::find_key(sql::Connection& connection, std::string_view key) {
    if (auto cached = cached_key(key)) return *cached;
    return connection
        .first("SELECT number FROM tracking_metric_keys WHERE key = $1", {key},
               [](const sql::Row& row) { return row.integer(0); })
        .value_or(-1);
}

std::vector<std::int64_t> Service::key_numbers(sql::Connection& connection,
                                               const std::vector<NewMetric>& metrics) {
    std::vector<std::int64_t> numbers;
    numbers.reserve(metrics.size());
    for (const auto& metric : metrics) {
        std::int64_t number = find_key(connection, metric.key);
        if (number < 0)
            connection.query(
                "INSERT INTO tracking_metric_keys (number, key) VALUES ((SELECT "
                "COALESCE(MAX(number), 0) + 1 "
                "FROM tracking_metric_keys), $1) RETURNING number",
                {metric.key}, [&](const sql::Row& row) { number = row.integer(0); });
        numbers.push_back(number);
    }
    return numbers;
}

void Service::remember_keys(const std::vector<NewMetric>& metrics,
                            const std::vector<std::int64_t>& numbers) {
    constexpr std::size_t kCachedMax = 100'000;
    std::vector<std::size_t> fresh;
    {
        std::shared_lock lock(mutex_);
        if (keys_.size() >= kCachedMax) return;
        for (std::size_t i = 0; i < metrics.size(); ++i)
            if (!keys_.contains(metrics[i].key)) fresh.push_back(i);
    }
    if (fresh.empty()) return;
    std::unique_lock lock(mutex_);
    for (std::size_t i : fresh) keys_.emplace(metrics[i].key, numbers[i]);
}

void Service::log_inputs(std::string_view project_id, std::string_view run_id,
                         const std::vector<DatasetInput>& datasets,
                         const std::vector<std::string>& model_ids) {
    check_count(datasets.size(), 1000, "datasets");
    for (const auto& dataset : datasets) {
        if (dataset.name.empty() || dataset.digest.empty())
            fail(ErrorCode::invalid_argument, "Dataset name and digest cannot be empty.");
        check_length(dataset.name, 500, "name");
        check_length(dataset.digest, 36, "digest");
        check_length(dataset.source, 65535, "source");
        check_length(dataset.schema, 1048575, "schema");
        check_length(dataset.profile, 16777215, "profile");
        for (const auto& [key, value] : dataset.tags) {
            check_length(key, 255, "key");
            check_length(value, 500, "value");
        }
    }
    database_.write([&](sql::Connection& connection) {
        RunRow run = find_active_run(connection, project_id, run_id);
        for (const auto& dataset : datasets) {
            connection.execute(
                "INSERT INTO tracking_datasets (number, experiment, name, digest, source_type, "
                "source, schema, "
                "profile) VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM tracking_datasets), "
                "$1, $2, $3, "
                "$4, $5, $6, $7) ON CONFLICT (experiment, name, digest) DO NOTHING",
                {run.experiment, dataset.name, dataset.digest, dataset.source_type, dataset.source,
                 dataset.schema, dataset.profile});
            auto number = connection.first(
                "SELECT number FROM tracking_datasets WHERE experiment = $1 AND name = $2 AND "
                "digest = $3",
                {run.experiment, dataset.name, dataset.digest},
                [](const sql::Row& row) { return row.integer(0); });
            auto added = connection.execute(
                "INSERT INTO tracking_dataset_inputs (run, dataset) VALUES ($1, $2) ON CONFLICT DO "
                "NOTHING",
                {run.number, number.value()});
            if (added == 0) continue;  // the first use's tags stay
            for (const auto& [key, value] : dataset.tags)
                connection.execute(
                    "INSERT INTO tracking_dataset_input_tags (run, dataset, key, value) VALUES "
                    "($1, $2, $3, "
                    "$4)",
                    {run.number, number.value(), key, value});
        }
        for (const auto& model_id : model_ids) {
            require_logged_model(connection, model_id, api::ResourcePermission::READ);
            connection.execute(
                "INSERT INTO tracking_model_links (run, is_output, model_id, step) VALUES ($1, 0, "
                "$2, 0) ON "
                "CONFLICT DO NOTHING",
                {run.number, model_id});
        }
    });
}

void Service::log_outputs(std::string_view project_id, std::string_view run_id,
                          const std::vector<ModelLink>& models) {
    database_.write([&](sql::Connection& connection) {
        RunRow run = find_active_run(connection, project_id, run_id);
        for (const auto& model : models) {
            require_logged_model(connection, model.model_id);
            connection.execute(
                "INSERT INTO tracking_model_links (run, is_output, model_id, step) VALUES ($1, 1, "
                "$2, $3) ON "
                "CONFLICT DO NOTHING",
                {run.number, model.model_id, model.step});
        }
    });
}

std::vector<Service::DatasetSummary> Service::search_datasets(
    std::string_view project_id, const std::vector<std::string>& experiment_ids) {
    constexpr std::size_t kDatasetsMax = 1000;
    std::vector<DatasetSummary> summaries;
    database_.read([&](sql::Connection& connection) {
        for (auto experiment : experiment_numbers(connection, project_id, experiment_ids)) {
            connection.query(
                "SELECT DISTINCT e.id, d.name, d.digest, t.value FROM tracking_datasets d JOIN "
                "tracking_experiments e ON e.number = d.experiment JOIN tracking_dataset_inputs i "
                "ON "
                "i.dataset = d.number LEFT JOIN tracking_dataset_input_tags t ON t.run = i.run AND "
                "t.dataset = "
                "i.dataset AND t.key = 'mlflow.data.context' WHERE d.experiment = $1 LIMIT 1000",
                {experiment}, [&](const sql::Row& row) {
                    if (summaries.size() >= kDatasetsMax) return;
                    summaries.push_back({std::to_string(row.integer(0)), row.string(1),
                                         row.string(2), row.is_null(3) ? "" : row.string(3)});
                });
        }
    });
    return summaries;
}

}  // namespace maru::tracking
