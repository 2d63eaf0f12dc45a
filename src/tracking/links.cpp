#include <fmt/format.h>

#include "tracking/service.hpp"

namespace maru::tracking {
namespace {

std::string read_id(const sql::Row& row) {
    return row.string(0);
}

/// Leaves out what belongs to experiments that the caller may not see.
std::string visible() {
    return api::access_condition(api::ResourceKind::experiment, "e.id");
}

}  // namespace

std::vector<std::string> Service::runs_of_dataset(std::string_view project_id,
                                                  std::string_view name, std::string_view digest,
                                                  std::int64_t limit) {
    return database_.read([&](sql::Connection& connection) {
        return connection.all(
            fmt::format(
                "SELECT DISTINCT r.id FROM tracking_datasets d JOIN tracking_dataset_inputs i ON "
                "i.dataset = d.number JOIN tracking_runs r ON r.number = i.run JOIN "
                "tracking_experiments e ON e.number = r.experiment WHERE d.name = $1 AND d.digest "
                "= $2 AND r.project_id = $3 AND r.deleted = 0{} ORDER BY r.id LIMIT $4",
                visible()),
            {name, digest, project_id, limit}, read_id);
    });
}

std::vector<std::string> Service::logged_models_of_run(std::string_view project_id,
                                                       std::string_view run_id,
                                                       std::int64_t limit) {
    return database_.read([&](sql::Connection& connection) {
        return connection.all(
            fmt::format(
                "SELECT m.id FROM tracking_models m JOIN tracking_experiments e ON e.number = "
                "m.experiment WHERE m.source_run_id = $1 AND m.project_id = $2 AND m.deleted = "
                "0{0} UNION SELECT m.id FROM tracking_runs r JOIN tracking_model_links l ON l.run "
                "= r.number AND l.is_output = 1 JOIN tracking_models m ON m.id = l.model_id JOIN "
                "tracking_experiments e ON e.number = m.experiment WHERE r.id = $1 AND "
                "r.project_id = $2 AND m.deleted = 0{0} LIMIT $3",
                visible()),
            {run_id, project_id, limit}, read_id);
    });
}

std::vector<std::string> Service::runs_reading_model(std::string_view project_id,
                                                     std::string_view model_id,
                                                     std::int64_t limit) {
    return database_.read([&](sql::Connection& connection) {
        return connection.all(
            fmt::format(
                "SELECT DISTINCT r.id FROM tracking_model_links l JOIN tracking_runs r ON r.number "
                "= l.run JOIN tracking_experiments e ON e.number = r.experiment WHERE l.model_id = "
                "$1 AND l.is_output = 0 AND r.project_id = $2 AND r.deleted = 0{} ORDER BY r.id "
                "LIMIT $3",
                visible()),
            {model_id, project_id, limit}, read_id);
    });
}

}  // namespace maru::tracking
