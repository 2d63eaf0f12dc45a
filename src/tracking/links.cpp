#include "tracking/service.hpp"

namespace maru::tracking {
namespace {

std::string read_id(const sql::Row& row) {
    return row.string(0);
}

}  // namespace

std::vector<std::string> Service::runs_of_dataset(std::string_view project_id,
                                                  std::string_view name, std::string_view digest,
                                                  std::int64_t limit) {
    return database_.read([&](sql::Connection& connection) {
        return connection.all(
            "SELECT DISTINCT r.id FROM tracking_datasets d JOIN tracking_dataset_inputs i ON "
            "i.dataset = d.number JOIN tracking_runs r ON r.number = i.run WHERE d.name = $1 AND "
            "d.digest = $2 AND r.project_id = $3 AND r.deleted = 0 ORDER BY r.id LIMIT $4",
            {name, digest, project_id, limit}, read_id);
    });
}

std::vector<std::string> Service::logged_models_of_run(std::string_view project_id,
                                                       std::string_view run_id,
                                                       std::int64_t limit) {
    return database_.read([&](sql::Connection& connection) {
        return connection.all(
            "SELECT m.id FROM tracking_models m WHERE m.source_run_id = $1 AND m.project_id = $2 "
            "AND m.deleted = 0 UNION SELECT m.id FROM tracking_runs r JOIN tracking_model_links l "
            "ON l.run = r.number AND l.is_output = 1 JOIN tracking_models m ON m.id = l.model_id "
            "WHERE r.id = $1 AND r.project_id = $2 AND m.deleted = 0 LIMIT $3",
            {run_id, project_id, limit}, read_id);
    });
}

std::vector<std::string> Service::runs_reading_model(std::string_view project_id,
                                                     std::string_view model_id,
                                                     std::int64_t limit) {
    return database_.read([&](sql::Connection& connection) {
        return connection.all(
            "SELECT DISTINCT r.id FROM tracking_model_links l JOIN tracking_runs r ON r.number = "
            "l.run WHERE l.model_id = $1 AND l.is_output = 0 AND r.project_id = $2 AND r.deleted "
            "= 0 ORDER BY r.id LIMIT $3",
            {model_id, project_id, limit}, read_id);
    });
}

}  // namespace maru::tracking
