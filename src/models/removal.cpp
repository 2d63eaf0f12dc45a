#include "base/error.hpp"
#include "models/service.hpp"

namespace maru::models {

void Service::remove_with_files(const Author& author, std::string_view model,
                                std::optional<std::int64_t> version) {
    database_.write([&](sql::Connection& connection) {
        std::vector<std::string> uris;
        if (version) {
            uris.push_back(
                load_version(connection, author.project_id, model, *version).artifact_uri);
            delete_version(connection, author, model, *version);
        } else {
            uris = connection.all("SELECT artifact_uri FROM model_versions WHERE model = $1",
                                  {load_model(connection, author.project_id, model).number},
                                  [](const sql::Row& row) { return row.string(0); });
            delete_model(connection, author, model);
        }
        for (const auto& uri : uris) {
            if (uri.starts_with("runs:") || uri.starts_with("models:")) continue;
            std::string folder;
            try {
                folder = tracking_.artifact_folder(author.project_id, uri);
            } catch (const Error&) {
                continue;  // kept elsewhere
            }
            if (!folder.empty() && !uses_artifacts(connection, author.project_id, folder))
                tracking_.remove_artifacts(connection, author.project_id, uri);
        }
    });
}

std::set<std::string> Service::project_ids() {
    std::set<std::string> ids;
    database_.read([&](sql::Connection& connection) {
        for (std::string_view table : {"models", "model_changes", "model_approval_rules"})
            connection.query(fmt::format("SELECT DISTINCT project_id FROM {}", table), {},
                             [&](const sql::Row& row) { ids.insert(row.string(0)); });
    });
    return ids;
}

void Service::remove_project(const std::string& project_id) {
    constexpr std::string_view kModels = "(SELECT number FROM models WHERE project_id = $1)";
    database_.write([&](sql::Connection& connection) {
        connection.execute(fmt::format("DELETE FROM model_version_tags WHERE version IN (SELECT "
                                       "number FROM model_versions WHERE model IN {})",
                                       kModels),
                           {project_id});
        connection.execute(
            "DELETE FROM model_reviews WHERE request_id IN (SELECT id FROM model_requests WHERE "
            "project_id = $1)",
            {project_id});
        for (std::string_view table : {"model_aliases", "model_versions", "model_tags"})
            connection.execute(fmt::format("DELETE FROM {} WHERE model IN {}", table, kModels),
                               {project_id});
        for (std::string_view table :
             {"model_requests", "model_approval_rules", "model_changes", "models"})
            connection.execute(fmt::format("DELETE FROM {} WHERE project_id = $1", table),
                               {project_id});
    });
}

}  // namespace maru::models
