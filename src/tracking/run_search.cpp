#include <algorithm>
#include <unordered_map>

#include "base/error.hpp"
#include "base/text.hpp"
#include "tracking/run_rows.hpp"
#include "tracking/search/conditions.hpp"
#include "tracking/service.hpp"

namespace maru::tracking {
namespace {

using search::Comparator;
using search::Comparison;
using search::Order;
using search::Statement;
using search::Subject;

std::string_view attribute_column(std::string_view attribute) {
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

void append_metric_condition(Statement& statement, const Comparison& comparison, std::int64_t key) {
    statement += " AND EXISTS (SELECT 1 FROM tracking_latest k WHERE k.run = r.number AND k.key = ";
    statement << key;
    // NaN is not equal to any number, and neither less nor greater.
    if (comparison.comparator == Comparator::not_equal) {
        statement += " AND (k.is_nan = 1 OR ";
        search::append_condition(statement, "k.value", comparison);
        statement += "))";
    } else {
        statement += " AND k.is_nan = 0 AND ";
        search::append_condition(statement, "k.value", comparison);
        statement += ")";
    }
}

void append_dataset_condition(Statement& statement, const Comparison& comparison) {
    statement +=
        " AND EXISTS (SELECT 1 FROM tracking_dataset_inputs i JOIN tracking_datasets d ON d.number "
        "= "
        "i.dataset ";
    if (comparison.key == "context")
        statement +=
            "JOIN tracking_dataset_input_tags t ON t.run = i.run AND t.dataset = i.dataset AND "
            "t.key = "
            "'mlflow.data.context' ";
    statement += "WHERE i.run = r.number AND ";
    search::append_condition(statement,
                             comparison.key == "context" ? "t.value"
                             : comparison.key == "name"  ? "d.name"
                                                         : "d.digest",
                             comparison);
    statement += ")";
}

/// The joins, the order's terms and whether it is the natural one.
struct Ordering {
    std::string terms;
    bool natural = true;
};

/// Appends the joins that the order needs (before WHERE); keys of metrics are looked up by
/// `find_key`.
template <class FindKey>
Ordering append_order_joins(Statement& statement, const std::vector<std::string>& clauses,
                            FindKey&& find_key) {
    search::check_terms("order_by", clauses.size());
    Ordering ordering;
    std::vector<Order> seen;
    bool by_start = false;
    for (const auto& clause : clauses) {
        Order order = search::parse_order(clause, search::runs_grammar());
        bool repeated = std::any_of(seen.begin(), seen.end(), [&](const Order& other) {
            return other.subject == order.subject && other.key == order.key;
        });
        if (repeated)
            fail(ErrorCode::invalid_argument, "`order_by` contains duplicate fields: {}", clause);
        std::string alias = "o" + std::to_string(seen.size());
        seen.push_back(order);
        std::string column, last = "CASE WHEN {} IS NULL THEN 1 ELSE 0 END, ";
        if (order.subject == Subject::attribute) {
            column = attribute_column(order.key);
            by_start = by_start || order.key == "start_time";
        } else {
            column = alias + ".value";
            statement += order.subject == Subject::metric      ? " LEFT JOIN tracking_latest "
                         : order.subject == Subject::parameter ? " LEFT JOIN tracking_parameters "
                                                               : " LEFT JOIN tracking_tags ";
            statement += alias + " ON " + alias + ".run = r.number AND " + alias + ".key = ";
            if (order.subject == Subject::metric) {
                statement << find_key(order.key);
                last =
                    "CASE WHEN " + alias + ".is_nan = 1 THEN 1 WHEN {} IS NULL THEN 2 ELSE 0 END, ";
            } else {
                statement << order.key;
            }
        }
        ordering.terms += fmt::format(fmt::runtime(last), column) + column +
                          (order.ascending ? " ASC, " : " DESC, ");
        ordering.natural = false;
    }
    ordering.terms += by_start ? "r.id" : "r.started_at DESC, r.id";
    return ordering;
}

/// Calls `load(first, last)` for slices of the runs, small enough for a statement's parameters,
/// padded by the caller to one size so that one prepared statement serves all.
constexpr std::size_t kSlice = 50;

template <class Visit>
void for_each_row(sql::Connection& connection, const std::vector<Run>& runs,
                  std::string_view select, std::string_view order, Visit&& visit) {
    Statement statement;
    std::string text(select);
    text += "(";
    for (std::size_t i = 1; i <= kSlice; ++i) text += (i > 1 ? ", $" : "$") + std::to_string(i);
    text += ")";
    text += order;
    for (std::size_t from = 0; from < runs.size(); from += kSlice) {
        std::vector<sql::Value> numbers;
        for (std::size_t i = from; i < from + kSlice; ++i)
            numbers.emplace_back(i < runs.size() ? runs[i].number : -1);
        connection.query(text, numbers, visit);
    }
}

/// Position of the run after which the next page begins, in the natural order.
struct Position {
    std::int64_t started_at = 0;
    std::string id;
};

std::optional<Position> decode_position(std::string_view page_token) {
    if (page_token.empty()) return std::nullopt;
    std::string text = api::decode_page_token(page_token);
    auto colon = text.find(':');
    if (!text.starts_with("after ") || colon == std::string::npos)
        fail(ErrorCode::invalid_argument, "Invalid page token '{}': it is not one of this list",
             page_token);
    auto started_at = parse_int(std::string_view(text).substr(6, colon - 6));
    if (!started_at)
        fail(ErrorCode::invalid_argument, "Invalid page token '{}': it is not one of this list",
             page_token);
    return Position{*started_at, text.substr(colon + 1)};
}

}  // namespace

api::Page<Run> Service::search_runs(std::string_view project_id,
                                    const std::vector<std::string>& experiment_ids,
                                    const Search& search) {
    auto comparisons = search::parse_filter(search.filter, search::runs_grammar());
    ensure_default_experiment(project_id);
    return database_.read([&](sql::Connection& connection) {
        auto experiments = experiment_numbers(connection, project_id, experiment_ids);
        api::Page<Run> page;
        if (experiments.empty()) return page;

        Statement statement;
        statement += "SELECT ";
        statement += kRunColumns;
        statement += " FROM tracking_runs r JOIN tracking_experiments e ON e.number = r.experiment";
        auto ordering = append_order_joins(statement, search.order_by, [&](const std::string& key) {
            return find_key(connection, key);
        });
        statement += " WHERE r.experiment IN ";
        statement.list(experiments);
        if (search.view != View::all)
            statement += search.view == View::active ? " AND r.deleted = 0" : " AND r.deleted = 1";
        for (const auto& comparison : comparisons) {
            if (comparison.subject == Subject::metric) {
                append_metric_condition(statement, comparison,
                                        find_key(connection, comparison.key));
            } else if (comparison.subject == Subject::dataset) {
                append_dataset_condition(statement, comparison);
            } else if (comparison.subject == Subject::attribute) {
                statement += " AND ";
                search::append_condition(statement, attribute_column(comparison.key), comparison);
            } else {
                bool tag = comparison.subject == Subject::tag;
                search::append_keyed_condition(statement,
                                               tag ? "tracking_tags" : "tracking_parameters", "run",
                                               "r.number", comparison);
            }
        }
        std::int64_t offset = 0;
        if (ordering.natural) {
            if (auto after = decode_position(search.page_token)) {
                statement += " AND (r.started_at < ";
                statement << after->started_at;
                statement += " OR (r.started_at = ";
                statement << after->started_at;
                statement += " AND r.id > ";
                statement << after->id;
                statement += "))";
            }
        } else {
            offset = search::decode_offset(search.page_token);
        }
        statement += " ORDER BY " + ordering.terms + " LIMIT ";
        statement << search.results_max + 1;
        if (offset > 0) {
            statement += " OFFSET ";
            statement << offset;
        }
        page.items = connection.all(statement.text(), statement.values(), read_run);
        if (static_cast<std::int64_t>(page.items.size()) > search.results_max) {
            page.items.pop_back();
            if (ordering.natural && !page.items.empty()) {
                const Run& last = page.items.back();
                page.next_page_token = api::encode_page_token(
                    fmt::format("after {}:{}", to_ms(last.started_at), last.id));
            } else {
                page.next_page_token = search::encode_offset(offset + search.results_max);
            }
        }
        load_run_data(connection, page.items);
        return page;
    });
}

void Service::load_run_data(sql::Connection& connection, std::vector<Run>& runs) {
    std::unordered_map<std::int64_t, Run*> by_number;
    for (auto& run : runs) by_number[run.number] = &run;
    auto run_of = [&](const sql::Row& row) -> Run& { return *by_number.at(row.integer(0)); };
    for_each_row(
        connection, runs, "SELECT run, key, value FROM tracking_parameters WHERE run IN ", "",
        [&](const sql::Row& row) { run_of(row).parameters[row.string(1)] = row.string(2); });
    for_each_row(connection, runs, "SELECT run, key, value FROM tracking_tags WHERE run IN ", "",
                 [&](const sql::Row& row) { run_of(row).tags[row.string(1)] = row.string(2); });
    for_each_row(connection, runs,
                 "SELECT m.run, k.key, m.value, m.is_nan, m.step, m.at FROM tracking_latest m JOIN "
                 "tracking_metric_keys k ON k.number = m.key WHERE m.run IN ",
                 "", [&](const sql::Row& row) {
                     double value =
                         row.boolean(3) ? std::numeric_limits<double>::quiet_NaN() : row.real(2);
                     run_of(row).metrics[row.string(1)] = {value, row.integer(4), row.time(5)};
                 });
    std::map<std::pair<std::int64_t, std::int64_t>, std::map<std::string, std::string>>
        dataset_tags;
    for_each_row(connection, runs,
                 "SELECT run, dataset, key, value FROM tracking_dataset_input_tags WHERE run IN ",
                 "", [&](const sql::Row& row) {
                     dataset_tags[{row.integer(0), row.integer(1)}][row.string(2)] = row.string(3);
                 });
    for_each_row(
        connection, runs,
        "SELECT i.run, d.number, d.name, d.digest, d.source_type, d.source, d.schema, d.profile "
        "FROM tracking_dataset_inputs i JOIN tracking_datasets d ON d.number = i.dataset WHERE "
        "i.run IN ",
        "", [&](const sql::Row& row) {
            DatasetInput input{row.string(2),
                               row.string(3),
                               row.string(4),
                               row.string(5),
                               row.string(6),
                               row.string(7),
                               {}};
            input.tags = dataset_tags[{row.integer(0), row.integer(1)}];
            run_of(row).datasets.push_back(std::move(input));
        });
    for_each_row(connection, runs,
                 "SELECT run, is_output, model_id, step FROM tracking_model_links WHERE run IN ",
                 "", [&](const sql::Row& row) {
                     auto& links =
                         row.boolean(1) ? run_of(row).model_outputs : run_of(row).model_inputs;
                     links.push_back({row.string(2), row.integer(3)});
                 });
}

}  // namespace maru::tracking
