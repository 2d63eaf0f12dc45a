#include "base/error.hpp"
#include "base/text.hpp"
#include "models/service.hpp"
#include "models/validation.hpp"
#include "models/version_rows.hpp"
#include "tracking/validation.hpp"

namespace maru::models {

ModelVersion read_version(const sql::Row& row) {
    ModelVersion version;
    version.number = row.integer(0);
    version.model = row.string(1);
    version.version = row.integer(2);
    version.state = enum_from<VersionState>(row.text(3)).value_or(VersionState::READY);
    version.source = row.string(4);
    version.artifact_uri = row.string(5);
    version.run_id = row.optional_string(6);
    version.run_link = row.string(7);
    version.model_id = row.string(8);
    version.description = row.string(9);
    version.user = row.string(10);
    version.stage = row.string(11);
    version.created_at = row.time(12);
    version.updated_at = row.time(13);
    return version;
}

void Service::load_version_data(sql::Connection& connection, std::int64_t model,
                                ModelVersion& version) {
    connection.query("SELECT key, value FROM model_version_tags WHERE version = $1",
                     {version.number},
                     [&](const sql::Row& row) { version.tags[row.string(0)] = row.string(1); });
    connection.query(
        "SELECT alias FROM model_aliases WHERE model = $1 AND version = $2 ORDER BY alias",
        {model, version.version},
        [&](const sql::Row& row) { version.aliases.push_back(row.string(0)); });
}

ModelVersion Service::load_version(sql::Connection& connection, std::string_view project_id,
                                   std::string_view model, std::int64_t version) {
    std::int64_t model_number = 0;
    auto found = connection.first(fmt::format("SELECT {} FROM model_versions v JOIN models m ON "
                                              "m.number = v.model WHERE m.project_id = $1 "
                                              "AND m.name = $2 AND v.version = $3",
                                              kVersionColumns),
                                  {project_id, model, version}, [&](const sql::Row& row) {
                                      model_number = row.integer(14);
                                      return read_version(row);
                                  });
    if (!found)
        fail(ErrorCode::not_found, "Model Version (name={}, version={}) not found", model, version);
    load_version_data(connection, model_number, *found);
    return *found;
}

Service::Source Service::resolve_source(std::string_view project_id, const NewVersion& request) {
    Source source{request.source, request.run_id, request.model_id};
    constexpr std::string_view kModels = "models:/";
    if (request.source.starts_with(kModels)) {
        std::string_view rest = std::string_view(request.source).substr(kModels.size());
        while (rest.starts_with('/')) rest.remove_prefix(1);
        auto first = rest.substr(0, rest.find('/'));
        if (first.starts_with("m-")) {
            auto model = tracking_.get_logged_model(project_id, first);
            source.model_id = model.id;
            source.artifact_uri = model.artifact_uri;
            if (first.size() < rest.size())
                source.artifact_uri += std::string(rest.substr(first.size()));
            if (!source.run_id) source.run_id = model.source_run_id;
        } else {
            // A copy of another version: models:/NAME/VERSION or models:/NAME@ALIAS.
            auto separator = rest.find_first_of("/@");
            if (separator == std::string_view::npos)
                fail(ErrorCode::invalid_argument,
                     "Invalid source '{}': expected models:/NAME/VERSION, models:/NAME@ALIAS or "
                     "models:/m-ID",
                     request.source);
            auto other =
                resolve_version(project_id, rest.substr(0, separator), rest.substr(separator + 1));
            source.artifact_uri = other.artifact_uri;
            if (!source.run_id) source.run_id = other.run_id;
            if (source.model_id.empty()) source.model_id = other.model_id;
        }
    } else if (request.source.starts_with("runs:/")) {
        source.artifact_uri =
            "mlflow-artifacts:/" + tracking_.artifact_folder(project_id, request.source);
    } else if (request.source.find("..") != std::string::npos &&
               request.source.starts_with("mlflow-artifacts:")) {
        tracking_.artifact_folder(project_id, request.source);  // refuses what leaves its root
    }
    if (source.run_id && source.run_id->empty()) source.run_id.reset();
    return source;
}

ModelVersion Service::create_version(std::string_view project_id, const NewVersion& request) {
    check_model_name(request.model);
    if (request.source.empty())
        fail(ErrorCode::invalid_argument, "Missing value for required parameter 'source'.");
    tracking::check_length(request.source, 2048, "source");
    tracking::check_length(request.description, 5000, "description");
    for (const auto& [key, value] : request.tags)
        tracking::check_tag(key, value, "key", tracking::kRegistryTagLengthMax);
    Source source = resolve_source(project_id, request);
    return database_.write([&](sql::Connection& connection) {
        Model model = load_model(connection, project_id, request.model);
        std::int64_t version = 0, number = 0;
        connection.query(
            "UPDATE models SET next_version = next_version + 1, updated_at = $1 WHERE number = $2 "
            "RETURNING "
            "next_version",
            {clock_.now(), model.number},
            [&](const sql::Row& row) { version = row.integer(0) - 1; });
        connection.query(
            "INSERT INTO model_versions (number, model, version, state, source, artifact_uri, "
            "run_id, run_link, "
            "model_id, description, user_name, stage, created_at, updated_at) VALUES ((SELECT "
            "COALESCE(MAX(number), 0) + 1 FROM model_versions), $1, $2, 'READY', $3, $4, $5, $6, "
            "$7, $8, $9, "
            "'None', $10, $10) RETURNING number",
            {model.number, version, request.source, source.artifact_uri, source.run_id,
             request.run_link, source.model_id, request.description, request.user, clock_.now()},
            [&](const sql::Row& row) { number = row.integer(0); });
        for (const auto& [key, value] : request.tags)
            connection.execute(
                "INSERT INTO model_version_tags (version, key, value) VALUES ($1, $2, $3)",
                {number, key, value});
        return load_version(connection, project_id, request.model, version);
    });
}

ModelVersion Service::get_version(std::string_view project_id, std::string_view model,
                                  std::int64_t version) {
    return database_.read([&](sql::Connection& connection) {
        return load_version(connection, project_id, model, version);
    });
}

ModelVersion Service::resolve_version(std::string_view project_id, std::string_view model,
                                      std::string_view version_or_alias) {
    if (auto number = parse_int(version_or_alias)) return get_version(project_id, model, *number);
    return get_version_by_alias(project_id, model, version_or_alias);
}

ModelVersion Service::get_version_by_alias(std::string_view project_id, std::string_view model,
                                           std::string_view alias) {
    return database_.read([&](sql::Connection& connection) {
        Model found = load_model(connection, project_id, model);
        if (to_lower(alias) == "latest") {
            if (!found.latest_version)
                fail(ErrorCode::not_found, "Latest version not found for model {}.", model);
            return load_version(connection, project_id, model, *found.latest_version);
        }
        auto version = found.aliases.find(std::string(alias));
        // The code is MLflow's: its client tells by it that the alias, not the model, is missing.
        if (version == found.aliases.end())
            fail(ErrorCode::invalid_argument, "Registered model alias {} not found.", alias);
        return load_version(connection, project_id, model, version->second);
    });
}

ModelVersion Service::describe_version(std::string_view project_id, std::string_view model,
                                       std::int64_t version, const std::string& description) {
    tracking::check_length(description, 5000, "description");
    return database_.write([&](sql::Connection& connection) {
        ModelVersion found = load_version(connection, project_id, model, version);
        connection.execute(
            "UPDATE model_versions SET description = $1, updated_at = $2 WHERE number = $3",
            {description, clock_.now(), found.number});
        return load_version(connection, project_id, model, version);
    });
}

ModelVersion Service::set_version_stage(std::string_view project_id, std::string_view model,
                                        std::int64_t version, const std::string& stage,
                                        bool archive_others) {
    std::string canonical = canonical_stage(stage);
    bool active = canonical == "Staging" || canonical == "Production";
    if (archive_others && !active)
        fail(ErrorCode::invalid_argument,
             "Model version transition cannot archive existing model versions because '{}' is not "
             "an Active stage. "
             "Valid stages are Staging, Production",
             canonical);
    return database_.write([&](sql::Connection& connection) {
        ModelVersion found = load_version(connection, project_id, model, version);
        Model parent = load_model(connection, project_id, model);
        if (archive_others)
            connection.execute(
                "UPDATE model_versions SET stage = 'Archived', updated_at = $1 WHERE model = $2 "
                "AND stage = $3 AND "
                "version <> $4",
                {clock_.now(), parent.number, canonical, version});
        connection.execute(
            "UPDATE model_versions SET stage = $1, updated_at = $2 WHERE number = $3",
            {canonical, clock_.now(), found.number});
        touch(connection, parent.number);
        return load_version(connection, project_id, model, version);
    });
}

void Service::delete_version(std::string_view project_id, std::string_view model,
                             std::int64_t version) {
    database_.write([&](sql::Connection& connection) {
        ModelVersion found = load_version(connection, project_id, model, version);
        std::int64_t parent = load_model(connection, project_id, model).number;
        connection.execute("DELETE FROM model_aliases WHERE model = $1 AND version = $2",
                           {parent, version});
        connection.execute("DELETE FROM model_version_tags WHERE version = $1", {found.number});
        connection.execute("DELETE FROM model_versions WHERE number = $1", {found.number});
        touch(connection, parent);
    });
}

void Service::set_version_tag(std::string_view project_id, std::string_view model,
                              std::int64_t version, const std::string& key,
                              const std::string& value) {
    tracking::check_tag(key, value, "key", tracking::kRegistryTagLengthMax);
    database_.write([&](sql::Connection& connection) {
        connection.execute(
            "INSERT INTO model_version_tags (version, key, value) VALUES ($1, $2, $3) ON CONFLICT "
            "(version, key) "
            "DO UPDATE SET value = excluded.value",
            {load_version(connection, project_id, model, version).number, key, value});
    });
}

void Service::delete_version_tag(std::string_view project_id, std::string_view model,
                                 std::int64_t version, std::string_view key) {
    database_.write([&](sql::Connection& connection) {
        connection.execute("DELETE FROM model_version_tags WHERE version = $1 AND key = $2",
                           {load_version(connection, project_id, model, version).number, key});
    });
}

void Service::set_alias(std::string_view project_id, std::string_view model,
                        const std::string& alias, std::int64_t version) {
    check_alias(alias);
    database_.write([&](sql::Connection& connection) {
        load_version(connection, project_id, model, version);
        std::int64_t parent = load_model(connection, project_id, model).number;
        connection.execute(
            "INSERT INTO model_aliases (model, alias, version) VALUES ($1, $2, $3) ON CONFLICT "
            "(model, alias) DO "
            "UPDATE SET version = excluded.version",
            {parent, alias, version});
        touch(connection, parent);
    });
}

void Service::delete_alias(std::string_view project_id, std::string_view model,
                           std::string_view alias) {
    database_.write([&](sql::Connection& connection) {
        std::int64_t parent = load_model(connection, project_id, model).number;
        connection.execute("DELETE FROM model_aliases WHERE model = $1 AND alias = $2",
                           {parent, alias});
        touch(connection, parent);
    });
}

}  // namespace maru::models
