#include "tracking/reproduction/reproduction.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "tracking/metric_bits.hpp"
#include "tracking/reproduction/command.hpp"

namespace maru::tracking {
namespace {

constexpr std::string_view kSystemMetrics = "system/";

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

/// What would be queued, before it is: it has neither an id nor a run.
compute::Job unqueued(const compute::Submission& submission) {
    compute::Job job;
    job.name = submission.name;
    job.project = submission.project.name;
    job.command = submission.command;
    job.environment = submission.environment;
    job.code = submission.code;
    job.resources = submission.resources;
    job.retries = submission.retries;
    job.time_limit_s = submission.time_limit_s;
    job.stop_grace_s = submission.stop_grace_s;
    job.variables = submission.variables;
    job.parameters = submission.parameters;
    job.tags = submission.tags;
    job.experiment = submission.experiment;
    job.user = submission.user;
    return job;
}

std::vector<TextDifference> differences(const std::map<std::string, std::string>& left,
                                        const std::map<std::string, std::string>& right) {
    std::set<std::string> keys;
    for (const auto& [key, value] : left) keys.insert(key);
    for (const auto& [key, value] : right) keys.insert(key);
    auto value_of = [](const std::map<std::string, std::string>& values, const std::string& key) {
        auto found = values.find(key);
        return found == values.end() ? std::nullopt : std::optional(found->second);
    };
    std::vector<TextDifference> found;
    for (const auto& key : keys) {
        auto a = value_of(left, key), b = value_of(right, key);
        if (a != b) found.push_back({key, a, b});
    }
    return found;
}

/// The values of a metric in the order of their steps, without their times.
std::vector<std::pair<std::int64_t, std::int64_t>> values_by_step(
    const std::vector<MetricPoint>& points) {
    std::vector<std::pair<std::int64_t, std::int64_t>> values;
    values.reserve(points.size());
    for (const auto& point : points) values.emplace_back(point.step, to_bits(point.value));
    std::ranges::sort(values);
    return values;
}

void compare_points(const std::vector<MetricPoint>& left, const std::vector<MetricPoint>& right,
                    MetricDifference& found) {
    auto a = values_by_step(left), b = values_by_step(right);
    found.points = static_cast<std::int64_t>(std::max(a.size(), b.size()));
    auto i = a.begin();
    auto j = b.begin();
    while (i != a.end() && j != b.end()) {
        if (i->first != j->first) {
            ++found.points_differing;
            ++(i->first < j->first ? i : j);
            continue;
        }
        if (i->second != j->second) {
            ++found.points_differing;
            double difference = std::fabs(from_bits(j->second) - from_bits(i->second));
            if (difference > found.largest_difference) found.largest_difference = difference;
        }
        ++i, ++j;
    }
    found.points_differing += (a.end() - i) + (b.end() - j);
    found.identical = found.points_differing == 0;
}

/// A model's description without what differs each time that it is made: ids and times.
std::string without_identity(std::string_view description) {
    std::string kept;
    for (auto line : split(description, '\n')) {
        auto key = trim(line.substr(0, line.find(':')));
        bool is_identity = key == "run_id" || key == "model_id" || key == "model_uuid" ||
                           key == "utc_time_created" || key == "artifact_path";
        if (!is_identity) kept += std::string(line) + '\n';
    }
    return kept;
}

}  // namespace

std::optional<compute::Job> Reproduction::job_of(std::string_view project_id, const Run& run) {
    if (!run.job_id) return std::nullopt;
    try {
        return compute_.get(project_id, *run.job_id).job;
    } catch (const Error& error) {
        if (error.code() != ErrorCode::not_found) throw;
        return std::nullopt;
    }
}

compute::Submission Reproduction::submission_of(const api::ProjectRef& project,
                                                const std::string& user, const Run& run) {
    auto job = job_of(project.id, run);
    if (!job && run.job_id)
        fail(ErrorCode::failed_precondition,
             "the job of run {} was deleted, and with it the command, code and environment to run "
             "again",
             run.id);
    if (!job)
        fail(ErrorCode::failed_precondition,
             "run {} was not made by a job of this platform: its command, code and environment are "
             "not known here; runs of `maru run` can be run again",
             run.id);
    return {.project = project,
            .user_number = {},
            .user = user,
            .name = job->name,
            .kind = compute::WorkloadKind::job,
            .command = job->command,
            .environment = job->environment,
            .code = job->code,
            .resources = job->resources,
            .retries = job->retries,
            .time_limit_s = job->time_limit_s,
            .stop_grace_s = job->stop_grace_s,
            .variables = job->variables,
            .parameters = job->parameters,
            .tags = {},
            .experiment = run.experiment_name,
            .private_data = {}};
}

compute::Submission Reproduction::fork_of(const api::ProjectRef& project, const std::string& user,
                                          const ForkRun& request) {
    auto run = tracking_.get_run(project.id, request.id);
    auto submission = submission_of(project, user, run);
    for (const auto& [key, value] : request.parameters) {
        bool is_named = change_parameter(submission.command, key, value);
        bool is_given = submission.parameters.contains(key);
        if (!is_named && !is_given)
            fail_field("parameters." + key,
                       fmt::format("the run's command does not name it (\"{}\"), and its job was "
                                   "given no such parameter; it would change nothing",
                                   joined(submission.command)));
        if (is_given) submission.parameters[key] = value;
    }
    if (!request.name.empty()) submission.name = request.name;
    submission.tags["maru.forked_from"] = run.id;
    return submission;
}

compute::Job Reproduction::fork(const api::ProjectRef& project, const std::string& user,
                                const ForkRun& request) {
    return compute_.submit(fork_of(project, user, request)).job;
}

compute::Job Reproduction::preview_fork(const api::ProjectRef& project, const std::string& user,
                                        const ForkRun& request) {
    return unqueued(fork_of(project, user, request));
}

compute::Job Reproduction::reproduce(const api::ProjectRef& project, const std::string& user,
                                     const std::string& run_id) {
    auto run = tracking_.get_run(project.id, run_id);
    auto submission = submission_of(project, user, run);
    submission.tags["maru.reproduces"] = run.id;
    return compute_.submit(submission).job;
}

RunComparison Reproduction::compare(std::string_view project_id, const std::string& left_id,
                                    const std::string& right_id) {
    auto left = tracking_.get_run(project_id, left_id);
    auto right = tracking_.get_run(project_id, right_id);
    RunComparison comparison{.left = left.id, .right = right.id};
    compare_origins(project_id, left, right, comparison);
    comparison.parameters = differences(left.parameters, right.parameters);
    compare_metrics(project_id, left, right, comparison);
    compare_outputs(project_id, left, right, comparison);
    comparison.identical = left.status == right.status &&
                           std::ranges::all_of(comparison.metrics, &MetricDifference::identical) &&
                           std::ranges::all_of(comparison.outputs, &OutputDifference::identical);
    return comparison;
}

void Reproduction::compare_origins(std::string_view project_id, const Run& left, const Run& right,
                                   RunComparison& comparison) {
    auto facts = [&](const Run& run) {
        std::map<std::string, std::string> known{{"status", std::string(enum_name(run.status))}};
        auto take_tag = [&](const std::string& name, const std::string& tag) {
            if (auto found = run.tags.find(tag); found != run.tags.end())
                known[name] = found->second;
        };
        take_tag("machine", "maru.machine");
        take_tag("git commit", "mlflow.source.git.commit");
        std::string datasets;
        for (const auto& dataset : run.datasets)
            datasets += (datasets.empty() ? "" : ", ") + dataset.name + " " + dataset.digest;
        if (!datasets.empty()) known["datasets"] = datasets;
        if (auto job = job_of(project_id, run)) {
            known["command"] = joined(job->command);
            if (job->code) known["code"] = *job->code;
            if (job->environment) known["environment"] = *job->environment;
            known["resources"] = to_json(job->resources);
            for (const auto& [name, value] : job->variables) known["variable " + name] = value;
        }
        return known;
    };
    comparison.origin = differences(facts(left), facts(right));
}

void Reproduction::compare_metrics(std::string_view project_id, const Run& left, const Run& right,
                                   RunComparison& comparison) {
    std::set<std::string> keys;
    for (const auto* run : {&left, &right})
        for (const auto& [key, latest] : run->metrics)
            if (!key.starts_with(kSystemMetrics)) keys.insert(key);
    for (const auto& key : keys) {
        MetricDifference found{.key = key};
        if (auto latest = left.metrics.find(key); latest != left.metrics.end())
            found.left = latest->second.value;
        if (auto latest = right.metrics.find(key); latest != right.metrics.end())
            found.right = latest->second.value;
        if (found.left && found.right) found.difference = *found.right - *found.left;
        auto points = [&](const Run& run) {
            return tracking_.metric_page(project_id, run.id, key, std::nullopt, "").items;
        };
        compare_points(points(left), points(right), found);
        comparison.metrics.push_back(std::move(found));
    }
}

std::map<std::string, ArtifactFile> Reproduction::outputs_of(std::string_view project_id,
                                                             const Run& run) {
    std::map<std::string, ArtifactFile> files;
    auto add = [&](const std::string& uri, const std::string& folder) {
        try {
            auto root = tracking_.artifact_folder(project_id, uri);
            for (auto& file : tracking_.artifact_files(project_id, root))
                files.emplace(folder + file.path, std::move(file));
        } catch (const Error& error) {
            // Kept elsewhere, such as s3://: nothing is known of it here.
            if (error.code() != ErrorCode::failed_precondition) throw;
        }
    };
    add(run.artifact_uri, "");
    // Their ids differ from run to run; of the same name, the first counts.
    for (const auto& model : tracking_.logged_models_of(project_id, run.id))
        add(model.artifact_uri, "models/" + model.name + "/");
    return files;
}

bool Reproduction::is_same_file(std::string_view path, const ArtifactFile& left,
                                const ArtifactFile& right) {
    constexpr std::int64_t kDescriptionMax = 1 << 20;
    if (left.sha256 == right.sha256) return true;
    auto name = path.substr(path.rfind('/') + 1);
    if (name != "MLmodel" || std::max(left.size_bytes, right.size_bytes) > kDescriptionMax)
        return false;
    return without_identity(blobs_.get(left.sha256)) == without_identity(blobs_.get(right.sha256));
}

void Reproduction::compare_outputs(std::string_view project_id, const Run& left, const Run& right,
                                   RunComparison& comparison) {
    auto left_files = outputs_of(project_id, left), right_files = outputs_of(project_id, right);
    std::set<std::string> paths;
    for (const auto& [path, file] : left_files) paths.insert(path);
    for (const auto& [path, file] : right_files) paths.insert(path);
    for (const auto& path : paths) {
        OutputDifference found{.path = path};
        auto a = left_files.find(path), b = right_files.find(path);
        if (a != left_files.end()) found.left_bytes = a->second.size_bytes;
        if (b != right_files.end()) found.right_bytes = b->second.size_bytes;
        if (found.left_bytes && found.right_bytes)
            found.identical = is_same_file(path, a->second, b->second);
        comparison.outputs.push_back(std::move(found));
    }
}

void add_reproduction_operations(api::Api& api, Reproduction& reproduction) {
    api.handle(fork_run, [&](const api::Context& context, const ForkRun& request) {
        return reproduction.fork(context.in_project(), context.user, request);
    });
    api.handle(preview_fork, [&](const api::Context& context, const ForkRun& request) {
        return reproduction.preview_fork(context.in_project(), context.user, request);
    });
    api.handle(reproduce_run, [&](const api::Context& context, const ReproduceRun& request) {
        return reproduction.reproduce(context.in_project(), context.user, request.id);
    });
    api.handle(compare_runs, [&](const api::Context& context, const CompareRuns& request) {
        return reproduction.compare(context.in_project().id, request.id, request.other);
    });
}

}  // namespace maru::tracking
