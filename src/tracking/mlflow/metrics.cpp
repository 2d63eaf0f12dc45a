#include <algorithm>

#include "base/error.hpp"
#include "tracking/mlflow/routes.hpp"

namespace maru::tracking::mlflow {
namespace {

using api::Context;
using api::PathParameters;
using api::Permission;

constexpr std::int64_t kHistoryMax = 25'000;

NewMetric metric_of(const Message& message) {
    return {.key = message.text("key"),
            .value = message.required_number("value"),
            .at_ms = message.required_integer("timestamp"),
            .step = message.integer("step").value_or(0),
            .model_id = message.text("model_id"),
            .dataset_name = message.text("dataset_name"),
            .dataset_digest = message.text("dataset_digest")};
}

net::Response log_batch(Service& service, const Context& context, const Message& message) {
    Batch batch{
        .metrics = {}, .parameters = message.pairs("params"), .tags = message.pairs("tags")};
    auto metrics = message.list("metrics");
    batch.metrics.reserve(metrics.size());
    for (const auto& metric : metrics) batch.metrics.push_back(metric_of(metric));
    service.log(context.in_project().id, message.run_id(), batch);
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
        if (message.has("max_results")) left_ = message.results_max(kHistoryMax, kHistoryMax);
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

std::vector<std::string> checked_run_ids(const Message& message, std::string_view field) {
    auto ids = message.texts(field);
    if (ids.empty())
        fail(ErrorCode::invalid_argument,
             "GetMetricHistoryBulk request must specify at least one run_id.");
    if (ids.size() > 100)
        fail(ErrorCode::invalid_argument,
             "GetMetricHistoryBulk request cannot specify more than 100 run_ids. Received {} "
             "run_ids.",
             ids.size());
    std::sort(ids.begin(), ids.end());
    return ids;
}

net::Response get_history_bulk(Service& service, const Context& context, const Message& message) {
    std::string key = message.required_text("metric_key");
    std::int64_t left = std::min(message.integer("max_results").value_or(kHistoryMax), kHistoryMax);
    JsonWriter writer;
    writer.begin_object().key("metrics").begin_list();
    for (const auto& id : checked_run_ids(message, "run_id")) {
        auto page = service.metric_page(context.in_project().id, id, key,
                                        std::max<std::int64_t>(left, 0), "");
        for (const auto& point : page.items) write_metric(writer, key, point, id);
        left -= static_cast<std::int64_t>(page.items.size());
    }
    writer.end_list().end_object();
    return answer(writer);
}

/// What charts read: of each run's steps between two bounds, about so many points, the extremes
/// among them.
net::Response get_history_interval(Service& service, const Context& context,
                                   const Message& message) {
    std::string key = message.required_text("metric_key");
    auto first = message.integer("start_step"), last = message.integer("end_step");
    std::int64_t points_max = message.results_max(320, 2500);
    JsonWriter writer;
    writer.begin_object().key("metrics").begin_list();
    auto ids = checked_run_ids(message, "run_ids");
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
                  {.metrics = {metric_of(message)}, .parameters = {}, .tags = {}});
            return empty_answer();
        });
    add("POST", "/mlflow/runs/log-parameter", Permission::tracking_write,
        [](Service& s, const Context& context, const Message& message) {
            s.log(context.in_project().id, message.run_id(),
                  {.metrics = {},
                   .parameters = {{message.text("key"), message.text("value")}},
                   .tags = {}});
            return empty_answer();
        });
    add("POST", "/mlflow/runs/set-tag", Permission::tracking_write,
        [](Service& s, const Context& context, const Message& message) {
            s.log(context.in_project().id, message.run_id(),
                  {.metrics = {},
                   .parameters = {},
                   .tags = {{message.text("key"), message.text("value")}}});
            return empty_answer();
        });
    add("GET", "/mlflow/metrics/get-history", Permission::tracking_read, get_history);
    add("GET", "/mlflow/metrics/get-history-bulk", Permission::tracking_read, get_history_bulk);
    add("GET", "/mlflow/metrics/get-history-bulk-interval", Permission::tracking_read,
        get_history_interval);
}

}  // namespace maru::tracking::mlflow
