#pragma once

#include "api/operation.hpp"
#include "traces/types.hpp"

namespace maru::traces {

struct ListTraces {
    std::string project, experiment, filter, order_by, page_token;
    std::int64_t page_size = 0;
};
BOOST_DESCRIBE_STRUCT(ListTraces, (),
                      (project, experiment, filter, order_by, page_token, page_size))
MARU_REQUIRED(ListTraces, "experiment")
inline constexpr api::Operation<ListTraces, api::Page<Trace>> list_traces{
    .id = "traces.list",
    .method = api::Method::get,
    .path = "/projects/{project}/traces",
    .summary =
        "List the traces of an experiment, the newest first; experiment is an id or a name, filter "
        "is in MLflow's grammar (\"trace.status = 'ERROR' and span.type = 'LLM'\"), order_by a "
        "field of it. A page may be short and yet have a next one",
    .permission = api::Permission::tracking_read};

struct NameTrace {
    std::string project, id;
};
BOOST_DESCRIBE_STRUCT(NameTrace, (), (project, id))
inline constexpr api::Operation<NameTrace, TraceDetail> get_trace{
    .id = "traces.get",
    .method = api::Method::get,
    .path = "/projects/{project}/traces/{id}",
    .summary = "Show one trace with its spans",
    .permission = api::Permission::tracking_read};
inline constexpr api::Operation<NameTrace, api::Nothing> delete_trace{
    .id = "traces.delete",
    .method = api::Method::delete_,
    .path = "/projects/{project}/traces/{id}",
    .summary = "Delete a trace with its spans and assessments",
    .permission = api::Permission::tracking_write};

struct SetTraceTag {
    std::string project, id, key, value;
};
BOOST_DESCRIBE_STRUCT(SetTraceTag, (), (project, id, key, value))
MARU_REQUIRED(SetTraceTag, "value")
inline constexpr api::Operation<SetTraceTag, Trace> set_trace_tag{
    .id = "traces.set_tag",
    .method = api::Method::put,
    .path = "/projects/{project}/traces/{id}/tags/{key}",
    .summary = "Set a tag of a trace",
    .permission = api::Permission::tracking_write};

struct NameTraceTag {
    std::string project, id, key;
};
BOOST_DESCRIBE_STRUCT(NameTraceTag, (), (project, id, key))
inline constexpr api::Operation<NameTraceTag, api::Nothing> delete_trace_tag{
    .id = "traces.delete_tag",
    .method = api::Method::delete_,
    .path = "/projects/{project}/traces/{id}/tags/{key}",
    .summary = "Remove a tag of a trace",
    .permission = api::Permission::tracking_write};

struct AddAssessment {
    std::string project, id, name;
    AssessmentKind kind = AssessmentKind::feedback;
    Json value;
    std::string rationale, span_id;
};
BOOST_DESCRIBE_STRUCT(AddAssessment, (), (project, id, name, kind, value, rationale, span_id))
MARU_REQUIRED(AddAssessment, "name", "value")
inline constexpr api::Operation<AddAssessment, Assessment> add_assessment{
    .id = "traces.assess",
    .method = api::Method::post,
    .path = "/projects/{project}/traces/{id}/assessments",
    .summary =
        "Say what you think of a trace, or of one of its spans: a feedback, or what had been "
        "expected",
    .permission = api::Permission::tracking_write};

struct NameAssessment {
    std::string project, id, assessment;
};
BOOST_DESCRIBE_STRUCT(NameAssessment, (), (project, id, assessment))
inline constexpr api::Operation<NameAssessment, api::Nothing> delete_assessment{
    .id = "traces.delete_assessment",
    .method = api::Method::delete_,
    .path = "/projects/{project}/traces/{id}/assessments/{assessment}",
    .summary = "Delete an assessment of a trace",
    .permission = api::Permission::tracking_write};

}  // namespace maru::traces
