#include "base/error.hpp"
#include "tracking/logged_model_rows.hpp"
#include "tracking/search/conditions.hpp"
#include "tracking/service.hpp"

namespace maru::tracking {
namespace {

using search::Statement;
using search::Subject;

std::string_view attribute_column(std::string_view attribute) {
    if (attribute == "name") return "m.name";
    if (attribute == "model_id") return "m.id";
    if (attribute == "model_type") return "m.model_type";
    if (attribute == "source_run_id") return "m.source_run_id";
    if (attribute == "experiment_id") return "CAST(e.id AS TEXT)";
    if (attribute == "creation_time") return "m.created_at";
    if (attribute == "last_updated_time") return "m.updated_at";
    return "m.status";
}

/// Appends " AND (dataset 1 OR dataset 2 ...)" on the columns of tracking_model_metrics k.
void append_datasets(Statement& statement, const std::vector<Service::DatasetFilter>& datasets) {
    if (datasets.empty()) return;
    statement += " AND (";
    for (std::size_t i = 0; i < datasets.size(); ++i) {
        statement += i ? " OR (k.dataset_name = " : "(k.dataset_name = ";
        statement << datasets[i].name;
        if (!datasets[i].digest.empty()) {
            statement += " AND k.dataset_digest = ";
            statement << datasets[i].digest;
        }
        statement += ")";
    }
    statement += ")";
}

/// Appends the latest value of a metric, as an expression.
void append_metric_value(Statement& statement, const LoggedModelOrder& order, std::int64_t key) {
    statement +=
        "(SELECT k.value FROM tracking_model_metrics k WHERE k.model = m.number AND k.key = ";
    statement << key;
    if (!order.dataset_name.empty()) {
        statement += " AND k.dataset_name = ";
        statement << order.dataset_name;
    }
    if (!order.dataset_digest.empty()) {
        statement += " AND k.dataset_digest = ";
        statement << order.dataset_digest;
    }
    statement += " ORDER BY k.at DESC, k.step DESC LIMIT 1)";
}

void append_filter(Statement& statement, const std::vector<search::Comparison>& comparisons,
                   const std::vector<std::int64_t>& keys,
                   const std::vector<Service::DatasetFilter>& datasets) {
    bool by_metric = false;
    for (std::size_t i = 0; i < comparisons.size(); ++i) {
        const auto& comparison = comparisons[i];
        switch (comparison.subject) {
            case Subject::metric:
                by_metric = true;
                statement +=
                    " AND EXISTS (SELECT 1 FROM tracking_model_metrics k WHERE k.model = m.number "
                    "AND k.key = ";
                statement << keys[i];
                statement += " AND ";
                search::append_condition(statement, "k.value", comparison);
                append_datasets(statement, datasets);
                statement += ")";
                break;
            case Subject::attribute:
                statement += " AND ";
                search::append_condition(statement, attribute_column(comparison.key), comparison);
                break;
            default:
                search::append_keyed_condition(statement,
                                               comparison.subject == Subject::tag
                                                   ? "tracking_model_tags"
                                                   : "tracking_model_parameters",
                                               "model", "m.number", comparison);
        }
    }
    if (!datasets.empty() && !by_metric) {
        statement += " AND EXISTS (SELECT 1 FROM tracking_model_metrics k WHERE k.model = m.number";
        append_datasets(statement, datasets);
        statement += ")";
    }
}

}  // namespace

api::Page<LoggedModel> Service::search_logged_models(std::string_view project_id,
                                                     const std::vector<std::string>& experiment_ids,
                                                     const Search& search,
                                                     const std::vector<LoggedModelOrder>& order,
                                                     const std::vector<DatasetFilter>& datasets) {
    for (const auto& dataset : datasets)
        if (dataset.name.empty())
            fail(ErrorCode::invalid_argument,
                 "`dataset_name` in the `datasets` clause must be specified.");
    search::check_terms("order_by", order.size());
    search::check_terms("datasets", datasets.size());
    auto comparisons = search::parse_filter(search.filter, search::logged_models_grammar());
    // Statuses are stored as on the wire; MLflow's filters may spell them short.
    for (auto& comparison : comparisons) {
        auto* text = std::get_if<std::string>(&comparison.value);
        if (comparison.key == "status" && text && !text->starts_with("LOGGED_MODEL_"))
            *text = "LOGGED_MODEL_" + *text;
    }
    std::int64_t offset = search::decode_offset(search.page_token);
    ensure_default_experiment(project_id);
    return database_.read([&](sql::Connection& connection) {
        api::Page<LoggedModel> page;
        Statement statement;
        statement += "SELECT ";
        statement += kLoggedModelColumns;
        statement +=
            " FROM tracking_models m JOIN tracking_experiments e ON e.number = m.experiment WHERE "
            "m.deleted = 0 "
            "AND m.experiment IN ";
        statement.list(experiment_numbers(connection, project_id, experiment_ids));
        std::vector<std::int64_t> keys;
        for (const auto& comparison : comparisons)
            keys.push_back(
                comparison.subject == Subject::metric ? find_key(connection, comparison.key) : -1);
        append_filter(statement, comparisons, keys, datasets);
        statement += " ORDER BY ";
        for (const auto& term : order) {
            auto parsed = search::parse_order(term.field, search::logged_models_grammar());
            if (parsed.subject == Subject::attribute) {
                statement += attribute_column(parsed.key);
            } else if (parsed.subject == Subject::metric) {
                append_metric_value(statement, term, find_key(connection, parsed.key));
            } else {
                fail(ErrorCode::invalid_argument,
                     "Invalid order by field name: {}. Only metrics are supported.", term.field);
            }
            statement += term.ascending ? " ASC NULLS LAST, " : " DESC NULLS LAST, ";
        }
        statement += "m.created_at DESC, m.number DESC LIMIT ";
        statement << search.results_max + 1;
        statement += " OFFSET ";
        statement << offset;
        page.items = connection.all(statement.text(), statement.values(), read_logged_model);
        if (static_cast<std::int64_t>(page.items.size()) > search.results_max) {
            page.items.pop_back();
            page.next_page_token = search::encode_offset(offset + search.results_max);
        }
        load_logged_model_data(connection, page.items);
        return page;
    });
}

}  // namespace maru::tracking
