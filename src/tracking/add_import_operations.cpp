#include "tracking/import_operations.hpp"
#include "tracking/service.hpp"

namespace maru::tracking {

void add_import_operations(api::Api& api, Service& service) {
    api.handle(import_experiment,
               [&service](const api::Context& context, const ImportExperiment& request) {
                   return service.import_experiment(context.in_project().id, request);
               });
    api.handle(import_runs, [&service](const api::Context& context, const ImportRuns& request) {
        return service.import_runs(context.in_project().id, request);
    });
    api.handle(import_metrics,
               [&service](const api::Context& context, const ImportMetrics& request) {
                   service.import_metrics(context.in_project().id, request);
               });
    api.handle(import_logged_models,
               [&service](const api::Context& context, const ImportLoggedModels& request) {
                   return service.import_logged_models(context.in_project().id, request);
               });
    api.handle(mark_imported, [&service](const api::Context& context, const ImportMarks& request) {
        service.mark_imported(context.in_project().id, request);
    });
    api.handle(find_import_marks,
               [&service](const api::Context& context, const FindMarks& request) {
                   return service.find_import_marks(context.in_project().id, request);
               });
}

}  // namespace maru::tracking
