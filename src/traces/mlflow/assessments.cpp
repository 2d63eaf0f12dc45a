#include "base/error.hpp"
#include "base/text.hpp"
#include "traces/mlflow/routes.hpp"

namespace maru::traces::mlflow {
namespace {

using api::Context;
using api::PathParameters;
using api::Permission;
using tracking::mlflow::answer;
using tracking::mlflow::empty_answer;

const std::string& trace_of(const PathParameters& parameters) {
    return parameters.find("trace_id")->second;
}
const std::string& id_of(const PathParameters& parameters) {
    return parameters.find("assessment_id")->second;
}

Message assessment_in(const Message& message) {
    auto assessment = message.object("assessment");
    if (!assessment)
        fail(ErrorCode::invalid_argument,
             "Missing value for required parameter 'assessment'. See the API docs for more "
             "information about request parameters.");
    return *assessment;
}

net::Response answer_assessment(const Assessment& assessment, const std::string& trace_id) {
    JsonWriter writer;
    writer.begin_object().key("assessment");
    write_assessment(writer, assessment, trace_id);
    writer.end_object();
    return answer(writer);
}

/// What google.protobuf.FieldMask, "feedback,metadata", says that is to be changed.
AssessmentChange change_of(const Message& message) {
    Message assessment = assessment_in(message);
    AssessmentChange change;
    std::string mask = message.required_text("update_mask");
    for (auto path : split(mask, ',')) {
        auto name = trim(path);
        if (name == "assessment_name" || name == "assessmentName")
            change.name = assessment.text("assessment_name");
        if (name == "rationale") change.rationale = assessment.text("rationale");
        if (name == "metadata") change.metadata = assessment.text_map("metadata");
        if (name == "valid") change.valid = assessment.flag("valid", false);
        if (name != "feedback" && name != "expectation" && name != "issue") continue;
        auto value = read_assessment_value(assessment);
        if (!value || enum_name(value->kind) != name)
            fail(ErrorCode::invalid_argument,
                 "Missing value for required parameter 'assessment.{}'.", name);
        change.kind = value->kind;
        change.value = value->value;
        change.error = value->error;
    }
    return change;
}

}  // namespace

void add_assessment_routes(api::Api& api, Service& service) {
    constexpr auto kRead = Permission::tracking_read, kWrite = Permission::tracking_write;
    add(api, service, "3.0", "POST", "/mlflow/traces/{trace_id}/assessments", kWrite,
        [](Service& s, const Context& context, const Message& message, const PathParameters& path) {
            return answer_assessment(s.create_assessment(context.in_project().id, trace_of(path),
                                                         read_assessment(assessment_in(message))),
                                     trace_of(path));
        });
    constexpr std::string_view kOne = "/mlflow/traces/{trace_id}/assessments/{assessment_id}";
    add(api, service, "3.0", "GET", kOne, kRead,
        [](Service& s, const Context& context, const Message&, const PathParameters& path) {
            return answer_assessment(
                s.get_assessment(context.in_project().id, trace_of(path), id_of(path)),
                trace_of(path));
        });
    add(api, service, "3.0", "PATCH", kOne, kWrite,
        [](Service& s, const Context& context, const Message& message, const PathParameters& path) {
            return answer_assessment(s.update_assessment(context.in_project().id, trace_of(path),
                                                         id_of(path), change_of(message)),
                                     trace_of(path));
        });
    add(api, service, "3.0", "DELETE", kOne, kWrite,
        [](Service& s, const Context& context, const Message&, const PathParameters& path) {
            s.delete_assessment(context.in_project().id, trace_of(path), id_of(path));
            return empty_answer();
        });
}

}  // namespace maru::traces::mlflow
