#include "base/error.hpp"
#include "tracking/service.hpp"
#include "tracking/validation.hpp"

namespace maru::tracking {
namespace {

constexpr std::int64_t kViewsMax = 500;
constexpr std::size_t kNameLengthMax = 200, kStateBytesMax = 32'768;

RunView read_view(const sql::Row& row) {
    return {row.string(0), row.string(1), row.string(2), row.time(3), row.time(4)};
}

}  // namespace

std::vector<RunView> Service::list_views(std::string_view project_id, std::string_view experiment) {
    return database_.read([&](sql::Connection& connection) {
        return connection.all(
            "SELECT name, user_name, state, created_at, updated_at FROM tracking_views WHERE "
            "experiment = $1 ORDER BY name",
            {load_experiment(connection, project_id, experiment).number}, read_view);
    });
}

RunView Service::put_view(std::string_view project_id, std::string_view experiment,
                          std::string_view name, std::string_view user, std::string_view state) {
    if (name.empty()) fail_field("name", "must not be empty");
    check_length(name, kNameLengthMax, "name");
    if (state.size() > kStateBytesMax)
        fail_field("state", fmt::format("is longer than {} bytes", kStateBytesMax));
    return database_.write([&](sql::Connection& connection) {
        std::int64_t number = load_active_experiment(connection, project_id, experiment).number;
        connection.execute(
            "INSERT INTO tracking_views (experiment, name, user_name, state, created_at, "
            "updated_at) VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (experiment, name) DO UPDATE "
            "SET user_name = excluded.user_name, state = excluded.state, updated_at = "
            "excluded.updated_at",
            {number, name, user, state, clock_.now()});
        auto count = connection.first("SELECT COUNT(*) FROM tracking_views WHERE experiment = $1",
                                      {number}, [](const sql::Row& row) { return row.integer(0); });
        if (count.value_or(0) > kViewsMax)
            fail(ErrorCode::resource_exhausted, "the experiment has {} saved views already",
                 kViewsMax);
        return connection
            .first(
                "SELECT name, user_name, state, created_at, updated_at FROM tracking_views WHERE "
                "experiment = $1 AND name = $2",
                {number, name}, read_view)
            .value();
    });
}

void Service::delete_view(std::string_view project_id, std::string_view experiment,
                          std::string_view name) {
    database_.write([&](sql::Connection& connection) {
        std::int64_t number = load_active_experiment(connection, project_id, experiment).number;
        if (connection.execute("DELETE FROM tracking_views WHERE experiment = $1 AND name = $2",
                               {number, name}) == 0)
            fail(ErrorCode::not_found, "the experiment has no view \"{}\"", name);
    });
}

}  // namespace maru::tracking
