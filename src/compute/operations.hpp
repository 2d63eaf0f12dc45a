#pragma once

#include "api/operation.hpp"
#include "compute/types.hpp"

namespace maru::compute {

struct CreateJob {
    std::string project, name;
    std::vector<std::string> command;
    std::optional<std::string> environment, code;
    Resources resources;
    std::int32_t retries = 0;
    std::optional<std::int64_t> time_limit_s;
    std::int64_t stop_grace_s = 10;
    std::map<std::string, std::string> variables, parameters;
    std::map<std::string, std::string> tags;  // of its run
    std::optional<std::string> experiment;
};
BOOST_DESCRIBE_STRUCT(CreateJob, (),
                      (project, name, command, environment, code, resources, retries, time_limit_s,
                       stop_grace_s, variables, parameters, tags, experiment))
MARU_REQUIRED(CreateJob, "command")

inline constexpr api::Operation<CreateJob, Job> create_job{
    .id = "jobs.create",
    .method = api::Method::post,
    .path = "/projects/{project}/jobs",
    .summary = "Queue a job",
    .permission = api::Permission::jobs_write};

struct ListJobs {
    std::string project, state = "all", kind = "job", page_token;
    std::int64_t page_size = 0;
};
BOOST_DESCRIBE_STRUCT(ListJobs, (), (project, state, kind, page_token, page_size))

inline constexpr api::Operation<ListJobs, api::Page<Job>> list_jobs{
    .id = "jobs.list",
    .method = api::Method::get,
    .path = "/projects/{project}/jobs",
    .summary =
        "List jobs, the newest first; state is all, active, or one state; kind is a kind or all",
    .permission = api::Permission::jobs_read};

struct NameJob {
    std::string project, id;
};
BOOST_DESCRIBE_STRUCT(NameJob, (), (project, id))

inline constexpr api::Operation<NameJob, Job> get_job{.id = "jobs.get",
                                                      .method = api::Method::get,
                                                      .path = "/projects/{project}/jobs/{id}",
                                                      .summary = "Show one job",
                                                      .permission = api::Permission::jobs_read};
inline constexpr api::Operation<NameJob, Job> stop_job{
    .id = "jobs.stop",
    .method = api::Method::post,
    .path = "/projects/{project}/jobs/{id}/stop",
    .summary = "Ask a job to end, and kill it after its grace",
    .permission = api::Permission::jobs_write};
inline constexpr api::Operation<NameJob, Job> retry_job{
    .id = "jobs.retry",
    .method = api::Method::post,
    .path = "/projects/{project}/jobs/{id}/retry",
    .summary = "Queue a new job like this one",
    .permission = api::Permission::jobs_write};
inline constexpr api::Operation<NameJob, api::Nothing> delete_job{
    .id = "jobs.delete",
    .method = api::Method::delete_,
    .path = "/projects/{project}/jobs/{id}",
    .summary = "Delete a job that has ended, with its events, log and files; its run stays",
    .permission = api::Permission::jobs_write};
inline constexpr api::Operation<NameJob, Waiting> why_job{
    .id = "jobs.why",
    .method = api::Method::get,
    .path = "/projects/{project}/jobs/{id}/why",
    .summary = "Say why a job waits",
    .permission = api::Permission::jobs_read};
inline constexpr api::Operation<NameJob, UsageHistory> job_usage{
    .id = "jobs.usage",
    .method = api::Method::get,
    .path = "/projects/{project}/jobs/{id}/usage",
    .summary = "Show what a job used over time",
    .permission = api::Permission::jobs_read};

struct ListJobEvents {
    std::string project, id, page_token;
    std::int64_t page_size = 0;
};
BOOST_DESCRIBE_STRUCT(ListJobEvents, (), (project, id, page_token, page_size))
inline constexpr api::Operation<ListJobEvents, api::Page<Event>> list_job_events{
    .id = "jobs.events",
    .method = api::Method::get,
    .path = "/projects/{project}/jobs/{id}/events",
    .summary = "List the transitions of a job, the oldest first",
    .permission = api::Permission::jobs_read};

struct ReadJobLog {
    std::string project, id;
    std::int32_t replica = 0;
    bool follow = false;
    std::int64_t offset = 0;
};
BOOST_DESCRIBE_STRUCT(ReadJobLog, (), (project, id, replica, follow, offset))
inline constexpr api::Operation<ReadJobLog, api::Raw> read_job_log{
    .id = "jobs.logs",
    .method = api::Method::get,
    .path = "/projects/{project}/jobs/{id}/logs",
    .summary = "Read a replica's output as text, or follow it as server-sent events (log, end)",
    .permission = api::Permission::jobs_read,
    .media_type = "text/event-stream"};

struct FollowEvents {
    std::string project;
    bool follow = true;
    std::int64_t after = -1;  // event number; negative: only what comes
};
BOOST_DESCRIBE_STRUCT(FollowEvents, (), (project, follow, after))
inline constexpr api::Operation<FollowEvents, api::Raw> follow_events{
    .id = "events.follow",
    .method = api::Method::get,
    .path = "/projects/{project}/events",
    .summary = "Follow every transition in a project; resume with Last-Event-ID",
    .permission = api::Permission::jobs_read,
    .media_type = "text/event-stream"};

inline constexpr api::Operation<api::Nothing, Status> get_status{
    .id = "status.get",
    .method = api::Method::get,
    .path = "/status",
    .summary = "Show the nodes and what is free on them",
    .permission = api::Permission::signed_in};

}  // namespace maru::compute
