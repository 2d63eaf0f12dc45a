#include "compute/operations.hpp"

#include "compute/service.hpp"

namespace maru::compute {
namespace {

Submission submission_of(const api::Context& context, const CreateJob& request) {
    Submission submission;
    submission.project = context.in_project();
    submission.user = context.user;
    submission.name = request.name;
    submission.command = request.command;
    submission.environment = request.environment;
    submission.code = request.code;
    submission.resources = request.resources;
    submission.retries = request.retries;
    submission.time_limit_s = request.time_limit_s;
    submission.stop_grace_s = request.stop_grace_s;
    submission.variables = request.variables;
    submission.parameters = request.parameters;
    submission.tags = request.tags;
    submission.experiment = request.experiment;
    return submission;
}

}  // namespace

void add_operations(api::Api& api, Service& service) {
    api.handle(create_job, [&](const api::Context& context, const CreateJob& request) {
        return service.submit(submission_of(context, request)).job;
    });
    api.handle(list_jobs, [&](const api::Context& context, const ListJobs& request) {
        return service.list(context.in_project().id, request);
    });
    api.handle(get_job, [&](const api::Context& context, const NameJob& request) {
        return service.get(context.in_project().id, request.id).job;
    });
    api.handle(stop_job, [&](const api::Context& context, const NameJob& request) {
        return service.stop_workload(context.in_project().id, request.id,
                                     "stopped by " + context.user);
    });
    api.handle(retry_job, [&](const api::Context& context, const NameJob& request) {
        return service.retry(context.in_project(), request.id, context.user);
    });
    api.handle(delete_job, [&](const api::Context& context, const NameJob& request) {
        service.remove(context.in_project().id, request.id);
    });
    api.handle(why_job, [&](const api::Context& context, const NameJob& request) {
        return service.why(context.in_project().id, request.id);
    });
    api.handle(job_usage, [&](const api::Context& context, const NameJob& request) {
        return service.usage(context.in_project().id, request.id);
    });
    api.handle(list_job_events, [&](const api::Context& context, const ListJobEvents& request) {
        return service.events(context.in_project().id, request);
    });
    api.handle(read_job_log, [&](const api::Context& context, const ReadJobLog& request) {
        return service.read_log(context.in_project().id, request,
                                context.request->headers.get("Last-Event-ID"));
    });
    api.handle(follow_events, [&](const api::Context& context, const FollowEvents& request) {
        return service.follow_events(context.in_project().id, request,
                                     context.request->headers.get("Last-Event-ID"));
    });
    api.handle(get_status,
               [&](const api::Context&, const api::Nothing&) { return service.status(); });
}

}  // namespace maru::compute
