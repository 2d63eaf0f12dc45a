#include "base/error.hpp"
#include "models/approval_store.hpp"
#include "models/history.hpp"
#include "models/service.hpp"
#include "models/validation.hpp"
#include "tracking/validation.hpp"

namespace maru::models {
namespace {

constexpr std::size_t kVersionsMax = 1000, kDescriptionMax = 100'000;

void check_version(std::string_view field, const ImportVersion& version) {
    if (version.version < 1)
        fail_field(fmt::format("{}.version", field),
                   fmt::format("must be 1 or more, got {}", version.version));
    tracking::check_length(version.source, 8192, fmt::format("{}.source", field));
    tracking::check_length(version.description, kDescriptionMax,
                           fmt::format("{}.description", field));
    canonical_stage(version.stage);
    for (const auto& [key, value] : version.tags)
        tracking::check_tag(key, value, fmt::format("{}.tags.key", field),
                            tracking::kRegistryTagLengthMax);
}

void check_model(const ImportModel& model) {
    check_model_name(model.name);
    tracking::check_length(model.description, kDescriptionMax, "description");
    for (const auto& [key, value] : model.tags)
        tracking::check_tag(key, value, "tags.key", tracking::kRegistryTagLengthMax);
    for (const auto& [alias, version] : model.aliases) check_alias(alias);
    if (model.versions.size() > kVersionsMax)
        fail_field("versions", fmt::format("has {} items, at most {} are taken in one request",
                                           model.versions.size(), kVersionsMax));
    for (std::size_t i = 0; i < model.versions.size(); ++i)
        check_version(fmt::format("versions[{}]", i), model.versions[i]);
}

[[noreturn]] void fail_protected(const std::string& model, std::string_view what) {
    fail(
        ErrorCode::failed_precondition,
        "{} of model {} is protected by an approval rule here, so it is not taken over; remove the "
        "rule for the time of the import",
        what, model);
}

}  // namespace

std::string Service::imported_files(std::string_view project_id, const ImportVersion& version) {
    if (version.files.empty()) return version.source;
    try {
        return "mlflow-artifacts:/" + tracking_.artifact_folder(project_id, version.files);
    } catch (const Error& error) {
        // Kept elsewhere, by another server: what reads them says so.
        if (error.code() == ErrorCode::failed_precondition) return version.files;
        throw;
    }
}

bool Service::import_version(sql::Connection& connection, const Author& author, const Model& model,
                             const ImportVersion& version, const std::string& files) {
    struct Found {
        std::int64_t number;
        std::string source;
        std::int64_t created_at_ms;
        std::string stage;
    };
    auto there = connection.first(
        "SELECT number, source, created_at, stage FROM model_versions WHERE model = $1 AND version "
        "= $2",
        {model.number, version.version}, [](const sql::Row& row) {
            return Found{row.integer(0), row.string(1), row.integer(2), row.string(3)};
        });
    if (there && (there->source != version.source || there->created_at_ms != version.created_at_ms))
        fail(ErrorCode::already_exists,
             "model {} has a version {} of another source here; it was made of {}", model.name,
             version.version, there->source);
    auto stage = canonical_stage(version.stage);
    auto rule = approvals::rule_of(connection, author.project_id, model.number);
    if (rule && (there ? there->stage : "None") != stage && approvals::protects_stage(*rule, stage))
        fail_protected(model.name, "stage " + stage);
    std::int64_t number = there ? there->number : 0;
    if (!there) {
        connection.query(
            "INSERT INTO model_versions (number, model, version, state, source, artifact_uri, "
            "run_id, run_link, model_id, description, user_name, stage, created_at, updated_at) "
            "VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM model_versions), $1, $2, $3, $4, "
            "$5, $6, $7, $8, '', $9, 'None', $10, $10) RETURNING number",
            {model.number, version.version, enum_name(version.state), version.source, files,
             version.run_id, version.run_link, version.model_id, version.user,
             version.created_at_ms},
            [&](const sql::Row& row) { number = row.integer(0); });
        connection.execute(
            "UPDATE models SET next_version = $1 WHERE number = $2 AND next_version < $1",
            {version.version + 1, model.number});
        note(connection, author, model, version.version, ChangeKind::created, "", std::nullopt,
             version.source, version.description);
    }
    connection.execute(
        "UPDATE model_versions SET state = $1, description = $2, stage = $3, updated_at = $4, "
        "artifact_uri = $5 WHERE number = $6",
        {enum_name(version.state), version.description, stage, version.updated_at_ms, files,
         number});
    for (const auto& [key, value] : version.tags)
        connection.execute(
            "INSERT INTO model_version_tags (version, key, value) VALUES ($1, $2, $3) ON CONFLICT "
            "(version, key) DO UPDATE SET value = excluded.value",
            {number, key, value});
    return !there;
}

ImportedModel Service::import_model(const Author& author, const ImportModel& request) {
    api::require_whole_project("importing");
    const std::string& project_id = author.project_id;
    check_model(request);
    std::vector<std::string> files;
    for (const auto& version : request.versions)
        files.push_back(imported_files(project_id, version));
    return database_.write([&](sql::Connection& connection) {
        ImportedModel imported;
        auto created_at = connection.first(
            "SELECT created_at FROM models WHERE project_id = $1 AND name = $2",
            {project_id, request.name}, [](const sql::Row& row) { return row.integer(0); });
        imported.created = !created_at;
        if (!created_at)
            connection.execute(
                "INSERT INTO models (number, project_id, name, description, created_at, "
                "updated_at) VALUES ($1, $2, $3, '', $4, $4)",
                {history::next_model_number(connection), project_id, request.name,
                 request.created_at_ms});
        else if (*created_at != request.created_at_ms)
            fail(ErrorCode::already_exists,
                 "a registered model {} is here that came from elsewhere; rename one of them",
                 request.name);
        Model model = load_model(connection, project_id, request.name);
        if (imported.created)
            note(connection, author, model, std::nullopt, ChangeKind::created, "", std::nullopt,
                 request.description.empty() ? std::nullopt : std::optional(request.description));
        auto rule = approvals::rule_of(connection, project_id, model.number);
        connection.execute("UPDATE models SET description = $1, updated_at = $2 WHERE number = $3",
                           {request.description, request.updated_at_ms, model.number});
        for (const auto& [key, value] : request.tags)
            connection.execute(
                "INSERT INTO model_tags (model, key, value) VALUES ($1, $2, $3) ON CONFLICT "
                "(model, key) DO UPDATE SET value = excluded.value",
                {model.number, key, value});
        for (std::size_t i = 0; i < request.versions.size(); ++i)
            if (import_version(connection, author, model, request.versions[i], files[i]))
                ++imported.versions_created;
        for (const auto& [alias, version] : request.aliases) {
            load_version(connection, project_id, request.name, version);
            auto old = model.aliases.find(alias);
            if (old != model.aliases.end() && old->second == version) continue;
            if (rule && approvals::protects_alias(*rule, alias))
                fail_protected(model.name, "alias " + alias);
            connection.execute(
                "INSERT INTO model_aliases (model, alias, version) VALUES ($1, $2, $3) ON CONFLICT "
                "(model, alias) DO UPDATE SET version = excluded.version",
                {model.number, alias, version});
        }
        return imported;
    });
}

}  // namespace maru::models
