#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/operation.hpp"
#include "compute/types.hpp"

namespace maru::tracking {

struct ForkRun {
    std::string project, id;
    std::map<std::string, std::string> parameters;
    std::string name;  // empty: the job's
};
BOOST_DESCRIBE_STRUCT(ForkRun, (), (project, id, parameters, name))
inline constexpr api::Operation<ForkRun, compute::Job> fork_run{
    .id = "runs.fork",
    .method = api::Method::post,
    .path = "/projects/{project}/runs/{id}/fork",
    .summary =
        "Queue a copy of the job that made a run: the same code, environment and resources, with "
        "other values of some parameters",
    .permission = api::Permission::jobs_write};
inline constexpr api::Operation<ForkRun, compute::Job> preview_fork{
    .id = "runs.preview_fork",
    .method = api::Method::post,
    .path = "/projects/{project}/runs/{id}/fork-preview",
    .summary = "Show the job that runs.fork would queue; it has no id, and nothing is queued",
    .permission = api::Permission::tracking_read,
    .audited = false};

struct ReproduceRun {
    std::string project, id;
};
BOOST_DESCRIBE_STRUCT(ReproduceRun, (), (project, id))
inline constexpr api::Operation<ReproduceRun, compute::Job> reproduce_run{
    .id = "runs.reproduce",
    .method = api::Method::post,
    .path = "/projects/{project}/runs/{id}/reproduce",
    .summary =
        "Queue the job that made a run once more, unchanged; runs.comparison then tells what "
        "came out differently",
    .permission = api::Permission::jobs_write};

/// A text that two runs may have different ones of; none: absent.
struct TextDifference {
    std::string key;
    std::optional<std::string> left, right;
};
BOOST_DESCRIBE_STRUCT(TextDifference, (), (key, left, right))

struct MetricDifference {
    std::string key;
    std::optional<double> left, right;  // the latest values
    std::optional<double> difference;   // right - left
    bool identical = false;             // every value of every step
    std::int64_t points = 0;            // of the longer one
    std::int64_t points_differing = 0;
    double largest_difference = 0;  // of two values of the same step
};
BOOST_DESCRIBE_STRUCT(MetricDifference, (),
                      (key, left, right, difference, identical, points, points_differing,
                       largest_difference))

struct OutputDifference {
    std::string path;
    std::optional<std::int64_t> left_bytes, right_bytes;
    bool identical = false;
};
BOOST_DESCRIBE_STRUCT(OutputDifference, (), (path, left_bytes, right_bytes, identical))

/// What two runs have in common, and what not.
struct RunComparison {
    std::string left, right;
    bool identical = false;  // all metrics and outputs
    /// How they were made: command, code, environment, resources, machine, status; differences
    /// only.
    std::vector<TextDifference> origin;
    std::vector<TextDifference> parameters;  // differences only
    std::vector<MetricDifference> metrics;
    std::vector<OutputDifference> outputs;
};
BOOST_DESCRIBE_STRUCT(RunComparison, (),
                      (left, right, identical, origin, parameters, metrics, outputs))

struct CompareRuns {
    std::string project, id, other;
};
BOOST_DESCRIBE_STRUCT(CompareRuns, (), (project, id, other))
MARU_REQUIRED(CompareRuns, "other")
inline constexpr api::Operation<CompareRuns, RunComparison> compare_runs{
    .id = "runs.comparison",
    .method = api::Method::get,
    .path = "/projects/{project}/runs/{id}/comparison",
    .summary = "Compare a run with another one, value by value and file by file",
    .permission = api::Permission::tracking_read};

}  // namespace maru::tracking
