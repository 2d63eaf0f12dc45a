#include "traces/search/statement.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.hpp"
#include "traces/search/match.hpp"

namespace maru::traces::search {
namespace {

using tracking::search::to_value;

/// "t.number IN (SELECT trace FROM TABLE WHERE experiment IN (...) AND ", to be closed with ")".
/// The set is made once, by an index, so that a value that few traces have is found as quickly as
/// one that all have.
void begin_set(Statement& statement, std::string_view table,
               const std::vector<std::int64_t>& experiments, bool negated = false) {
    statement +=
        negated ? "t.number NOT IN (SELECT k.trace FROM " : "t.number IN (SELECT k.trace FROM ";
    statement += table;
    statement += " k WHERE k.experiment IN ";
    statement.list(experiments);
    statement += " AND ";
}

void append_keyed(Statement& statement, std::string_view table, const Condition& condition,
                  const std::vector<std::int64_t>& experiments) {
    begin_set(statement, table, experiments, condition.comparator == Comparator::is_null);
    statement += "k.key = ";
    statement << condition.key;
    if (!takes_nothing(condition.comparator)) {
        statement += " AND ";
        append_condition(statement, "k.value", condition);
    }
    statement += ")";
}

constexpr std::string_view kRunKey = "mlflow.sourceRun";

void append_run(Statement& statement, Condition condition,
                const std::vector<std::int64_t>& experiments) {
    condition.key = kRunKey;
    if (condition.comparator != Comparator::equal) {
        append_keyed(statement, "trace_metadata", condition, experiments);
        return;
    }
    // The run that a trace was made in, or one that it was linked to.
    statement += "(";
    append_keyed(statement, "trace_metadata", condition, experiments);
    statement +=
        " OR t.id IN (SELECT l.trace_id FROM trace_runs l WHERE l.project_id = t.project_id AND "
        "l.run_id = ";
    statement << to_value(condition.value);
    statement += "))";
}

void append_assessment(Statement& statement, const Condition& condition,
                       const std::vector<std::int64_t>& experiments) {
    begin_set(statement, "trace_assessments", experiments,
              condition.comparator == Comparator::is_null);
    statement += "k.kind = ";
    statement << std::string(condition.subject == Subject::feedback ? "feedback" : "expectation");
    statement += " AND k.name = ";
    statement << condition.key;
    statement += " AND k.valid = 1";
    switch (condition.comparator) {
        case Comparator::is_null:
        case Comparator::is_not_null:
            break;
        case Comparator::less:
        case Comparator::less_equal:
        case Comparator::greater:
        case Comparator::greater_equal:
            statement += " AND k.is_numeric = 1 AND ";
            append_condition(statement, "k.number_value", condition);
            break;
        case Comparator::equal:
        case Comparator::not_equal: {
            // A text is kept with its quotes; true and 0.5 are found by 'true' and '0.5'.
            const auto& text = std::get<std::string>(condition.value);
            statement += condition.comparator == Comparator::equal ? " AND k.value IN "
                                                                   : " AND k.value NOT IN ";
            statement.list(std::vector<std::string>{text, json_string(text)});
            break;
        }
        default:
            statement += " AND ";
            append_condition(statement, "k.value", condition);
    }
    statement += ")";
}

std::string_view column_of(Subject subject) {
    switch (subject) {
        case Subject::id:
            return "t.id";
        case Subject::started_at:
            return "t.started_at";
        case Subject::duration:
            return "t.duration_ms";
        case Subject::ended_at:
            return "(t.started_at + COALESCE(t.duration_ms, 0))";
        case Subject::state:
            return "t.state";
        case Subject::client_request_id:
            return "t.client_request_id";
        case Subject::experiment:
            return "t.experiment";
        default:
            return "t.name";
    }
}

std::string_view span_column(Subject subject) {
    return subject == Subject::span_name   ? "k.name"
           : subject == Subject::span_type ? "k.type"
                                           : "k.status";
}

}  // namespace

void append_condition(Statement& statement, const Condition& condition,
                      const std::vector<std::int64_t>& experiments) {
    switch (condition.subject) {
        case Subject::tag:
        case Subject::metadata:
            statement += " AND ";
            append_keyed(statement,
                         condition.subject == Subject::tag ? "trace_tags" : "trace_metadata",
                         condition, experiments);
            return;
        case Subject::run:
            statement += " AND ";
            append_run(statement, condition, experiments);
            return;
        case Subject::prompt:
            statement += " AND ";
            begin_set(statement, "trace_prompts", experiments);
            statement += "k.prompt = ";
            statement << to_value(condition.value);
            statement += ")";
            return;
        case Subject::issue:
            statement += " AND ";
            begin_set(statement, "trace_assessments", experiments);
            statement += "k.kind = 'issue' AND k.name = ";
            statement << to_value(condition.value);
            statement += ")";
            return;
        case Subject::feedback:
        case Subject::expectation:
            statement += " AND ";
            append_assessment(statement, condition, experiments);
            return;
        default:
            if (is_span(condition.subject)) return;  // append_span_conditions
            statement += " AND ";
            append_condition(statement, column_of(condition.subject), condition);
    }
}

void append_span_conditions(Statement& statement, const std::vector<Condition>& conditions,
                            const std::vector<std::int64_t>& experiments) {
    auto by_column = [](const Condition& condition) {
        return is_span(condition.subject) && condition.subject < Subject::span_attribute;
    };
    if (std::ranges::none_of(conditions, by_column)) return;
    // One span must meet them all.
    statement += " AND ";
    begin_set(statement, "trace_spans", experiments);
    std::string_view separator;
    for (const auto& condition : conditions) {
        if (!by_column(condition)) continue;
        statement += separator;
        append_condition(statement, span_column(condition.subject), condition);
        separator = " AND ";
    }
    statement += ")";
}

void append_order_joins(Statement& statement, const std::vector<Order>& orders) {
    int number = 0;
    for (const auto& order : orders) {
        bool tag = order.subject == Subject::tag;
        if (!tag && order.subject != Subject::metadata && order.subject != Subject::run) continue;
        statement += fmt::format(" LEFT JOIN {} o{} ON o{}.trace = t.number AND o{}.key = ",
                                 tag ? "trace_tags" : "trace_metadata", number, number, number);
        statement << (order.subject == Subject::run ? std::string(kRunKey) : order.key);
        ++number;
    }
}

void append_order(Statement& statement, const std::vector<Order>& orders) {
    statement += " ORDER BY ";
    bool by_time = false, by_id = false;
    int number = 0;
    for (const auto& order : orders) {
        bool joined = order.subject == Subject::tag || order.subject == Subject::metadata ||
                      order.subject == Subject::run;
        std::string column =
            joined ? fmt::format("o{}.value", number++) : std::string(column_of(order.subject));
        bool may_be_null =
            joined || order.subject == Subject::name || order.subject == Subject::duration;
        // Those without a value are last in both directions.
        if (may_be_null) statement += column + " IS NULL, ";
        statement += column + (order.ascending ? " ASC, " : " DESC, ");
        by_time = by_time || order.subject == Subject::started_at;
        by_id = by_id || order.subject == Subject::id;
    }
    if (!by_time) statement += by_id ? "t.started_at DESC" : "t.started_at DESC, ";
    if (!by_id) statement += "t.id ASC";
    if (by_time && by_id) statement += "t.number";
}

}  // namespace maru::traces::search
