#include <utility>

#include "base/error.hpp"
#include "models/approval_store.hpp"
#include "models/history.hpp"
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
                 const Clock& clock, RoleSource role_of, RegistryObserver observer)
    : database_(database),
      blobs_(blobs),
      tracking_(tracking),
      clock_(clock),
      role_of_(std::move(role_of)),
      observer_(std::move(observer)) {}

Author author_of(const api::Context& context) {
    return {.project_id = context.in_project().id,
            .user_id = context.user_id,
            .user = context.user,
            .is_workload = context.workload_id.has_value()};
}

void Service::touch(sql::Connection& connection, std::int64_t model) {
    connection.execute("UPDATE models SET updated_at = $1 WHERE number = $2",
                       {clock_.now(), model});
}

void Service::note(sql::Connection& connection, const Author& author, const Model& model,
                   std::optional<std::int64_t> version, ChangeKind kind, const std::string& key,
                   const std::optional<std::string>& from, const std::optional<std::string>& to,
                   const std::string& comment) {
    history::append(connection, author, clock_.now(), {model.number, model.name, version},
                    {.kind = kind, .key = key, .from = from, .to = to, .comment = comment});
}

void Service::set_tag(sql::Connection& connection, const Author& author, const Model& model,
                      const ModelVersion* version, const std::string& key,
                      const std::optional<std::string>& value) {
    const auto& tags = version ? version->tags : model.tags;
    auto tag = tags.find(key);
    auto before = tag == tags.end() ? std::nullopt : std::optional(tag->second);
    if (before == value) return;
    std::string_view table = version ? "model_version_tags" : "model_tags";
    std::string_view parent = version ? "version" : "model";
    std::int64_t number = version ? version->number : model.number;
    if (value)
        connection.execute(
            fmt::format("INSERT INTO {0} ({1}, key, value) VALUES ($1, $2, $3) ON CONFLICT ({1}, "
                        "key) DO UPDATE SET value = excluded.value",
                        table, parent),
            {number, key, *value});
    else
        connection.execute(fmt::format("DELETE FROM {} WHERE {} = $1 AND key = $2", table, parent),
                           {number, key});
    note(connection, author, model, version ? std::optional(version->version) : std::nullopt,
         ChangeKind::tag, key, before, value);
}

void Service::change_tag(sql::Connection& connection, const Author& author, const Model& model,
                         const ModelVersion* version, const std::string& key,
                         const std::optional<std::string>& value) {
    set_tag(connection, author, model, version, key, value);
    using Kind = RegistryEvent::Kind;
    tell(connection, {.kind = version ? (value ? Kind::version_tag_set : Kind::version_tag_deleted)
                                      : (value ? Kind::model_tag_set : Kind::model_tag_deleted),
                      .project_id = author.project_id,
                      .model = model,
                      .version = version ? version->version : 0,
                      .key = key,
                      .value = value.value_or("")});
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
    api::require_access(api::ResourceKind::registered_model, model->number);
    load_model_data(connection, *model);
    return *model;
}

Model Service::create_model(const Author& author, const std::string& name,
                            const std::string& description,
                            const std::map<std::string, std::string>& tags) {
    check_model_name(name);
    tracking::check_length(description, 5000, "description");
    for (const auto& [key, value] : tags)
        tracking::check_tag(key, value, "key", tracking::kRegistryTagLengthMax);
    return database_.write([&](sql::Connection& connection) {
        auto taken =
            connection.first("SELECT 1 FROM models WHERE project_id = $1 AND name = $2",
                             {author.project_id, name}, [](const sql::Row&) { return true; });
        if (taken)
            fail(ErrorCode::already_exists, "Registered Model (name={}) already exists.", name);
        api::require_creation(api::ResourceKind::registered_model);
        connection.execute(
            "INSERT INTO models (number, project_id, name, description, created_at, updated_at) "
            "VALUES ($1, $2, $3, $4, $5, $5)",
            {history::next_model_number(connection), author.project_id, name, description,
             clock_.now()});
        Model model = load_model(connection, author.project_id, name);
        note(connection, author, model, std::nullopt, ChangeKind::created, "", std::nullopt,
             description.empty() ? std::nullopt : std::optional(description));
        for (const auto& [key, value] : tags)
            set_tag(connection, author, model, nullptr, key, value);
        Model made = load_model(connection, author.project_id, name);
        tell(connection, {.kind = RegistryEvent::Kind::model_created,
                          .project_id = author.project_id,
                          .model = made});
        return made;
    });
}

void Service::ensure_model(const Author& author, const std::string& name) {
    try {
        create_model(author, name, "", {});
    } catch (const Error& error) {
        if (error.code() != ErrorCode::already_exists) throw;
    }
}

void Service::set_tags(const Author& author, std::string_view model,
                       std::optional<std::int64_t> version,
                       const std::map<std::string, std::string>& set,
                       const std::vector<std::string>& remove) {
    for (const auto& [key, value] : set)
        tracking::check_tag(key, value, "set", tracking::kRegistryTagLengthMax);
    database_.write([&](sql::Connection& connection) {
        Model parent = load_model(connection, author.project_id, model);
        std::optional<ModelVersion> one;
        if (version) one = load_version(connection, author.project_id, model, *version);
        for (const auto& [key, value] : set)
            change_tag(connection, author, parent, one ? &*one : nullptr, key, value);
        for (const auto& key : remove)
            if (!set.contains(key))
                change_tag(connection, author, parent, one ? &*one : nullptr, key, std::nullopt);
    });
}

Model Service::get_model(std::string_view project_id, std::string_view name) {
    check_model_name(name);
    return database_.read([&](sql::Connection& c) { return load_model(c, project_id, name); });
}

std::optional<std::string> Service::model_name(std::string_view project_id, std::int64_t number) {
    return database_.read([&](sql::Connection& connection) {
        return connection.first("SELECT name FROM models WHERE project_id = $1 AND number = $2",
                                {project_id, number},
                                [](const sql::Row& row) { return row.string(0); });
    });
}

Model Service::rename_model(const Author& author, std::string_view name,
                            const std::string& new_name) {
    check_model_name(new_name);
    return database_.write([&](sql::Connection& connection) {
        Model model = load_model(connection, author.project_id, name);
        auto taken = connection.first(
            "SELECT number FROM models WHERE project_id = $1 AND name = $2",
            {author.project_id, new_name}, [](const sql::Row& row) { return row.integer(0); });
        if (taken && *taken != model.number)
            fail(ErrorCode::already_exists, "Registered Model (name={}) already exists.", new_name);
        connection.execute("UPDATE models SET name = $1 WHERE number = $2",
                           {new_name, model.number});
        touch(connection, model.number);
        connection.execute("UPDATE model_versions SET updated_at = $1 WHERE model = $2",
                           {clock_.now(), model.number});
        if (name != new_name) {
            connection.execute("UPDATE model_changes SET model_name = $1 WHERE model = $2",
                               {new_name, model.number});
            std::string before = std::exchange(model.name, new_name);
            note(connection, author, model, std::nullopt, ChangeKind::renamed, "", before,
                 new_name);
        }
        return load_model(connection, author.project_id, new_name);
    });
}

Model Service::describe_model(const Author& author, std::string_view name,
                              const std::string& description) {
    tracking::check_length(description, 5000, "description");
    return database_.write([&](sql::Connection& connection) {
        Model model = load_model(connection, author.project_id, name);
        connection.execute("UPDATE models SET description = $1 WHERE number = $2",
                           {description, model.number});
        touch(connection, model.number);
        if (model.description != description)
            note(connection, author, model, std::nullopt, ChangeKind::description, "",
                 model.description, description);
        return load_model(connection, author.project_id, name);
    });
}

void Service::delete_model(const Author& author, std::string_view name) {
    database_.write([&](sql::Connection& c) { delete_model(c, author, name); });
}

void Service::delete_model(sql::Connection& connection, const Author& author,
                           std::string_view name) {
    Model model = load_model(connection, author.project_id, name);
    api::require_access(api::ResourceKind::registered_model, model.number,
                        api::ResourcePermission::MANAGE);
    for (const auto& [alias, version] : model.aliases)
        if (rule_for_alias(connection, author.project_id, model.number, alias))
            fail(ErrorCode::failed_precondition,
                 "model {} has the alias {}, which moves with approval only: ask to remove "
                 "that first",
                 name, alias);
    connection.execute(
        "DELETE FROM model_version_tags WHERE version IN (SELECT number FROM model_versions "
        "WHERE model = $1)",
        {model.number});
    for (std::string_view table : {"model_aliases", "model_versions", "model_tags"})
        connection.execute(fmt::format("DELETE FROM {} WHERE model = $1", table), {model.number});
    approvals::remove_all(connection, model.number);
    connection.execute("DELETE FROM models WHERE number = $1", {model.number});
    note(connection, author, model, std::nullopt, ChangeKind::deleted, "", std::nullopt,
         std::nullopt);
}

void Service::set_model_tag(const Author& author, std::string_view name, const std::string& key,
                            const std::string& value) {
    tracking::check_tag(key, value, "key", tracking::kRegistryTagLengthMax);
    database_.write([&](sql::Connection& connection) {
        change_tag(connection, author, load_model(connection, author.project_id, name), nullptr,
                   key, value);
    });
}

void Service::delete_model_tag(const Author& author, std::string_view name, std::string_view key) {
    database_.write([&](sql::Connection& connection) {
        change_tag(connection, author, load_model(connection, author.project_id, name), nullptr,
                   std::string(key), std::nullopt);
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
    statement += api::access_condition(api::ResourceKind::registered_model, "m.number");
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
