#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/access.hpp"
#include "sql/database.hpp"
#include "traces/spans/span.hpp"
#include "traces/types.hpp"

/// Rows of this room's tables, for its topic files.
namespace maru::traces {

inline constexpr std::string_view kNameTag = "mlflow.traceName";
inline constexpr std::string_view kLocationTag = "mlflow.artifactLocation";
inline constexpr std::string_view kSpansLocationTag = "mlflow.trace.spansLocation";
inline constexpr std::string_view kRunMetadata = "mlflow.sourceRun";
inline constexpr std::string_view kSessionMetadata = "mlflow.trace.session";
inline constexpr std::string_view kUserMetadata = "mlflow.trace.user";
inline constexpr std::string_view kUsageMetadata = "mlflow.trace.tokenUsage";
inline constexpr std::string_view kCostMetadata = "mlflow.trace.cost";
inline constexpr std::string_view kSizeMetadata = "mlflow.trace.sizeStats";

/// What a change needs to know of a trace.
struct TraceRow {
    std::int64_t number = 0, experiment = 0;
    std::string experiment_id;
    TraceState state = TraceState::STATE_UNSPECIFIED;
    Time started_at{};
    std::optional<std::int64_t> duration_ms;
    bool finalized = false, has_name = false, has_request = false, has_response = false,
         has_session = false, has_usage = false;
};
/// Throws permission_denied unless the caller may do with the trace's experiment what his request
/// is for, or `least`.
void require_access(const TraceRow& row,
                    std::optional<api::ResourcePermission> least = std::nullopt);
/// Also throws permission_denied.
std::optional<TraceRow> find_row(sql::Connection& connection, std::string_view project_id,
                                 std::string_view id);
/// Throws not_found.
TraceRow require_row(sql::Connection& connection, std::string_view project_id, std::string_view id);

/// Whole traces by their rows' numbers, in that order; numbers without a row are left out.
std::vector<Trace> load_traces(sql::Connection& connection, std::string_view project_id,
                               const std::vector<std::int64_t>& numbers);

/// The number that this room has of an experiment, made if it has none.
std::int64_t experiment_number(sql::Connection& connection, std::string_view project_id,
                               std::string_view id);

/// A number for a new row. Keys are never used again while the row with the highest lives.
std::int64_t next_number(sql::Connection& connection, std::string_view table);
void put_pair(sql::Connection& connection, std::string_view table, std::int64_t trace,
              std::int64_t experiment, std::string_view key, std::string_view value);
/// Tags, less the name, which is a column.
void put_tags(sql::Connection& connection, std::int64_t trace, std::int64_t experiment,
              const std::map<std::string, std::string>& tags);
/// Metadata, and the columns that repeat some of it.
void put_metadata(sql::Connection& connection, std::int64_t trace, std::int64_t experiment,
                  const std::map<std::string, std::string>& metadata);
void insert_assessment(sql::Connection& connection, std::int64_t trace, std::int64_t experiment,
                       const Assessment& assessment);
/// Removes traces with all that belongs to them.
void delete_rows(sql::Connection& connection, const std::vector<std::int64_t>& numbers);

/// The lines of a trace's spans, in the order in which they came.
std::vector<std::string> load_lines(sql::Connection& connection, std::int64_t trace);
void append_lines(sql::Connection& connection, std::int64_t trace,
                  const std::vector<std::string>& lines);

/// Checks an assessment that a client sends, and gives it an id and times.
void complete_assessment(Assessment& assessment, Time now);

/// Shortens a text to so many characters, as MLflow does with what is too long to keep.
std::string cut(std::string_view text, std::size_t characters_max);

}  // namespace maru::traces
