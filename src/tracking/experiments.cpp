#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "tracking/search/conditions.hpp"
#include "tracking/service.hpp"
#include "tracking/validation.hpp"

namespace maru::tracking {
namespace {

constexpr std::size_t kLocationLengthMax = 2048;
constexpr std::string_view kColumns =
    "e.number, e.id, e.name, e.artifact_location, e.created_at, e.updated_at, e.deleted";

Experiment read_experiment(const sql::Row& row) {
    Experiment experiment;
    experiment.number = row.integer(0);
    experiment.id = std::to_string(row.integer(1));
    experiment.name = row.string(2);
    experiment.artifact_location = row.string(3);
    experiment.created_at = row.time(4);
    experiment.updated_at = row.time(5);
    experiment.deleted = row.boolean(6);
    return experiment;
}

void load_tags(sql::Connection& connection, Experiment& experiment) {
    connection.query("SELECT key, value FROM tracking_experiment_tags WHERE experiment = $1",
                     {experiment.number},
                     [&](const sql::Row& row) { experiment.tags[row.string(0)] = row.string(1); });
}

/// The number in an experiment's id; -1 for what can't be one.
std::int64_t parse_id(std::string_view id) {
    auto number = parse_int(id);
    if (!number)
        fail(ErrorCode::invalid_argument,
             "Invalid experiment ID '{}'. Experiment ID must be a valid integer.", id);
    return *number;
}

std::int64_t insert_experiment(sql::Connection& connection, std::string_view project_id,
                               std::int64_t id, const std::string& name,
                               const std::string& artifact_location, Time now) {
    std::string location =
        artifact_location.empty() ? "mlflow-artifacts:/" + std::to_string(id) : artifact_location;
    std::int64_t number = 0;
    connection.query(
        "INSERT INTO tracking_experiments (number, project_id, id, name, artifact_location, "
        "created_at, "
        "updated_at) VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM tracking_experiments), $1, "
        "$2, $3, "
        "$4, $5, $6) RETURNING number",
        {project_id, id, name, location, now, now},
        [&](const sql::Row& row) { number = row.integer(0); });
    return number;
}

void insert_default(sql::Connection& connection, std::string_view project_id, Time now) {
    auto present =
        connection.first("SELECT 1 FROM tracking_experiments WHERE project_id = $1 AND id = 0",
                         {project_id}, [](const sql::Row&) { return true; });
    if (!present) insert_experiment(connection, project_id, 0, "Default", "", now);
}

std::int64_t insert_next(sql::Connection& connection, std::string_view project_id,
                         const std::string& name, const std::string& artifact_location, Time now) {
    insert_default(connection, project_id, now);
    // An id is never given twice, not even that of an experiment that was removed for good: it
    // stands in clients' scripts and in the paths of artifacts.
    std::int64_t last = 0;
    for (std::string_view query :
         {"SELECT COALESCE(MAX(id), 0) FROM tracking_experiments WHERE project_id = $1",
          "SELECT last_id FROM tracking_experiment_ids WHERE project_id = $1"})
        connection.query(query, {project_id},
                         [&](const sql::Row& row) { last = std::max(last, row.integer(0)); });
    return insert_experiment(connection, project_id, last + 1, name, artifact_location, now);
}

void append_experiment_filter(search::Statement& statement, const search::Comparison& comparison) {
    using search::Comparator;
    if (comparison.subject == search::Subject::tag) {
        search::append_keyed_condition(statement, "tracking_experiment_tags", "experiment",
                                       "e.number", comparison);
        return;
    }
    statement += " AND ";
    if (comparison.key == "experiment_id") {
        bool list =
            comparison.comparator == Comparator::in || comparison.comparator == Comparator::not_in;
        if (list) {
            std::vector<std::int64_t> ids;
            for (const auto& id : std::get<std::vector<std::string>>(comparison.value))
                ids.push_back(parse_id(id));
            statement += comparison.comparator == Comparator::in ? "e.id IN " : "e.id NOT IN ";
            statement.list(ids);
            return;
        }
        if (comparison.comparator != Comparator::equal &&
            comparison.comparator != Comparator::not_equal)
            fail(ErrorCode::invalid_argument,
                 "Invalid comparator for experiment_id: expected =, !=, IN or NOT IN");
        search::Comparison numeric = comparison;
        numeric.value = parse_id(std::get<std::string>(comparison.value));
        search::append_condition(statement, "e.id", numeric);
        return;
    }
    std::string_view column = comparison.key == "name"            ? "e.name"
                              : comparison.key == "creation_time" ? "e.created_at"
                                                                  : "e.updated_at";
    search::append_condition(statement, column, comparison);
}

void append_experiment_order(search::Statement& statement,
                             const std::vector<std::string>& clauses) {
    search::check_terms("order_by", clauses.size());
    statement += " ORDER BY ";
    bool by_id = false;
    for (const auto& clause : clauses) {
        auto order = search::parse_order(clause, search::experiments_grammar());
        if (order.subject != search::Subject::attribute)
            fail(ErrorCode::invalid_argument, "Invalid order_by entity: tag");
        statement += order.key == "name"            ? "e.name"
                     : order.key == "experiment_id" ? "e.id"
                     : order.key == "creation_time" ? "e.created_at"
                                                    : "e.updated_at";
        statement += order.ascending ? " ASC, " : " DESC, ";
        by_id = by_id || order.key == "experiment_id";
    }
    statement += clauses.empty() ? "e.created_at DESC, e.id DESC" : "e.id DESC";
}

}  // namespace

Service::Service(sql::Database& database, blob::BlobStore& blobs, const Clock& clock)
    : database_(database), blobs_(blobs), clock_(clock), compactor_(database, clock) {}

void Service::ensure_default_experiment(std::string_view project_id) {
    {
        std::shared_lock lock(mutex_);
        if (known_projects_.contains(project_id)) return;
    }
    bool present = database_.read([&](sql::Connection& connection) {
        return connection
            .first("SELECT 1 FROM tracking_experiments WHERE project_id = $1 AND id = 0",
                   {project_id}, [](const sql::Row&) { return true; })
            .has_value();
    });
    if (!present)
        database_.write([&](sql::Connection& connection) {
            insert_default(connection, project_id, clock_.now());
        });
    std::unique_lock lock(mutex_);
    known_projects_.emplace(project_id);
}

std::int64_t Service::find_or_create_experiment(sql::Connection& connection,
                                                std::string_view project_id,
                                                const std::string& name) {
    check_experiment_name(name);
    insert_default(connection, project_id, clock_.now());
    struct Found {
        std::int64_t number;
        bool deleted;
    };
    auto found = connection.first(
        "SELECT number, deleted FROM tracking_experiments WHERE project_id = $1 AND name = $2",
        {project_id, name},
        [](const sql::Row& row) { return Found{row.integer(0), row.boolean(1)}; });
    if (!found) {
        api::require_creation(api::ResourceKind::experiment);
        return insert_next(connection, project_id, name, "", clock_.now());
    }
    require_experiment(connection, found->number);
    if (found->deleted)
        fail(ErrorCode::failed_precondition,
             "experiment \"{}\" is deleted; restore it or choose another name", name);
    return found->number;
}

Experiment Service::load_experiment(sql::Connection& connection, std::string_view project_id,
                                    std::string_view id) {
    api::require_access(api::ResourceKind::experiment, parse_id(id));
    auto experiment = connection.first(
        fmt::format("SELECT {} FROM tracking_experiments e WHERE e.project_id = $1 AND e.id = $2",
                    kColumns),
        {project_id, parse_id(id)}, read_experiment);
    if (!experiment) fail(ErrorCode::not_found, "No Experiment with id={} exists", id);
    load_tags(connection, *experiment);
    return *experiment;
}

Experiment Service::load_active_experiment(sql::Connection& connection, std::string_view project_id,
                                           std::string_view id) {
    Experiment experiment = load_experiment(connection, project_id, id);
    if (experiment.deleted)
        fail(ErrorCode::invalid_argument,
             "The experiment {} must be in the 'active' state. Current state is deleted.", id);
    return experiment;
}

std::vector<std::int64_t> Service::experiment_numbers(sql::Connection& connection,
                                                      std::string_view project_id,
                                                      const std::vector<std::string>& ids) {
    std::vector<std::int64_t> numbers;
    for (const auto& id : ids) {
        // A search leaves out what may not be seen.
        if (!api::may_access(api::ResourceKind::experiment, parse_id(id))) continue;
        connection.query(
            "SELECT number FROM tracking_experiments WHERE project_id = $1 AND id = $2",
            {project_id, parse_id(id)},
            [&](const sql::Row& row) { numbers.push_back(row.integer(0)); });
    }
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    return numbers;
}

std::string Service::create_experiment(std::string_view project_id, const std::string& name,
                                       const std::string& artifact_location,
                                       const std::map<std::string, std::string>& tags) {
    check_experiment_name(name);
    if (artifact_location.size() > kLocationLengthMax)
        fail(ErrorCode::invalid_argument,
             "Invalid artifact path length. The length of the artifact path cannot be greater than "
             "{} characters.",
             kLocationLengthMax);
    check_length(artifact_location, kLocationLengthMax, "artifact_location");
    for (const auto& [key, value] : tags) check_tag(key, value, "key", kExperimentTagLengthMax);
    api::require_creation(api::ResourceKind::experiment);
    return database_.write([&](sql::Connection& connection) {
        insert_default(connection, project_id, clock_.now());
        auto taken = connection.first(
            "SELECT id, deleted FROM tracking_experiments WHERE project_id = $1 AND name = $2",
            {project_id, name}, [](const sql::Row& row) { return row.boolean(1); });
        if (taken)
            fail(ErrorCode::already_exists, "Experiment(name={}) already exists.{}", name,
                 *taken ? " It is deleted; restore it to use it again." : "");
        std::int64_t number =
            insert_next(connection, project_id, name, artifact_location, clock_.now());
        for (const auto& [key, value] : tags)
            connection.execute(
                "INSERT INTO tracking_experiment_tags (experiment, key, value) VALUES ($1, $2, $3)",
                {number, key, value});
        auto id = connection.first("SELECT id FROM tracking_experiments WHERE number = $1",
                                   {number}, [](const sql::Row& row) { return row.integer(0); });
        return std::to_string(id.value());
    });
}

Experiment Service::get_experiment(std::string_view project_id, std::string_view id) {
    ensure_default_experiment(project_id);
    return database_.read(
        [&](sql::Connection& connection) { return load_experiment(connection, project_id, id); });
}

bool Service::has_experiment(std::string_view project_id, std::string_view id) {
    auto number = parse_int(id);
    return number && database_.read([&](sql::Connection& connection) {
        return connection
            .first("SELECT 1 FROM tracking_experiments WHERE project_id = $1 AND id = $2",
                   {project_id, *number}, [](const sql::Row&) { return true; })
            .has_value();
    });
}

std::optional<Experiment> Service::find_experiment(std::string_view project_id,
                                                   std::string_view name) {
    ensure_default_experiment(project_id);
    return database_.read([&](sql::Connection& connection) {
        auto experiment = connection.first(
            fmt::format(
                "SELECT {} FROM tracking_experiments e WHERE e.project_id = $1 AND e.name = $2",
                kColumns),
            {project_id, name}, read_experiment);
        if (!experiment) return experiment;
        require_experiment(connection, experiment->number);
        load_tags(connection, *experiment);
        return experiment;
    });
}

api::Page<Experiment> Service::search_experiments(std::string_view project_id,
                                                  const Search& search) {
    ensure_default_experiment(project_id);
    search::Statement statement;
    statement += "SELECT ";
    statement += kColumns;
    statement += " FROM tracking_experiments e WHERE e.project_id = ";
    statement << project_id;
    if (search.view != View::all)
        statement += search.view == View::active ? " AND e.deleted = 0" : " AND e.deleted = 1";
    statement += api::access_condition(api::ResourceKind::experiment, "e.id");
    for (const auto& comparison :
         search::parse_filter(search.filter, search::experiments_grammar()))
        append_experiment_filter(statement, comparison);
    append_experiment_order(statement, search.order_by);
    std::int64_t offset = search::decode_offset(search.page_token);
    statement += " LIMIT ";
    statement << search.results_max + 1;
    statement += " OFFSET ";
    statement << offset;
    api::Page<Experiment> page;
    database_.read([&](sql::Connection& connection) {
        page.items = connection.all(statement.text(), statement.values(), read_experiment);
        for (auto& experiment : page.items) load_tags(connection, experiment);
    });
    if (static_cast<std::int64_t>(page.items.size()) > search.results_max) {
        page.items.pop_back();
        page.next_page_token = search::encode_offset(offset + search.results_max);
    }
    return page;
}

void Service::count_runs(std::vector<Experiment>& experiments) {
    database_.read([&](sql::Connection& connection) {
        for (auto& experiment : experiments)
            experiment.run_count =
                connection
                    .first(
                        "SELECT COUNT(*) FROM tracking_runs WHERE experiment = $1 AND deleted = 0",
                        {experiment.number}, [](const sql::Row& row) { return row.integer(0); })
                    .value_or(0);
    });
}

void Service::rename_experiment(std::string_view project_id, std::string_view id,
                                const std::string& name) {
    check_experiment_name(name);
    ensure_default_experiment(project_id);
    database_.write([&](sql::Connection& connection) {
        Experiment experiment = load_experiment(connection, project_id, id);
        if (experiment.deleted)
            fail(ErrorCode::failed_precondition, "Cannot rename a non-active experiment.");
        auto taken = connection.first(
            "SELECT number FROM tracking_experiments WHERE project_id = $1 AND name = $2",
            {project_id, name}, [](const sql::Row& row) { return row.integer(0); });
        if (taken && *taken != experiment.number)
            fail(ErrorCode::already_exists, "Experiment(name={}) already exists.", name);
        connection.execute(
            "UPDATE tracking_experiments SET name = $1, updated_at = $2 WHERE number = $3",
            {name, clock_.now(), experiment.number});
    });
}

void Service::set_experiment_deleted(std::string_view project_id, std::string_view id,
                                     bool deleted) {
    ensure_default_experiment(project_id);
    database_.write([&](sql::Connection& connection) {
        Experiment experiment = load_experiment(connection, project_id, id);
        require_experiment(connection, experiment.number, api::ResourcePermission::MANAGE);
        if (experiment.deleted == deleted)
            fail(ErrorCode::not_found, "No Experiment with id={} exists", id);
        connection.execute(
            "UPDATE tracking_experiments SET deleted = $1, updated_at = $2 WHERE number = $3",
            {deleted, clock_.now(), experiment.number});
        connection.execute(
            "UPDATE tracking_runs SET deleted = $1, deleted_at = $2 WHERE experiment = $3",
            {deleted, deleted ? std::optional(clock_.now()) : std::nullopt, experiment.number});
    });
}

void Service::set_experiment_tag(std::string_view project_id, std::string_view id,
                                 const std::string& key, const std::string& value) {
    check_tag(key, value, "key", kExperimentTagLengthMax);
    ensure_default_experiment(project_id);
    database_.write([&](sql::Connection& connection) {
        Experiment experiment = load_active_experiment(connection, project_id, id);
        connection.execute(
            "INSERT INTO tracking_experiment_tags (experiment, key, value) VALUES ($1, $2, $3) "
            "ON CONFLICT (experiment, key) DO UPDATE SET value = excluded.value",
            {experiment.number, key, value});
    });
}

void Service::delete_experiment_tag(std::string_view project_id, std::string_view id,
                                    std::string_view key) {
    ensure_default_experiment(project_id);
    database_.write([&](sql::Connection& connection) {
        Experiment experiment = load_active_experiment(connection, project_id, id);
        auto removed = connection.execute(
            "DELETE FROM tracking_experiment_tags WHERE experiment = $1 AND key = $2",
            {experiment.number, key});
        if (removed == 0)
            fail(ErrorCode::not_found, "No tag with name: {} in experiment with id {}", key, id);
    });
}

}  // namespace maru::tracking
