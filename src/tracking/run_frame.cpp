#include "tracking/run_frame.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace maru::tracking {

using search::Comparator;
using search::Comparison;
using search::Statement;
using search::Subject;

std::string_view run_attribute_column(std::string_view attribute) {
    if (attribute == "run_id") return "r.id";
    if (attribute == "run_name") return "r.name";
    if (attribute == "user_id") return "r.user_name";
    if (attribute == "status") return "r.status";
    if (attribute == "artifact_uri") return "r.artifact_uri";
    if (attribute == "experiment_id") return "CAST(e.id AS TEXT)";
    if (attribute == "job_id") return "r.job_id";
    if (attribute == "start_time") return "r.started_at";
    return "r.ended_at";
}

namespace {

bool is_time(std::string_view attribute) {
    return attribute == "start_time" || attribute == "end_time";
}

std::string_view table_of(Subject subject) {
    return subject == Subject::tag ? "tracking_tags" : "tracking_parameters";
}

constexpr std::string_view kRuns =
    " FROM tracking_runs r JOIN tracking_experiments e ON e.number = r.experiment WHERE "
    "r.experiment IN ";

void append_dataset_query(Statement& statement, const Comparison& comparison,
                          std::int64_t experiment) {
    bool context = comparison.key == "context";
    statement +=
        "SELECT i.run FROM tracking_datasets d JOIN tracking_dataset_inputs i ON i.dataset = "
        "d.number ";
    if (context)
        statement +=
            "JOIN tracking_dataset_input_tags t ON t.run = i.run AND t.dataset = i.dataset AND "
            "t.key = 'mlflow.data.context' ";
    statement += "WHERE d.experiment = ";
    statement << experiment;
    statement += " AND ";
    search::append_condition(statement,
                             context                    ? "t.value"
                             : comparison.key == "name" ? "d.name"
                                                        : "d.digest",
                             comparison);
}

template <class T>
int order_of(const T& left, const T& right) {
    return left < right ? -1 : right < left ? 1 : 0;
}

int compare_texts(const std::string& left, const std::string& right, TextOrder order) {
    if (order == TextOrder::natural) {
        auto a = number_in(left), b = number_in(right);
        if (a && b && *a != *b) return order_of(*a, *b);
        if (a.has_value() != b.has_value()) return a ? -1 : 1;
    }
    return left.compare(right);
}

}  // namespace

std::optional<double> number_in(std::string_view text) {
    double number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    bool whole = error == std::errc{} && end == text.data() + text.size();
    return whole && std::isfinite(number) ? std::optional(number) : std::nullopt;
}

int compare(const OrderColumn& column, std::size_t left, std::size_t right) {
    const Cell &a = column.cells[left], &b = column.cells[right];
    if (a.kind != b.kind) return order_of(a.kind, b.kind);
    if (a.kind != Cell::Kind::value) return 0;
    int order = order_of(a.number, b.number);
    if (order == 0) order = compare_texts(a.text, b.text, column.texts);
    return column.ascending ? order : -order;
}

RunFrame::RunFrame(sql::Connection& connection, std::vector<std::int64_t> experiments,
                   const std::function<void(Statement&)>& condition, FindKey find_key)
    : connection_(connection),
      experiments_(std::move(experiments)),
      find_key_(std::move(find_key)) {
    Statement statement;
    statement += "SELECT r.number";
    statement += kRuns;
    statement.list(experiments_);
    condition(statement);
    statement += " ORDER BY r.started_at DESC, r.id";
    connection_.query(statement.text(), statement.values(), [&](const sql::Row& row) {
        auto position = static_cast<std::uint32_t>(numbers_.size());
        numbers_.push_back(row.integer(0));
        by_number_.emplace_back(numbers_.back(), position);
    });
    // The newest have the highest numbers, mostly.
    std::reverse(by_number_.begin(), by_number_.end());
    if (!std::is_sorted(by_number_.begin(), by_number_.end()))
        std::sort(by_number_.begin(), by_number_.end());
}

std::optional<std::size_t> RunFrame::position_of(std::int64_t number) const {
    auto found =
        std::lower_bound(by_number_.begin(), by_number_.end(), std::pair(number, std::uint32_t{0}));
    if (found == by_number_.end() || found->first != number) return std::nullopt;
    return found->second;
}

/// Rows whose first column is a run, mostly in the order of the runs' numbers.
void RunFrame::each_row(const Statement& statement,
                        const std::function<void(std::size_t, const sql::Row&)>& visit) const {
    auto next = by_number_.begin();
    connection_.query(statement.text(), statement.values(), [&](const sql::Row& row) {
        std::int64_t number = row.integer(0);
        if (next != by_number_.end() && next->first < number) ++next;
        if (next == by_number_.end() || next->first != number)
            next = std::lower_bound(by_number_.begin(), by_number_.end(),
                                    std::pair(number, std::uint32_t{0}));
        if (next != by_number_.end() && next->first == number) visit(next->second, row);
    });
}

void RunFrame::mark(const Statement& statement, std::vector<char>& marked) const {
    each_row(statement, [&](std::size_t position, const sql::Row&) { marked[position] = 1; });
}

void RunFrame::keep_matching(std::vector<char>& kept, const Comparison& comparison) const {
    bool inverted = comparison.comparator == Comparator::is_null;
    std::vector<char> marked(size(), 0);
    for (auto experiment : experiments_) {
        Statement statement;
        if (comparison.subject == Subject::dataset) {
            append_dataset_query(statement, comparison, experiment);
            mark(statement, marked);
            continue;
        }
        bool metric = comparison.subject == Subject::metric;
        statement += "SELECT k.run FROM ";
        statement += metric ? "tracking_latest" : table_of(comparison.subject);
        statement += " k WHERE k.experiment = ";
        statement << experiment;
        statement += " AND k.key = ";
        if (metric)
            statement << find_key_(comparison.key);
        else
            statement << comparison.key;
        if (!inverted && comparison.comparator != Comparator::is_not_null) {
            statement += " AND (";
            search::append_condition(statement, "k.value", comparison);
            // NaN is not equal to any number, and neither less nor greater.
            if (metric)
                statement += comparison.comparator == Comparator::not_equal ? " OR k.is_nan = 1"
                                                                            : ") AND (k.is_nan = 0";
            statement += ")";
        }
        statement += " ORDER BY k.run";
        mark(statement, marked);
    }
    for (std::size_t i = 0; i < kept.size(); ++i)
        if ((marked[i] != 0) == inverted) kept[i] = 0;
}

void RunFrame::each_text(Subject subject, const std::string& key,
                         const std::function<void(std::size_t, std::string_view)>& visit) const {
    for (auto experiment : experiments_) {
        Statement statement;
        statement += "SELECT run, value FROM ";
        statement += table_of(subject);
        statement += " WHERE experiment = ";
        statement << experiment;
        statement += " AND key = ";
        statement << key;
        statement += " ORDER BY run";
        each_row(statement,
                 [&](std::size_t position, const sql::Row& row) { visit(position, row.text(1)); });
    }
}

Cells RunFrame::column(Subject subject, const std::string& key) const {
    Cells cells(size());
    if (subject == Subject::parameter || subject == Subject::tag) {
        each_text(subject, key, [&](std::size_t position, std::string_view text) {
            cells[position].kind = Cell::Kind::value;
            cells[position].text = text;
        });
        return cells;
    }
    if (subject == Subject::attribute) {
        Statement statement;
        statement += "SELECT r.number, ";
        statement += run_attribute_column(key);
        statement += kRuns;
        statement.list(experiments_);
        bool number = is_time(key);
        each_row(statement, [&](std::size_t position, const sql::Row& row) {
            if (row.is_null(1)) return;
            cells[position].kind = Cell::Kind::value;
            if (number)
                cells[position].number = static_cast<double>(row.integer(1));
            else
                cells[position].text = row.text(1);
        });
        return cells;
    }
    for (auto experiment : experiments_) {
        Statement statement;
        statement += "SELECT run, value, is_nan FROM tracking_latest WHERE experiment = ";
        statement << experiment;
        statement += " AND key = ";
        statement << find_key_(key);
        statement += " ORDER BY run";
        each_row(statement, [&](std::size_t position, const sql::Row& row) {
            cells[position].kind = row.boolean(2) ? Cell::Kind::not_a_number : Cell::Kind::value;
            cells[position].number = row.real(1);
        });
    }
    return cells;
}

}  // namespace maru::tracking
