#include <set>

#include "base/error.hpp"
#include "models/service.hpp"
#include "models/validation.hpp"
#include "models/version_rows.hpp"
#include "tracking/search/conditions.hpp"

namespace maru::models {
namespace {

namespace search = tracking::search;

constexpr std::string_view kPromptTag = "mlflow.prompt.is_prompt";

std::string_view column(std::string_view attribute) {
    if (attribute == "name") return "m.name";
    if (attribute == "run_id") return "v.run_id";
    if (attribute == "source_path") return "v.source";
    if (attribute == "version_number") return "v.version";
    if (attribute == "creation_timestamp") return "v.created_at";
    return "v.updated_at";
}

/// Appends the conditions; says whether prompts are asked for.
bool append_filter(search::Statement& statement,
                   const std::vector<search::Comparison>& comparisons) {
    bool prompts = false;
    for (const auto& comparison : comparisons) {
        if (comparison.subject == search::Subject::attribute) {
            statement += " AND ";
            search::append_condition(statement, column(comparison.key), comparison);
        } else if (comparison.key == kPromptTag) {
            const auto* value = std::get_if<std::string>(&comparison.value);
            bool negated = comparison.comparator == search::Comparator::not_equal;
            prompts = value && (*value == "true") != negated;
        } else {
            search::append_keyed_condition(statement, "model_version_tags", "version", "v.number",
                                           comparison);
        }
    }
    return prompts;
}

void append_order(search::Statement& statement, std::vector<std::string> clauses) {
    if (clauses.empty())
        clauses = {"last_updated_timestamp DESC", "name ASC", "version_number DESC"};
    statement += " ORDER BY ";
    std::set<std::string> seen;
    for (const auto& clause : clauses) {
        auto order = search::parse_order(clause, search::model_versions_grammar());
        if (order.subject != search::Subject::attribute)
            fail(ErrorCode::invalid_argument, "Invalid order_by entity: tag");
        if (!seen.insert(order.key).second)
            fail(ErrorCode::invalid_argument, "`order_by` contains duplicate fields: {}", clause);
        statement += column(order.key);
        statement += order.ascending ? " ASC, " : " DESC, ";
    }
    if (!seen.contains("name")) statement += "m.name ASC, ";
    statement += "v.version DESC";
}

}  // namespace

api::Page<ModelVersion> Service::search_versions(std::string_view project_id,
                                                 const tracking::Search& request) {
    auto comparisons = search::parse_filter(request.filter, search::model_versions_grammar());
    std::int64_t offset = search::decode_offset(request.page_token);
    search::Statement statement;
    statement += "SELECT ";
    statement += kVersionColumns;
    statement += " FROM model_versions v JOIN models m ON m.number = v.model WHERE m.project_id = ";
    statement << project_id;
    statement += api::access_condition(api::ResourceKind::registered_model, "m.number");
    bool prompts = append_filter(statement, comparisons);
    statement += prompts ? " AND EXISTS" : " AND NOT EXISTS";
    statement +=
        " (SELECT 1 FROM model_tags p WHERE p.model = m.number AND p.value = 'true' AND p.key = ";
    statement << kPromptTag;
    statement += ")";
    append_order(statement, request.order_by);
    statement += " LIMIT ";
    statement << request.results_max + 1;
    statement += " OFFSET ";
    statement << offset;
    api::Page<ModelVersion> page;
    database_.read([&](sql::Connection& connection) {
        std::vector<std::int64_t> parents;
        page.items = connection.all(statement.text(), statement.values(), [&](const sql::Row& row) {
            parents.push_back(row.integer(14));
            return read_version(row);
        });
        for (std::size_t i = 0; i < page.items.size(); ++i)
            load_version_data(connection, parents[i], page.items[i]);
    });
    if (static_cast<std::int64_t>(page.items.size()) > request.results_max) {
        page.items.pop_back();
        page.next_page_token = search::encode_offset(offset + request.results_max);
    }
    return page;
}

std::vector<ModelVersion> Service::versions_of(std::string_view project_id, const VersionsOf& of,
                                               std::int64_t limit) {
    auto [column, value] = !of.run_id.empty()     ? std::pair("run_id", of.run_id)
                           : !of.model_id.empty() ? std::pair("model_id", of.model_id)
                                                  : std::pair("artifact_uri", of.artifact_uri);
    return database_.read([&](sql::Connection& connection) {
        return connection.all(
            fmt::format("SELECT {} FROM model_versions v JOIN models m ON m.number = v.model WHERE "
                        "v.{} = $1 AND m.project_id = $2{} ORDER BY v.number LIMIT $3",
                        kVersionColumns, column,
                        api::access_condition(api::ResourceKind::registered_model, "m.number")),
            {value, project_id, limit}, read_version);
    });
}

std::vector<ModelVersion> Service::latest_versions(std::string_view project_id,
                                                   std::string_view model,
                                                   const std::vector<std::string>& stages) {
    std::set<std::string> wanted;
    for (const auto& stage : stages) wanted.insert(canonical_stage(stage));
    return database_.read([&](sql::Connection& connection) {
        std::int64_t parent = load_model(connection, project_id, model).number;
        auto versions = connection.all(fmt::format("SELECT {} FROM model_versions v JOIN models m "
                                                   "ON m.number = v.model WHERE v.model = $1 AND "
                                                   "v.version = (SELECT MAX(o.version) FROM "
                                                   "model_versions o WHERE o.model = v.model AND "
                                                   "o.stage = v.stage) ORDER BY v.version",
                                                   kVersionColumns),
                                       {parent}, read_version);
        if (!wanted.empty())
            std::erase_if(versions,
                          [&](const ModelVersion& v) { return !wanted.contains(v.stage); });
        for (auto& version : versions) load_version_data(connection, parent, version);
        return versions;
    });
}

}  // namespace maru::models
