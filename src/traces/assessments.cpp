#include <boost/json/value.hpp>
#include <cmath>

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/text.hpp"
#include "traces/rows.hpp"
#include "traces/service.hpp"
#include "traces/spans/json_text.hpp"
#include "tracking/validation.hpp"

namespace maru::traces {
namespace {

constexpr std::size_t kIdCharacters = 50;
constexpr std::size_t kTextCharacters = 250;
constexpr std::size_t kLongBytes = 1 << 20;

struct NumberValue {
    std::optional<double> value;
    bool is_numeric = false;
};

/// What averages are made of: numbers, and yes and no.
NumberValue number_of(const std::string& text) {
    boost::system::error_code error;
    auto value = spans::parse_value(text, error);
    if (error) return {};
    if (value.is_bool()) return {value.get_bool() ? 1.0 : 0.0, false};
    if (value.is_int64()) return {static_cast<double>(value.get_int64()), true};
    if (value.is_double() && std::isfinite(value.get_double())) return {value.get_double(), true};
    if (value.is_string()) {
        auto word = to_lower(trim(spans::view(value.get_string())));
        if (word == "yes") return {1.0, false};
        if (word == "no") return {0.0, false};
    }
    return {};
}

std::string dump_texts(const std::map<std::string, std::string>& texts) {
    boost::json::object object;
    for (const auto& [key, value] : texts) object[key] = value;
    return spans::dump(object);
}

/// The value's JSON in one spelling, by which filters compare it.
std::string normal(const std::string& text) {
    if (text.empty()) return "null";
    boost::system::error_code error;
    auto value = spans::parse_value(text, error);
    if (error)
        fail(ErrorCode::invalid_argument, "The value of an assessment is not valid JSON: {}",
             error.message());
    return spans::dump(value);
}

[[noreturn]] void fail_missing(std::string_view trace_id, std::string_view id) {
    fail(ErrorCode::not_found, "Assessment with ID '{}' not found for trace '{}'", id, trace_id);
}

}  // namespace

void complete_assessment(Assessment& assessment, Time now) {
    if (assessment.name.empty())
        fail(ErrorCode::invalid_argument,
             "Missing value for required parameter 'assessment.assessment_name'.");
    tracking::check_length(assessment.name, kTextCharacters, "assessment_name");
    if (assessment.source_id)
        tracking::check_length(*assessment.source_id, kTextCharacters, "source_id");
    if (assessment.span_id) tracking::check_length(*assessment.span_id, kIdCharacters, "span_id");
    if (assessment.rationale)
        tracking::check_length(*assessment.rationale, kLongBytes, "rationale");
    if (assessment.value.text.size() > kLongBytes)
        fail(ErrorCode::invalid_argument, "The value of an assessment is longer than {} bytes",
             kLongBytes);
    assessment.value.text = normal(assessment.value.text);
    if (assessment.kind == AssessmentKind::expectation && assessment.value.text == "null")
        fail(ErrorCode::invalid_argument, "The `value` field must be specified.");
    if (assessment.id.empty()) assessment.id = "a-" + new_id();
    tracking::check_length(assessment.id, kIdCharacters, "assessment_id");
    if (assessment.created_at == Time{}) assessment.created_at = now;
    if (assessment.updated_at == Time{}) assessment.updated_at = assessment.created_at;
}

void insert_assessment(sql::Connection& connection, std::int64_t trace, std::int64_t experiment,
                       const Assessment& assessment) {
    auto number = number_of(assessment.value.text);
    connection.execute(
        "INSERT INTO trace_assessments (number, trace, id, name, kind, value, number_value, "
        "is_numeric, error, source_type, source_id, rationale, span_id, overrides, metadata, "
        "valid, created_at, updated_at, experiment) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, "
        "$10, $11, $12, $13, $14, $15, $16, $17, $18, $19) ON CONFLICT (trace, id) DO UPDATE SET "
        "name = excluded.name, kind = excluded.kind, value = excluded.value, number_value = "
        "excluded.number_value, is_numeric = excluded.is_numeric, error = excluded.error, "
        "rationale = excluded.rationale, metadata = excluded.metadata, valid = excluded.valid, "
        "updated_at = excluded.updated_at",
        {next_number(connection, "trace_assessments"), trace, assessment.id, assessment.name,
         enum_name(assessment.kind), assessment.value.text, number.value, number.is_numeric,
         assessment.error.text, enum_name(assessment.source_type), assessment.source_id,
         assessment.rationale, assessment.span_id, assessment.overrides,
         dump_texts(assessment.metadata), assessment.valid, assessment.created_at,
         assessment.updated_at, experiment});
}

namespace {

/// The assessment, from the whole trace: there are few of each.
std::pair<TraceRow, Assessment> require_assessment(sql::Connection& connection,
                                                   std::string_view project_id,
                                                   std::string_view trace_id, std::string_view id) {
    auto row = find_row(connection, project_id, trace_id);
    if (!row) fail(ErrorCode::not_found, "Trace with request_id '{}' not found", trace_id);
    for (auto& trace : load_traces(connection, project_id, {row->number}))
        for (auto& assessment : trace.assessments)
            if (assessment.id == id) return {*row, std::move(assessment)};
    fail_missing(trace_id, id);
}

void apply_change(Assessment& assessment, const AssessmentChange& change) {
    if (change.kind && *change.kind != assessment.kind)
        fail(ErrorCode::invalid_argument, "Cannot update {} value on {} assessment.",
             enum_name(*change.kind),
             assessment.kind == AssessmentKind::feedback      ? "a Feedback"
             : assessment.kind == AssessmentKind::expectation ? "an Expectation"
                                                              : "an Issue");
    if (change.kind) {
        assessment.value = change.value;
        assessment.error = change.error;
    }
    if (change.name) assessment.name = *change.name;
    if (change.rationale) assessment.rationale = change.rationale;
    if (change.valid) assessment.valid = *change.valid;
    for (const auto& [key, value] : change.metadata) assessment.metadata[key] = value;
}

}  // namespace

Assessment Service::create_assessment(std::string_view project_id, std::string_view trace_id,
                                      Assessment assessment) {
    complete_assessment(assessment, clock_.now());
    return database_.write([&](sql::Connection& connection) {
        auto row = require_row(connection, project_id, trace_id);
        if (assessment.overrides &&
            connection.execute(
                "UPDATE trace_assessments SET valid = 0 WHERE trace = $1 AND id = $2",
                {row.number, *assessment.overrides}) == 0)
            fail_missing(trace_id, *assessment.overrides);
        insert_assessment(connection, row.number, row.experiment, assessment);
        return assessment;
    });
}

Assessment Service::get_assessment(std::string_view project_id, std::string_view trace_id,
                                   std::string_view id) {
    return database_.read([&](sql::Connection& connection) {
        return require_assessment(connection, project_id, trace_id, id).second;
    });
}

Assessment Service::update_assessment(std::string_view project_id, std::string_view trace_id,
                                      std::string_view id, const AssessmentChange& change) {
    return database_.write([&](sql::Connection& connection) {
        auto [row, assessment] = require_assessment(connection, project_id, trace_id, id);
        apply_change(assessment, change);
        assessment.updated_at = clock_.now();
        complete_assessment(assessment, clock_.now());
        insert_assessment(connection, row.number, row.experiment, assessment);
        return assessment;
    });
}

void Service::delete_assessment(std::string_view project_id, std::string_view trace_id,
                                std::string_view id) {
    database_.write([&](sql::Connection& connection) {
        auto row = require_row(connection, project_id, trace_id);
        connection.execute(
            "UPDATE trace_assessments SET valid = 1 WHERE trace = $1 AND id = (SELECT overrides "
            "FROM trace_assessments WHERE trace = $1 AND id = $2)",
            {row.number, id});
        connection.execute("DELETE FROM trace_assessments WHERE trace = $1 AND id = $2",
                           {row.number, id});
    });
}

}  // namespace maru::traces
