#include <limits>
#include <unordered_map>

#include "tracking/search/conditions.hpp"
#include "tracking/service.hpp"

namespace maru::tracking {
namespace {

/// Runs are read in slices that are small enough for a statement's parameters, padded to one size
/// so that one prepared statement serves all, and another the answers about one run.
constexpr std::size_t kSlice = 50;

/// Calls `visit` for each row of `select ... IN (the runs) [AND COLUMN IN (keys)]`.
template <class Visit>
void for_each_row(sql::Connection& connection, const std::vector<Run>& runs,
                  std::string_view select, std::string_view key_column,
                  const std::vector<sql::Value>& keys, Visit&& visit) {
    std::string text(select);
    auto list = [&](std::size_t from, std::size_t count) {
        text += " IN (";
        for (std::size_t i = 0; i < count; ++i)
            text += fmt::format("{}${}", i ? ", " : "", from + i);
        text += ")";
    };
    std::size_t slice = runs.size() == 1 ? 1 : kSlice;
    list(1, slice);
    if (!key_column.empty()) {
        text += fmt::format(" AND {}", key_column);
        list(slice + 1, keys.size());
    }
    for (std::size_t from = 0; from < runs.size(); from += slice) {
        std::vector<sql::Value> values;
        for (std::size_t i = from; i < from + slice; ++i)
            values.emplace_back(i < runs.size() ? runs[i].number : -1);
        values.insert(values.end(), keys.begin(), keys.end());
        connection.query(text, values, visit);
    }
}

}  // namespace

void Service::load_run_data(sql::Connection& connection, std::vector<Run>& runs) {
    load_run_data(connection, runs, std::nullopt);
}

void Service::load_run_data(sql::Connection& connection, std::vector<Run>& runs,
                            const std::optional<Columns>& columns) {
    std::unordered_map<std::int64_t, Run*> by_number;
    for (auto& run : runs) by_number[run.number] = &run;
    auto run_of = [&](const sql::Row& row) -> Run& { return *by_number.at(row.integer(0)); };
    auto load_texts = [&](std::string_view table, std::map<std::string, std::string> Run::* member,
                          const std::vector<std::string>* wanted) {
        if (wanted != nullptr && wanted->empty()) return;
        std::vector<sql::Value> keys;
        if (wanted != nullptr) keys.assign(wanted->begin(), wanted->end());
        for_each_row(connection, runs,
                     fmt::format("SELECT run, key, value FROM {} WHERE run", table),
                     wanted == nullptr ? "" : "key", keys, [&](const sql::Row& row) {
                         auto& values = run_of(row).*member;
                         values.emplace_hint(values.end(), row.text(1), row.text(2));
                     });
    };
    load_texts("tracking_parameters", &Run::parameters, columns ? &columns->parameters : nullptr);
    load_texts("tracking_tags", &Run::tags, columns ? &columns->tags : nullptr);
    if (!columns || !columns->metrics.empty()) {
        std::vector<sql::Value> keys;
        if (columns)
            for (const auto& key : columns->metrics) keys.emplace_back(find_key(connection, key));
        for_each_row(connection, runs,
                     "SELECT m.run, k.key, m.value, m.is_nan, m.step, m.at FROM tracking_latest m "
                     "JOIN tracking_metric_keys k ON k.number = m.key WHERE m.run",
                     columns ? "m.key" : "", keys, [&](const sql::Row& row) {
                         double value = row.boolean(3) ? std::numeric_limits<double>::quiet_NaN()
                                                       : row.real(2);
                         run_of(row).metrics[row.string(1)] = {value, row.integer(4), row.time(5)};
                     });
    }
    if (!columns) load_inputs_and_outputs(connection, runs);
}

void Service::load_inputs_and_outputs(sql::Connection& connection, std::vector<Run>& runs) {
    std::unordered_map<std::int64_t, Run*> by_number;
    for (auto& run : runs) by_number[run.number] = &run;
    auto run_of = [&](const sql::Row& row) -> Run& { return *by_number.at(row.integer(0)); };
    std::map<std::pair<std::int64_t, std::int64_t>, std::map<std::string, std::string>>
        dataset_tags;
    for_each_row(connection, runs,
                 "SELECT run, dataset, key, value FROM tracking_dataset_input_tags WHERE run", "",
                 {}, [&](const sql::Row& row) {
                     dataset_tags[{row.integer(0), row.integer(1)}][row.string(2)] = row.string(3);
                 });
    for_each_row(
        connection, runs,
        "SELECT i.run, d.number, d.name, d.digest, d.source_type, d.source, d.schema, d.profile "
        "FROM tracking_dataset_inputs i JOIN tracking_datasets d ON d.number = i.dataset WHERE "
        "i.run",
        "", {}, [&](const sql::Row& row) {
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
                 "SELECT run, is_output, model_id, step FROM tracking_model_links WHERE run", "",
                 {}, [&](const sql::Row& row) {
                     auto& links =
                         row.boolean(1) ? run_of(row).model_outputs : run_of(row).model_inputs;
                     links.push_back({row.string(2), row.integer(3)});
                 });
}

}  // namespace maru::tracking
