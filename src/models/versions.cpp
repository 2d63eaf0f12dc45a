#include "base/error.hpp"
#include "base/text.hpp"
#include "models/approval_store.hpp"
#include "models/history.hpp"
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
    api::require_access(api::ResourceKind::registered_model, model_number);
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

/// Nobody gets at files that he may not read by making a version of them.
void Service::check_files(std::string_view project_id, std::string_view artifact_uri) {
    if (api::Access::current() == nullptr) return;
    try {
        tracking_.check_artifacts(project_id, tracking_.artifact_folder(project_id, artifact_uri));
    } catch (const Error& error) {
        // Kept elsewhere, such as s3://: nothing is read there for anybody.
        if (error.code() != ErrorCode::failed_precondition) throw;
    }
}

ModelVersion Service::create_version(const Author& author, const NewVersion& request) {
    check_model_name(request.model);
    if (request.source.empty())
        fail(ErrorCode::invalid_argument, "Missing value for required parameter 'source'.");
    tracking::check_length(request.source, 2048, "source");
    tracking::check_length(request.description, 5000, "description");
    for (const auto& [key, value] : request.tags)
        tracking::check_tag(key, value, "key", tracking::kRegistryTagLengthMax);
    Source source;
    {
        // What it is made of must be readable, and no more.
        api::ReadingScope reading;
        source = resolve_source(author.project_id, request);
        check_files(author.project_id, source.artifact_uri);
    }
    return database_.write([&](sql::Connection& connection) {
        Model model = load_model(connection, author.project_id, request.model);
        std::int64_t version = 0;
        connection.query(
            "UPDATE models SET next_version = next_version + 1, updated_at = $1 WHERE number = $2 "
            "RETURNING "
            "next_version",
            {clock_.now(), model.number},
            [&](const sql::Row& row) { version = row.integer(0) - 1; });
        connection.execute(
            "INSERT INTO model_versions (number, model, version, state, source, artifact_uri, "
            "run_id, run_link, "
            "model_id, description, user_name, stage, created_at, updated_at) VALUES ((SELECT "
            "COALESCE(MAX(number), 0) + 1 FROM model_versions), $1, $2, 'READY', $3, $4, $5, $6, "
            "$7, $8, $9, "
            "'None', $10, $10)",
            {model.number, version, request.source, source.artifact_uri, source.run_id,
             request.run_link, source.model_id, request.description, request.user, clock_.now()});
        note(connection, author, model, version, ChangeKind::created, "", std::nullopt,
             request.source, request.description);
        ModelVersion made = load_version(connection, author.project_id, request.model, version);
        for (const auto& [key, value] : request.tags)
            set_tag(connection, author, model, &made, key, value);
        made = load_version(connection, author.project_id, request.model, version);
        tell(connection, {.kind = RegistryEvent::Kind::version_created,
                          .project_id = author.project_id,
                          .model = model,
                          .created = &made,
                          .version = version});
        return made;
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

ModelVersion Service::describe_version(const Author& author, std::string_view model,
                                       std::int64_t version, const std::string& description) {
    tracking::check_length(description, 5000, "description");
    return database_.write([&](sql::Connection& connection) {
        ModelVersion found = load_version(connection, author.project_id, model, version);
        connection.execute(
            "UPDATE model_versions SET description = $1, updated_at = $2 WHERE number = $3",
            {description, clock_.now(), found.number});
        if (found.description != description)
            note(connection, author, load_model(connection, author.project_id, model), version,
                 ChangeKind::description, "", found.description, description);
        return load_version(connection, author.project_id, model, version);
    });
}

void Service::write_or_ask(const Author& author, const NewRequest& request,
                           const std::function<bool(sql::Connection&)>& write) {
    bool is_protected = false;
    try {
        database_.write([&](sql::Connection& connection) {
            if (write(connection)) return;
            is_protected = true;
            fail(ErrorCode::failed_precondition, "undoes this transaction");
        });
        return;
    } catch (const Error&) {
        if (!is_protected) throw;
    }
    fail_waiting(request_move(author, request));
}

ModelVersion Service::set_version_stage(const Author& author, std::string_view model,
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
    NewRequest request{.model = std::string(model),
                       .kind = RequestKind::stage,
                       .target = canonical,
                       .version = version,
                       .archive_existing = archive_others,
                       .comment = ""};
    write_or_ask(author, request, [&](sql::Connection& connection) {
        ModelVersion found = load_version(connection, author.project_id, model, version);
        Model parent = load_model(connection, author.project_id, model);
        if (found.stage != canonical &&
            rule_for_stage(connection, author.project_id, parent.number, canonical))
            return false;
        move_stage(connection, author, parent, found, canonical, archive_others, "");
        return true;
    });
    return get_version(author.project_id, model, version);
}

void Service::move_stage(sql::Connection& connection, const Author& author, const Model& model,
                         const ModelVersion& version, const std::string& stage, bool archive_others,
                         const std::string& comment) {
    auto set = [&](std::int64_t number, const std::string& from, const std::string& to,
                   const std::string& why) {
        connection.execute(
            "UPDATE model_versions SET stage = $1, updated_at = $2 WHERE model = $3 AND version = "
            "$4",
            {to, clock_.now(), model.number, number});
        if (from != to)
            note(connection, author, model, number, ChangeKind::stage, "", from, to, why);
    };
    if (archive_others) {
        auto others = connection.all(
            "SELECT version FROM model_versions WHERE model = $1 AND stage = $2 AND version <> $3",
            {model.number, stage, version.version},
            [](const sql::Row& row) { return row.integer(0); });
        for (std::int64_t other : others)
            set(other, stage, "Archived",
                fmt::format("version {} took its place", version.version));
    }
    set(version.version, version.stage, stage, comment);
    touch(connection, model.number);
}

void Service::delete_version(const Author& author, std::string_view model, std::int64_t version) {
    database_.write([&](sql::Connection& c) { delete_version(c, author, model, version); });
}

void Service::delete_version(sql::Connection& connection, const Author& author,
                             std::string_view model, std::int64_t version) {
    ModelVersion found = load_version(connection, author.project_id, model, version);
    Model parent = load_model(connection, author.project_id, model);
    api::require_access(api::ResourceKind::registered_model, parent.number,
                        api::ResourcePermission::MANAGE);
    for (const auto& alias : found.aliases) {
        if (rule_for_alias(connection, author.project_id, parent.number, alias))
            fail(ErrorCode::failed_precondition,
                 "version {} of {} has the alias {}, which moves with approval only: ask to "
                 "move or remove that first",
                 version, model, alias);
        remove_alias(connection, author, parent, alias, "with its version");
    }
    for (const auto& request : approvals::open_of(connection, parent.number, version))
        end_request(connection, author, request, RequestState::withdrawn,
                    "the version was deleted");
    connection.execute("DELETE FROM model_version_tags WHERE version = $1", {found.number});
    connection.execute("DELETE FROM model_versions WHERE number = $1", {found.number});
    touch(connection, parent.number);
    note(connection, author, parent, version, ChangeKind::deleted, "", found.source, std::nullopt);
}

void Service::set_version_tag(const Author& author, std::string_view model, std::int64_t version,
                              const std::string& key, const std::string& value) {
    tracking::check_tag(key, value, "key", tracking::kRegistryTagLengthMax);
    database_.write([&](sql::Connection& connection) {
        ModelVersion found = load_version(connection, author.project_id, model, version);
        change_tag(connection, author, load_model(connection, author.project_id, model), &found,
                   key, value);
    });
}

void Service::delete_version_tag(const Author& author, std::string_view model, std::int64_t version,
                                 std::string_view key) {
    database_.write([&](sql::Connection& connection) {
        ModelVersion found = load_version(connection, author.project_id, model, version);
        change_tag(connection, author, load_model(connection, author.project_id, model), &found,
                   std::string(key), std::nullopt);
    });
}

void Service::set_alias(const Author& author, std::string_view model, const std::string& alias,
                        std::int64_t version) {
    check_alias(alias);
    NewRequest request{.model = std::string(model),
                       .kind = RequestKind::alias,
                       .target = alias,
                       .version = version,
                       .comment = ""};
    write_or_ask(author, request, [&](sql::Connection& connection) {
        load_version(connection, author.project_id, model, version);
        Model parent = load_model(connection, author.project_id, model);
        auto current = parent.aliases.find(alias);
        bool moves = current == parent.aliases.end() || current->second != version;
        if (moves && rule_for_alias(connection, author.project_id, parent.number, alias))
            return false;
        move_alias(connection, author, parent, alias, version, "");
        return true;
    });
}

void Service::move_alias(sql::Connection& connection, const Author& author, const Model& model,
                         const std::string& alias, std::int64_t version,
                         const std::string& comment) {
    auto current = model.aliases.find(alias);
    std::optional<std::string> from;
    if (current != model.aliases.end()) from = std::to_string(current->second);
    connection.execute(
        "INSERT INTO model_aliases (model, alias, version) VALUES ($1, $2, $3) ON CONFLICT "
        "(model, alias) DO "
        "UPDATE SET version = excluded.version",
        {model.number, alias, version});
    touch(connection, model.number);
    if (from != std::to_string(version))
        note(connection, author, model, version, ChangeKind::alias, alias, from,
             std::to_string(version), comment);
    tell(connection, {.kind = RegistryEvent::Kind::alias_set,
                      .project_id = author.project_id,
                      .model = model,
                      .version = version,
                      .key = alias});
}

void Service::delete_alias(const Author& author, std::string_view model, std::string_view alias) {
    NewRequest request{.model = std::string(model),
                       .kind = RequestKind::alias_removal,
                       .target = std::string(alias),
                       .comment = ""};
    write_or_ask(author, request, [&](sql::Connection& connection) {
        Model parent = load_model(connection, author.project_id, model);
        if (parent.aliases.contains(std::string(alias)) &&
            rule_for_alias(connection, author.project_id, parent.number, alias))
            return false;
        remove_alias(connection, author, parent, std::string(alias), "");
        return true;
    });
}

void Service::remove_alias(sql::Connection& connection, const Author& author, const Model& model,
                           const std::string& alias, const std::string& comment) {
    auto current = model.aliases.find(alias);
    touch(connection, model.number);
    tell(connection, {.kind = RegistryEvent::Kind::alias_deleted,
                      .project_id = author.project_id,
                      .model = model,
                      .key = alias});
    if (current == model.aliases.end()) return;
    connection.execute("DELETE FROM model_aliases WHERE model = $1 AND alias = $2",
                       {model.number, alias});
    note(connection, author, model, current->second, ChangeKind::alias, alias,
         std::to_string(current->second), std::nullopt, comment);
}

}  // namespace maru::models
