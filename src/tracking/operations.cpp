#include "tracking/operations.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
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
    if (auto found = service.find_experiment(project_id, experiment)) return {found->id};
    if (parse_int(experiment)) return {service.get_experiment(project_id, experiment).id};
    fail(ErrorCode::not_found, "experiment \"{}\" does not exist", experiment);
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

void add_operations(api::Api& api, Service& service) {
    api.handle(
        list_experiments, [&service](const api::Context& context, const ListExperiments& request) {
            return service.search_experiments(
                context.in_project().id, {.results_max = api::check_page_size(request.page_size),
                                          .page_token = request.page_token});
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
    api.handle(read_metric, [&service](const api::Context& context, const ReadMetric& request) {
        return service.metric_history(context.in_project().id, request.id, request.key,
                                      request.points);
    });
    api.handle(list_artifacts,
               [&service](const api::Context& context, const NameArtifact& request) {
                   const std::string& project = context.in_project().id;
                   ArtifactList list{service.list_artifacts(
                       project, artifact_path(service, project, request.id, request.path))};
                   for (auto& item : list.items)
                       if (!request.path.empty()) item.path = request.path + "/" + item.path;
                   return list;
               });
    api.handle(read_artifact, [&service](const api::Context& context, const NameArtifact& request) {
        if (request.path.empty()) fail_field("path", "is required");
        const std::string& project = context.in_project().id;
        return service.artifact_response(service.find_artifact(
            project, artifact_path(service, project, request.id, request.path)));
    });
}

}  // namespace maru::tracking
