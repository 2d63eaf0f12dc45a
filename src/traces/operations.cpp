#include "traces/operations.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "traces/service.hpp"

namespace maru::traces {
namespace {

std::string experiment_id_of(tracking::Service& tracking, std::string_view project_id,
                             const std::string& experiment) {
    // Ids first, as in tracking.
    if (tracking.has_experiment(project_id, experiment))
        return tracking.get_experiment(project_id, experiment).id;
    if (auto found = tracking.find_experiment(project_id, experiment)) return found->id;
    fail(ErrorCode::not_found, "experiment \"{}\" does not exist", experiment);
}

TraceDetail detail_of(Service& service, std::string_view project_id, const std::string& id) {
    TraceDetail detail{service.get_trace(project_id, id), {}};
    auto found = service.read_spans(project_id, detail.trace);
    if (!found || found->empty()) return detail;
    std::int64_t origin =
        std::ranges::min_element(*found, {}, &spans::Span::started_ns)->started_ns;
    spans::sort_as_tree(*found);
    for (const auto& span : *found) detail.spans.push_back(spans::to_resource(span, origin));
    return detail;
}

Assessment assessment_of(const AddAssessment& request, const std::string& user) {
    Assessment assessment{.name = request.name,
                          .kind = request.kind,
                          .value = request.value,
                          .source_type = AssessmentSource::HUMAN,
                          .source_id = user};
    if (request.kind == AssessmentKind::issue)
        fail_field("kind", "is \"issue\"; expected \"feedback\" or \"expectation\"");
    if (!request.rationale.empty()) assessment.rationale = request.rationale;
    if (!request.span_id.empty()) assessment.span_id = request.span_id;
    return assessment;
}

}  // namespace

void add_operations(api::Api& api, Service& service, tracking::Service& tracking) {
    api.handle(list_traces,
               [&service, &tracking](const api::Context& context, const ListTraces& request) {
                   const std::string& project = context.in_project().id;
                   TraceSearch search{.filter = request.filter,
                                      .results_max = api::check_page_size(request.page_size),
                                      .page_token = request.page_token};
                   if (!request.order_by.empty()) search.order_by.push_back(request.order_by);
                   return service.search(
                       project, {experiment_id_of(tracking, project, request.experiment)}, search);
               });
    api.handle(get_trace, [&service](const api::Context& context, const NameTrace& request) {
        return detail_of(service, context.in_project().id, request.id);
    });
    api.handle(delete_trace, [&service](const api::Context& context, const NameTrace& request) {
        service.delete_trace(context.in_project().id, request.id);
    });
    api.handle(set_trace_tag, [&service](const api::Context& context, const SetTraceTag& request) {
        service.set_tag(context.in_project().id, request.id, request.key, request.value);
        return service.get_trace(context.in_project().id, request.id);
    });
    api.handle(delete_trace_tag,
               [&service](const api::Context& context, const NameTraceTag& request) {
                   service.delete_tag(context.in_project().id, request.id, request.key);
               });
    api.handle(add_assessment,
               [&service](const api::Context& context, const AddAssessment& request) {
                   return service.create_assessment(context.in_project().id, request.id,
                                                    assessment_of(request, context.user));
               });
    api.handle(
        delete_assessment, [&service](const api::Context& context, const NameAssessment& request) {
            service.delete_assessment(context.in_project().id, request.id, request.assessment);
        });
}

}  // namespace maru::traces
