#include "base/error.hpp"
#include "models/service.hpp"
#include "sql/counts.hpp"

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

std::vector<std::string> Service::project_contents(sql::Connection& connection,
                                                   const std::string& project_id) {
    return sql::describe_counts(
        connection, project_id,
        {{"registered model", "SELECT count(*) FROM models WHERE project_id = $1"}});
}

void Service::remove_project(const api::ProjectRef& project) {
    constexpr std::string_view kModels = "(SELECT number FROM models WHERE project_id = $1)";
    database_.write([&](sql::Connection& connection) {
        connection.execute(fmt::format("DELETE FROM model_version_tags WHERE version IN (SELECT "
                                       "number FROM model_versions WHERE model IN {})",
                                       kModels),
                           {project.id});
        connection.execute(
            "DELETE FROM model_reviews WHERE request_id IN (SELECT id FROM model_requests WHERE "
            "project_id = $1)",
            {project.id});
        for (std::string_view table : {"model_aliases", "model_versions", "model_tags"})
            connection.execute(fmt::format("DELETE FROM {} WHERE model IN {}", table, kModels),
                               {project.id});
        for (std::string_view table :
             {"model_requests", "model_approval_rules", "model_changes", "models"})
            connection.execute(fmt::format("DELETE FROM {} WHERE project_id = $1", table),
                               {project.id});
    });
}

}  // namespace maru::models
