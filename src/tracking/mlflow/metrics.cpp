#include <algorithm>

#include "base/error.hpp"
#include "tracking/mlflow/routes.hpp"
#include "tracking/search/conditions.hpp"
#include "tracking/validation.hpp"

namespace maru::tracking::mlflow {
namespace {

using api::Context;
using api::PathParameters;
using api::Permission;

constexpr std::int64_t kHistoryMax = 25'000;

/// A number as Python prints it.
std::string python_number(double value) {
    std::string text = fmt::format("{}", value);
    return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

/// `place` is that of the metric in its request, "metrics[3]."; empty for one alone.
NewMetric metric_of(const Message& message, std::string_view place) {
    NewMetric metric{.key = message.required_text("key"),
                     .value = message.required_number("value"),
                     .at_ms = message.required_integer("timestamp"),
                     .step = message.integer("step").value_or(0),
                     .model_id = message.text("model_id"),
                     .dataset_name = message.text("dataset_name"),
                     .dataset_digest = message.text("dataset_digest")};
    check_key(metric.key, fmt::format("{}name", place));
    if (metric.at_ms < 0)
        fail(ErrorCode::invalid_argument,
             "Invalid value {} for parameter '{}timestamp' supplied: metric '{}' (value={}). "
             "Timestamp must be a nonnegative long (64-bit integer) ",
             metric.at_ms, place, metric.key, python_number(metric.value));
    return metric;
}

std::pair<std::string, std::string> parameter_of(const Message& message, std::string_view place) {
    std::string key = message.required_text("key");
    check_key(key, fmt::format("{}key", place));
    return {std::move(key), shortened(message.text("value"), kParameterLengthMax)};
}

std::pair<std::string, std::string> tag_of(const Message& message, std::string_view place) {
    std::string key = message.required_text("key");
    std::string path = fmt::format("{}key", place);
    check_key(key, path);
    check_length(key, kKeyLengthMax, path);
    return {std::move(key), shortened(message.text("value"), kTagLengthMax)};
}

template <class Item, class Read>
std::vector<Item> read_all(const Message& message, std::string_view name, Read read) {
    auto items = message.list(name);
    std::vector<Item> result;
    result.reserve(items.size());
    for (std::size_t i = 0; i < items.size(); ++i)
        result.push_back(read(items[i], fmt::format("{}[{}].", name, i)));
    return result;
}

net::Response log_batch(Service& service, const Context& context, const Message& message) {
    std::string run = message.run_id();
    Batch batch;
    batch.metrics = read_all<NewMetric>(message, "metrics", metric_of);
    using Pair = std::pair<std::string, std::string>;
    batch.parameters = read_all<Pair>(message, "params", parameter_of);
    batch.tags = read_all<Pair>(message, "tags", tag_of);
    service.log(context.in_project().id, run, batch);
    return empty_answer();
}

/// The history of one metric, read and written a piece at a time: however long it is, little of it
/// is in memory.
class HistoryWriter {
  public:
    HistoryWriter(Service& service, const Context& context, const Message& message)
        : service_(service),
          project_id_(context.in_project().id),
          run_id_(message.run_id()),
          key_(message.required_text("metric_key")),
          token_(message.text("page_token")) {
        left_ = message.integer("max_results");
        if (left_ && *left_ <= 0)
            fail(ErrorCode::invalid_argument,
                 "Invalid value {} for parameter 'max_results' supplied. It must be a positive "
                 "integer.",
                 *left_);
        if (left_) left_ = std::min(*left_, kHistoryMax);
        if (!token_.empty()) search::decode_position(token_);
        read();  // what is wrong with the request is found before the answer begins
    }

    /// True if the first piece is all there is.
    bool is_short() const { return !goes_on(); }

    std::string next() {
        if (ended_) return {};
        if (!begun_) writer_.begin_object().key("metrics").begin_list();
        begun_ = true;
        for (const auto& point : page_.items) write_metric(writer_, key_, point);
        if (goes_on()) {
            token_ = *page_.next_page_token;
            read();
        } else {
            writer_.end_list();
            if (page_.next_page_token) writer_.field("next_page_token", *page_.next_page_token);
            writer_.end_object();
            ended_ = true;
        }
        return writer_.take();
    }

  private:
    static constexpr std::int64_t kPiecePoints = 4096;

    bool goes_on() const { return page_.next_page_token && left_ != 0; }
    void read() {
        auto limit = std::min(left_.value_or(kPiecePoints), kPiecePoints);
        page_ = service_.metric_page(project_id_, run_id_, key_, limit, token_);
        if (left_) *left_ -= static_cast<std::int64_t>(page_.items.size());
    }

    Service& service_;
    std::string project_id_, run_id_, key_, token_;
    std::optional<std::int64_t> left_;
    api::Page<MetricPoint> page_;
    JsonWriter writer_;
    bool begun_ = false, ended_ = false;
};

net::Response get_history(Service& service, const Context& context, const Message& message) {
    auto writer = std::make_shared<HistoryWriter>(service, context, message);
    if (writer->is_short()) return net::Response::json(writer->next());
    net::Response response;
    response.headers.set("Content-Type", "application/json");
    response.body = net::GeneratedBody{[writer] { return writer->next(); }};
    return response;
}

constexpr std::size_t kRunsMax = 100;

std::vector<std::string> bulk_run_ids(const Message& message) {
    auto ids = message.texts("run_id");
    if (ids.empty())
        fail(ErrorCode::invalid_argument,
             "GetMetricHistoryBulk request must specify at least one run_id.");
    if (ids.size() > kRunsMax)
        fail(ErrorCode::invalid_argument,
             "GetMetricHistoryBulk request cannot specify more than {} run_ids. Received {} "
             "run_ids.",
             kRunsMax, ids.size());
    std::sort(ids.begin(), ids.end());
    return ids;
}

net::Response get_history_bulk(Service& service, const Context& context, const Message& message) {
    auto ids = bulk_run_ids(message);
    if (!message.has("metric_key"))
        fail(ErrorCode::invalid_argument,
             "GetMetricHistoryBulk request must specify a metric_key.");
    std::string key = message.text("metric_key");
    std::int64_t left = std::min(message.integer("max_results").value_or(kHistoryMax), kHistoryMax);
    JsonWriter writer;
    writer.begin_object().key("metrics").begin_list();
    for (const auto& id : ids) {
        auto page = service.metric_page(context.in_project().id, id, key,
                                        std::max<std::int64_t>(left, 0), "");
        for (const auto& point : page.items) write_metric(writer, key, point, id);
        left -= static_cast<std::int64_t>(page.items.size());
    }
    writer.end_list().end_object();
    return answer(writer);
}

constexpr std::int64_t kChartPoints = 320, kChartPointsMax = 2500;

std::pair<std::optional<std::int64_t>, std::optional<std::int64_t>> step_bounds(
    const Message& message) {
    auto first = message.integer("start_step"), last = message.integer("end_step");
    if (first.has_value() != last.has_value())
        fail(ErrorCode::invalid_argument,
             "If either start step or end step are specified, both must be specified.");
    if (first && *first > *last)
        fail(ErrorCode::invalid_argument,
             "end_step must be greater than start_step. Found start_step={} and end_step={}.",
             *first, *last);
    return {first, last};
}

/// What charts read: of each run's steps between two bounds, about so many points, the extremes
/// among them.
net::Response get_history_interval(Service& service, const Context& context,
                                   const Message& message) {
    message.require("run_ids");
    auto ids = message.texts("run_ids");
    if (ids.size() > kRunsMax)
        fail(ErrorCode::invalid_argument,
             "GetMetricHistoryBulkInterval request must specify at most {} run_ids. Received {} "
             "run_ids. See the API docs for more information about request parameters.",
             kRunsMax, ids.size());
    std::string key = message.required_text("metric_key");
    auto [first, last] = step_bounds(message);
    std::int64_t points_max = message.integer("max_results").value_or(kChartPoints);
    if (points_max < 1 || points_max > kChartPointsMax)
        fail(ErrorCode::invalid_argument,
             "max_results must be between 1 and {}. See the API docs for more information about "
             "request parameters.",
             kChartPointsMax);
    JsonWriter writer;
    writer.begin_object().key("metrics").begin_list();
    auto histories = service.metric_histories(context.in_project().id, ids, key, {first, last},
                                              std::max<std::int64_t>(points_max, 4));
    for (std::size_t i = 0; i < ids.size(); ++i)
        for (const auto& point : histories[i].points) write_metric(writer, key, point, ids[i]);
    writer.end_list().end_object();
    return answer(writer);
}

}  // namespace

void write_metric(JsonWriter& writer, std::string_view key, const MetricPoint& point,
                  std::string_view run_id) {
    writer.begin_object()
        .field("key", key)
        .field("value", point.value)
        .field("timestamp", to_ms(point.at))
        .field("step", point.step);
    if (!run_id.empty()) writer.field("run_id", run_id);
    writer.end_object();
}

void add_metric_routes(api::Api& api, Service& service) {
    auto add = [&](std::string_view method, std::string_view path, Permission permission,
                   auto handle) {
        add_route(api, {method, path, permission,
                        [&service, handle](const Context& context, const Message& message,
                                           const PathParameters&) {
                            return handle(service, context, message);
                        }});
    };
    add("POST", "/mlflow/runs/log-batch", Permission::tracking_write, log_batch);
    add("POST", "/mlflow/runs/log-metric", Permission::tracking_write,
        [](Service& s, const Context& context, const Message& message) {
            s.log(context.in_project().id, message.run_id(),
                  {.metrics = {metric_of(message, "")}, .parameters = {}, .tags = {}});
            return empty_answer();
        });
    add("POST", "/mlflow/runs/log-parameter", Permission::tracking_write,
        [](Service& s, const Context& context, const Message& message) {
            s.log(context.in_project().id, message.run_id(),
                  {.metrics = {}, .parameters = {parameter_of(message, "")}, .tags = {}});
            return empty_answer();
        });
    add("POST", "/mlflow/runs/set-tag", Permission::tracking_write,
        [](Service& s, const Context& context, const Message& message) {
            s.log(context.in_project().id, message.run_id(),
                  {.metrics = {}, .parameters = {}, .tags = {tag_of(message, "")}});
            return empty_answer();
        });
    add("GET", "/mlflow/metrics/get-history", Permission::tracking_read, get_history);
    add("GET", "/mlflow/metrics/get-history-bulk", Permission::tracking_read, get_history_bulk);
    add("GET", "/mlflow/metrics/get-history-bulk-interval", Permission::tracking_read,
        get_history_interval);
}

}  // namespace maru::tracking::mlflow
