#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/api.hpp"
#include "blob/blob_store.hpp"
#include "sql/database.hpp"
#include "traces/operations.hpp"
#include "traces/otlp/request.hpp"
#include "traces/spans/span.hpp"
#include "traces/types.hpp"
#include "tracking/service.hpp"

namespace maru::traces {

struct TraceSearch {
    std::string filter;
    std::vector<std::string> order_by;
    std::int64_t results_max = 100;
    std::string page_token;
};

/// Which traces of an experiment to delete: those of `ids`, or the oldest up to a time.
struct TraceDeletion {
    std::string experiment_id;
    std::optional<std::int64_t> until_ms, traces_max;
    std::vector<std::string> ids;
};

/// What of an assessment to change; what is empty stays. `metadata` joins what is there.
struct AssessmentChange {
    std::optional<std::string> name, rationale;
    std::optional<AssessmentKind> kind;  // of `value`
    Json value, error;
    std::map<std::string, std::string> metadata;
    std::optional<bool> valid;
};

/// A question for numbers about many traces, in MLflow's words: view "TRACES", "SPANS" or
/// "ASSESSMENTS".
struct MetricQuery {
    struct Aggregation {
        std::string type;  // "COUNT", "SUM", "AVG", "MIN", "MAX", "PERCENTILE"
        std::optional<double> percentile;
    };
    std::vector<std::string> experiment_ids;
    std::string view, metric;
    std::vector<Aggregation> aggregations;
    std::vector<std::string> dimensions, filters;
    std::optional<std::int64_t> interval_s, from_ms, to_ms;
    std::int64_t results_max = 1000;
};

struct MetricAnswer {
    std::map<std::string, std::string> dimensions;
    std::vector<std::pair<std::string, double>> values;
};

/// How often two filters hold of the same traces; normalised pointwise mutual information.
struct FilterCorrelation {
    std::int64_t first = 0, second = 0, both = 0, total = 0;
    double npmi = 0, npmi_smoothed = 0;  // NaN: not defined
};

/// Traces of programs that call language models: their spans, tags, assessments.
///
/// Lifetime: the server's. Threads: any. Every function is about one project and sees nothing of
/// others. Errors: not_found for what isn't there, invalid_argument in MLflow's words for what may
/// not be. Each mutation is one durable transaction.
class Service {
  public:
    Service(sql::Database& database, blob::BlobStore& blobs, tracking::Service& tracking,
            const Clock& clock);

    // Traces (traces.cpp, links.cpp).
    /// Makes a trace, or completes the one that spans have made before; `trace.tags` and
    /// `trace.metadata` join those that it has.
    Trace start_trace(std::string_view project_id, Trace trace);
    /// Ends a trace in the way of MLflow 2's clients.
    Trace end_trace(std::string_view project_id, std::string_view id, Time at, TraceState state,
                    const std::map<std::string, std::string>& metadata,
                    const std::map<std::string, std::string>& tags);
    Trace get_trace(std::string_view project_id, std::string_view id);
    /// Those that are there, in the order of the ids; of these experiments only, if any are given.
    std::vector<Trace> get_traces(
        std::string_view project_id, const std::vector<std::string>& ids,
        const std::optional<std::vector<std::string>>& experiment_ids = std::nullopt);
    void set_tag(std::string_view project_id, std::string_view id, const std::string& key,
                 const std::string& value);
    void delete_tag(std::string_view project_id, std::string_view id, const std::string& key);
    std::int64_t delete_traces(std::string_view project_id, const TraceDeletion& deletion);
    void delete_trace(std::string_view project_id, std::string_view id);
    /// Removes the traces of experiments that were removed for good; returns how many traces went.
    std::int64_t remove_orphans();
    // The deletion of projects (identity::ProjectRoom). Their traces are orphans by then.
    static std::vector<std::string> project_contents(sql::Connection& connection,
                                                     const std::string& project_id);
    void remove_project(const api::ProjectRef& project);
    /// Links at most 100 traces, which may come later than the link.
    void link_to_run(std::string_view project_id, const std::vector<std::string>& ids,
                     std::string_view run_id);
    void link_prompts(std::string_view project_id, std::string_view id,
                      const std::vector<std::pair<std::string, std::string>>& prompts);

    // Spans (log_spans.cpp, read_spans.cpp).
    /// Keeps spans, making the traces that they begin; returns the ids of traces whose root is
    /// among them.
    std::vector<std::string> log_spans(std::string_view project_id,
                                       const std::string& experiment_id,
                                       std::vector<otlp::Source> sources);
    /// The trace's spans, the root first, then by time: those that were sent, else those of the
    /// file traces.json that a client has uploaded. With `whole`, nothing if some are still to
    /// come.
    std::optional<std::vector<spans::Span>> read_spans(std::string_view project_id,
                                                       const Trace& trace, bool whole = false);
    /// The same; waits a second for those that are on their way.
    std::optional<std::vector<spans::Span>> await_spans(std::string_view project_id,
                                                        const Trace& trace);

    // Assessments (assessments.cpp).
    Assessment create_assessment(std::string_view project_id, std::string_view trace_id,
                                 Assessment assessment);
    Assessment get_assessment(std::string_view project_id, std::string_view trace_id,
                              std::string_view id);
    Assessment update_assessment(std::string_view project_id, std::string_view trace_id,
                                 std::string_view id, const AssessmentChange& change);
    /// One that isn't there is no error. What it overrode is valid again.
    void delete_assessment(std::string_view project_id, std::string_view trace_id,
                           std::string_view id);

    // Search (trace_search.cpp, metrics.cpp).
    /// A page may be short, or empty, and yet have a next one: what can only be found by reading
    /// spans is looked for in so many traces at a time.
    api::Page<Trace> search(std::string_view project_id,
                            const std::vector<std::string>& experiment_ids,
                            const TraceSearch& search);
    FilterCorrelation correlate(std::string_view project_id,
                                const std::vector<std::string>& experiment_ids,
                                const std::string& first, const std::string& second,
                                const std::string& base);
    std::vector<MetricAnswer> query_metrics(std::string_view project_id, const MetricQuery& query);

  private:
    std::vector<std::int64_t> experiment_numbers(std::string_view project_id,
                                                 const std::vector<std::string>& ids);
    /// Fails unless it is there and not deleted.
    tracking::Experiment active_experiment(std::string_view project_id, std::string_view id);
    void announce_spans();

    sql::Database& database_;
    blob::BlobStore& blobs_;
    tracking::Service& tracking_;
    const Clock& clock_;

    std::mutex mutex_;
    std::condition_variable spans_came_;
    std::uint64_t spans_version_ = 0;  // guarded by mutex_
    int waiting_ = 0;                  // guarded by mutex_
};

extern const std::span<const sql::Migration> migrations;

/// Declares the operations of operations.hpp over a service.
void add_operations(api::Api& api, Service& service, tracking::Service& tracking);

}  // namespace maru::traces
