#include "base/error.hpp"
#include "tracking/service.hpp"

/// Who may do what with single experiments (api/access.hpp): what finds an experiment, a run, a
/// logged model or a file asks here, or adds api::access_condition to its statement.
namespace maru::tracking {

namespace {

using api::ResourceKind;

bool is_at_or_below(std::string_view path, std::string_view folder) {
    return path.starts_with(folder) &&
           (path.size() == folder.size() || folder.empty() || path[folder.size()] == '/');
}

}  // namespace

void Service::require_experiment(sql::Connection& connection, std::int64_t number,
                                 std::optional<api::ResourcePermission> least) {
    if (api::Access::current() == nullptr) return;
    auto id = connection.first("SELECT id FROM tracking_experiments WHERE number = $1", {number},
                               [](const sql::Row& row) { return row.integer(0); });
    if (!id) return;
    if (least)
        api::require_access(ResourceKind::experiment, *id, *least);
    else
        api::require_access(ResourceKind::experiment, *id);
}

void Service::require_logged_model(sql::Connection& connection, std::string_view id,
                                   std::optional<api::ResourcePermission> least) {
    if (api::Access::current() == nullptr) return;
    auto experiment = connection.first("SELECT experiment FROM tracking_models WHERE id = $1", {id},
                                       [](const sql::Row& row) { return row.integer(0); });
    if (experiment) require_experiment(connection, *experiment, least);
}

void Service::require_artifacts(sql::Connection& connection, std::string_view project_id,
                                std::string_view path,
                                std::optional<api::ResourcePermission> least) {
    const api::Access* access = api::Access::current();
    if (access == nullptr) return;
    auto needed = least.value_or(access->experiments.needed);
    // Experiments say where their files are, and may have folders in common: all must allow it. A
    // folder above some is theirs, too.
    bool allowed = access->experiments.otherwise >= needed;
    connection.query("SELECT id, artifact_location FROM tracking_experiments WHERE project_id = $1",
                     {project_id}, [&](const sql::Row& row) {
                         auto folder = own_folder(project_id, row.text(1));
                         if (!folder) return;
                         bool inside = is_at_or_below(path, *folder);
                         if (!inside && !is_at_or_below(*folder, path)) return;
                         api::require_access(ResourceKind::experiment, row.integer(0), needed);
                         allowed = allowed || inside;
                     });
    if (!allowed) fail(ErrorCode::permission_denied, "Permission denied");
}

void Service::check_artifacts(std::string_view project_id, std::string_view path) {
    if (api::Access::current() == nullptr) return;
    database_.read(
        [&](sql::Connection& connection) { require_artifacts(connection, project_id, path); });
}

}  // namespace maru::tracking
