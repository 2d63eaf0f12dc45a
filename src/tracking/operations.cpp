#include "tracking/operations.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "tracking/column_names.hpp"
#include "tracking/service.hpp"

namespace maru::tracking {
namespace {

/// The ids of the experiments that a list of runs is about: all, or one by id or name.
std::vector<std::string> chosen_experiments(Service& service, std::string_view project_id,
                                            const std::string& experiment) {
    if (experiment.empty()) {
        std::vector<std::string> ids;
        Search all{.results_max = 10'000};
        for (const auto& found : service.search_experiments(project_id, all).items)
            ids.push_back(found.id);
        return ids;
    }
    // Ids first: links carry them, and no name may stand in the place of another's id.
    if (service.has_experiment(project_id, experiment))
        return {service.get_experiment(project_id, experiment).id};
    if (auto found = service.find_experiment(project_id, experiment)) return {found->id};
    fail(ErrorCode::not_found, "experiment \"{}\" does not exist", experiment);
}

/// The id of an experiment that a path names by id or name.
std::string experiment_id(Service& service, std::string_view project_id,
                          const std::string& experiment) {
    if (experiment.empty()) fail_field("experiment", "must not be empty");
    return chosen_experiments(service, project_id, experiment).front();
}

Columns columns_of(const std::vector<std::string>& names) {
    constexpr std::size_t kColumnsMax = 1000;
    if (names.size() > kColumnsMax)
        fail_field("columns", fmt::format("names more than {} columns", kColumnsMax));
    Columns columns;
    for (const auto& text : names) {
        ColumnName name = parse_column(text, "columns");
        if (name.subject == search::Subject::metric) columns.metrics.push_back(name.key);
        if (name.subject == search::Subject::parameter) columns.parameters.push_back(name.key);
        if (name.subject == search::Subject::tag) columns.tags.push_back(name.key);
    }
    return columns;
}

RunRow row_of(Run run) {
    RunRow row{.id = std::move(run.id),
               .name = std::move(run.name),
               .status = run.status,
               .user = std::move(run.user),
               .started_at = run.started_at,
               .ended_at = run.ended_at,
               .job_id = std::move(run.job_id),
               .child_count = run.child_count,
               .metrics = {},
               .parameters = std::move(run.parameters),
               .tags = std::move(run.tags)};
    for (const auto& [key, metric] : run.metrics) row.metrics[key] = metric.value;
    return row;
}

RunRows search_rows(Service& service, std::string_view project_id, const SearchRuns& request) {
    constexpr std::int64_t kRowsMax = 10'000;
    if (request.offset < 0) fail_field("offset", "must not be negative");
    auto page =
        service.find_runs(project_id, {experiment_id(service, project_id, request.experiment)},
                          {.filter = request.filter,
                           .order_by = request.order_by,
                           .results_max = api::check_page_size(request.page_size, 100, kRowsMax),
                           .page_token = request.page_token,
                           .offset = request.offset,
                           .columns = columns_of(request.columns),
                           .texts = TextOrder::natural,
                           .count = true,
                           .children = request.children});
    RunRows rows{{}, std::move(page.next_page_token), page.total};
    rows.items.reserve(page.items.size());
    for (auto& run : page.items) rows.items.push_back(row_of(std::move(run)));
    return rows;
}

/// The place below the project's artifacts of a path of a run.
std::string artifact_path(Service& service, std::string_view project_id, const std::string& run_id,
                          const std::string& path) {
    std::string folder =
        service.artifact_folder(project_id, service.get_run(project_id, run_id).artifact_uri);
    if (path.empty()) return folder;
    check_relative_path("path", path);
    return folder + "/" + path;
}

}  // namespace

/// Experiments as tables of runs.
static void add_table_operations(api::Api& api, Service& service) {
    api.handle(search_runs, [&service](const api::Context& context, const SearchRuns& request) {
        return search_rows(service, context.in_project().id, request);
    });
    api.handle(group_runs, [&service](const api::Context& context, const GroupRuns& request) {
        const std::string& project = context.in_project().id;
        return service.group_runs(project, experiment_id(service, project, request.experiment),
                                  request);
    });
    api.handle(
        list_run_columns, [&service](const api::Context& context, const ListRunColumns& request) {
            const std::string& project = context.in_project().id;
            return service.run_columns(project, experiment_id(service, project, request.experiment),
                                       request.part, request.limit);
        });
    api.handle(list_column_values, [&service](const api::Context& context,
                                              const ListColumnValues& request) {
        const std::string& project = context.in_project().id;
        return api::Page<ColumnValue>{
            service.column_values(project, experiment_id(service, project, request.experiment),
                                  request.column, request.part, request.limit),
            std::nullopt};
    });
    api.handle(list_views, [&service](const api::Context& context, const NameExperiment& request) {
        const std::string& project = context.in_project().id;
        return api::Page<RunView>{
            service.list_views(project, experiment_id(service, project, request.experiment)),
            std::nullopt};
    });
    api.handle(put_view, [&service](const api::Context& context, const PutView& request) {
        const std::string& project = context.in_project().id;
        return service.put_view(project, experiment_id(service, project, request.experiment),
                                request.name, context.user, request.state);
    });
    api.handle(delete_view, [&service](const api::Context& context, const NameView& request) {
        const std::string& project = context.in_project().id;
        service.delete_view(project, experiment_id(service, project, request.experiment),
                            request.name);
        return api::Nothing{};
    });
    api.handle(read_metrics, [&service](const api::Context& context, const ReadMetrics& request) {
        return MetricSeriesList{service.metric_series(context.in_project().id, request.runs,
                                                      request.keys, request.points)};
    });
    api.handle(list_logged_models, [&service](const api::Context& context, const NameRun& request) {
        return api::Page<LoggedModel>{service.logged_models_of(context.in_project().id, request.id),
                                      std::nullopt};
    });
    api.handle(read_inputs, [&service](const api::Context& context, const NameRun& request) {
        return RunInputs{service.get_run(context.in_project().id, request.id).datasets};
    });
}

void add_operations(api::Api& api, Service& service) {
    add_import_operations(api, service);
    api.handle(
        list_experiments, [&service](const api::Context& context, const ListExperiments& request) {
            auto page = service.search_experiments(
                context.in_project().id, {.results_max = api::check_page_size(request.page_size),
                                          .page_token = request.page_token});
            service.count_runs(page.items);
            return page;
        });
    api.handle(list_runs, [&service](const api::Context& context, const ListRuns& request) {
        Search search{.filter = request.filter,
                      .results_max = api::check_page_size(request.page_size),
                      .page_token = request.page_token};
        if (!request.order_by.empty()) search.order_by.push_back(request.order_by);
        const std::string& project = context.in_project().id;
        return service.search_runs(
            project, chosen_experiments(service, project, request.experiment), search);
    });
    api.handle(get_run, [&service](const api::Context& context, const NameRun& request) {
        return service.get_run(context.in_project().id, request.id);
    });
    api.handle(delete_run, [&service](const api::Context& context, const NameRun& request) {
        service.set_run_deleted(context.in_project().id, request.id, true);
    });
    api.handle(restore_run, [&service](const api::Context& context, const NameRun& request) {
        service.set_run_deleted(context.in_project().id, request.id, false);
        return service.get_run(context.in_project().id, request.id);
    });
    api.handle(remove_run, [&service](const api::Context& context, const NameRun& request) {
        service.remove_run(context.in_project().id, request.id);
    });
    api.handle(read_metric, [&service](const api::Context& context, const ReadMetric& request) {
        return service.metric_history(context.in_project().id, request.id, request.key,
                                      request.points);
    });
    api.handle(list_artifacts,
               [&service](const api::Context& context, const ListArtifacts& request) {
                   const std::string& project = context.in_project().id;
                   auto page = service.artifact_page(
                       project, artifact_path(service, project, request.id, request.path),
                       api::check_page_size(request.page_size, 1000, 10'000), request.page_token);
                   for (auto& item : page.items)
                       if (!request.path.empty()) item.path = request.path + "/" + item.path;
                   return page;
               });
    api.handle(read_artifact, [&service](const api::Context& context, const NameArtifact& request) {
        if (request.path.empty()) fail_field("path", "is required");
        const std::string& project = context.in_project().id;
        return service.artifact_response(
            service.find_artifact(project,
                                  artifact_path(service, project, request.id, request.path)),
            request.scripts);
    });
    add_table_operations(api, service);
}

}  // namespace maru::tracking
