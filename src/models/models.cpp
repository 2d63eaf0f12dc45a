#include "base/error.hpp"
#include "models/service.hpp"
#include "models/validation.hpp"
#include "tracking/search/conditions.hpp"
#include "tracking/validation.hpp"

namespace maru::models {
namespace {

namespace search = tracking::search;

constexpr std::string_view kColumns =
    "m.number, m.name, m.description, m.created_at, m.updated_at, (SELECT MAX(v.version) FROM "
    "model_versions v "
    "WHERE v.model = m.number)";
/// Prompts live in MLflow's registry as models with this tag; lists of models leave them out unless
/// asked.
constexpr std::string_view kPromptTag = "mlflow.prompt.is_prompt";

Model read_model(const sql::Row& row) {
    Model model;
    model.number = row.integer(0);
    model.name = row.string(1);
    model.description = row.string(2);
    model.created_at = row.time(3);
    model.updated_at = row.time(4);
    model.latest_version = row.optional_integer(5);
    return model;
}

void append_order(search::Statement& statement, const std::vector<std::string>& clauses) {
    statement += " ORDER BY ";
    bool by_name = false;
    for (const auto& clause : clauses) {
        auto order = search::parse_order(clause, search::registered_models_grammar());
        if (order.subject != search::Subject::attribute)
            fail(ErrorCode::invalid_argument, "Invalid order_by entity: tag");
        statement += order.key == "name"                 ? "m.name"
                     : order.key == "creation_timestamp" ? "m.created_at"
                                                         : "m.updated_at";
        statement += order.ascending ? " ASC, " : " DESC, ";
        by_name = by_name || order.key == "name";
    }
    statement += by_name ? "m.number" : "m.name ASC";
}

}  // namespace

Service::Service(sql::Database& database, blob::BlobStore& blobs, tracking::Service& tracking,
                 const Clock& clock)
    : database_(database), blobs_(blobs), tracking_(tracking), clock_(clock) {}

void Service::touch(sql::Connection& connection, std::int64_t model) {
    connection.execute("UPDATE models SET updated_at = $1 WHERE number = $2",
                       {clock_.now(), model});
}

void Service::load_model_data(sql::Connection& connection, Model& model) {
    connection.query("SELECT key, value FROM model_tags WHERE model = $1", {model.number},
                     [&](const sql::Row& row) { model.tags[row.string(0)] = row.string(1); });
    connection.query("SELECT alias, version FROM model_aliases WHERE model = $1", {model.number},
                     [&](const sql::Row& row) { model.aliases[row.string(0)] = row.integer(1); });
}

Model Service::load_model(sql::Connection& connection, std::string_view project_id,
                          std::string_view name) {
    auto model = connection.first(
        fmt::format("SELECT {} FROM models m WHERE m.project_id = $1 AND m.name = $2", kColumns),
        {project_id, name}, read_model);
    if (!model) fail(ErrorCode::not_found, "Registered Model with name={} not found", name);
    load_model_data(connection, *model);
    return *model;
}

Model Service::create_model(std::string_view project_id, const std::string& name,
                            const std::string& description,
                            const std::map<std::string, std::string>& tags) {
    check_model_name(name);
    tracking::check_length(description, 5000, "description");
    for (const auto& [key, value] : tags)
        tracking::check_tag(key, value, "key", tracking::kRegistryTagLengthMax);
    return database_.write([&](sql::Connection& connection) {
        auto taken = connection.first("SELECT 1 FROM models WHERE project_id = $1 AND name = $2",
                                      {project_id, name}, [](const sql::Row&) { return true; });
        if (taken)
            fail(ErrorCode::already_exists, "Registered Model (name={}) already exists.", name);
        std::int64_t number = 0;
        connection.query(
            "INSERT INTO models (number, project_id, name, description, created_at, updated_at) "
            "VALUES ((SELECT "
            "COALESCE(MAX(number), 0) + 1 FROM models), $1, $2, $3, $4, $4) RETURNING number",
            {project_id, name, description, clock_.now()},
            [&](const sql::Row& row) { number = row.integer(0); });
        for (const auto& [key, value] : tags)
            connection.execute("INSERT INTO model_tags (model, key, value) VALUES ($1, $2, $3)",
                               {number, key, value});
        return load_model(connection, project_id, name);
    });
}

Model Service::get_model(std::string_view project_id, std::string_view name) {
    check_model_name(name);
    return database_.read([&](sql::Connection& c) { return load_model(c, project_id, name); });
}

Model Service::rename_model(std::string_view project_id, std::string_view name,
                            const std::string& new_name) {
    check_model_name(new_name);
    return database_.write([&](sql::Connection& connection) {
        Model model = load_model(connection, project_id, name);
        auto taken = connection.first(
            "SELECT number FROM models WHERE project_id = $1 AND name = $2", {project_id, new_name},
            [](const sql::Row& row) { return row.integer(0); });
        if (taken && *taken != model.number)
            fail(ErrorCode::already_exists, "Registered Model (name={}) already exists.", new_name);
        connection.execute("UPDATE models SET name = $1 WHERE number = $2",
                           {new_name, model.number});
        touch(connection, model.number);
        connection.execute("UPDATE model_versions SET updated_at = $1 WHERE model = $2",
                           {clock_.now(), model.number});
        return load_model(connection, project_id, new_name);
    });
}

Model Service::describe_model(std::string_view project_id, std::string_view name,
                              const std::string& description) {
    tracking::check_length(description, 5000, "description");
    return database_.write([&](sql::Connection& connection) {
        Model model = load_model(connection, project_id, name);
        connection.execute("UPDATE models SET description = $1 WHERE number = $2",
                           {description, model.number});
        touch(connection, model.number);
        return load_model(connection, project_id, name);
    });
}

void Service::delete_model(std::string_view project_id, std::string_view name) {
    database_.write([&](sql::Connection& connection) {
        Model model = load_model(connection, project_id, name);
        connection.execute(
            "DELETE FROM model_version_tags WHERE version IN (SELECT number FROM model_versions "
            "WHERE model = $1)",
            {model.number});
        for (std::string_view table : {"model_aliases", "model_versions", "model_tags"})
            connection.execute(fmt::format("DELETE FROM {} WHERE model = $1", table),
                               {model.number});
        connection.execute("DELETE FROM models WHERE number = $1", {model.number});
    });
}

void Service::set_model_tag(std::string_view project_id, std::string_view name,
                            const std::string& key, const std::string& value) {
    tracking::check_tag(key, value, "key", tracking::kRegistryTagLengthMax);
    database_.write([&](sql::Connection& connection) {
        connection.execute(
            "INSERT INTO model_tags (model, key, value) VALUES ($1, $2, $3) ON CONFLICT (model, "
            "key) DO UPDATE "
            "SET value = excluded.value",
            {load_model(connection, project_id, name).number, key, value});
    });
}

void Service::delete_model_tag(std::string_view project_id, std::string_view name,
                               std::string_view key) {
    database_.write([&](sql::Connection& connection) {
        connection.execute("DELETE FROM model_tags WHERE model = $1 AND key = $2",
                           {load_model(connection, project_id, name).number, key});
    });
}

api::Page<Model> Service::search_models(std::string_view project_id,
                                        const tracking::Search& request) {
    auto comparisons = search::parse_filter(request.filter, search::registered_models_grammar());
    std::int64_t offset = search::decode_offset(request.page_token);
    search::Statement statement;
    statement += "SELECT ";
    statement += kColumns;
    statement += " FROM models m WHERE m.project_id = ";
    statement << project_id;
    bool prompts = false;
    for (const auto& comparison : comparisons) {
        if (comparison.subject == search::Subject::attribute) {
            statement += " AND ";
            search::append_condition(statement, "m.name", comparison);
        } else if (comparison.key == kPromptTag) {
            const auto* value = std::get_if<std::string>(&comparison.value);
            bool negated = comparison.comparator == search::Comparator::not_equal;
            prompts = value && (*value == "true") != negated;
        } else {
            search::append_keyed_condition(statement, "model_tags", "model", "m.number",
                                           comparison);
        }
    }
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
    api::Page<Model> page;
    database_.read([&](sql::Connection& connection) {
        page.items = connection.all(statement.text(), statement.values(), read_model);
        for (auto& model : page.items) load_model_data(connection, model);
    });
    if (static_cast<std::int64_t>(page.items.size()) > request.results_max) {
        page.items.pop_back();
        page.next_page_token = search::encode_offset(offset + request.results_max);
    }
    return page;
}

}  // namespace maru::models
