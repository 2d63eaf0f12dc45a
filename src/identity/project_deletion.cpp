#include <fmt/ranges.h>

#include "base/error.hpp"
#include "base/log.hpp"
#include "identity/state.hpp"

namespace maru::identity {
namespace {

/// How long after its deletion something of a project may still come: what was admitted before.
constexpr std::chrono::hours kComesUntil{24};

struct DeletedProject {
    api::ProjectRef ref;
    Time deleted_at{};
    bool removed = false;
};

std::vector<DeletedProject> deleted_projects(sql::Connection& connection) {
    return connection.all(
        "SELECT id, number, name, deleted_at, removed FROM deleted_projects ORDER BY number", {},
        [](const sql::Row& row) {
            return DeletedProject{
                {.id = row.string(0), .number = row.integer(1), .name = row.string(2)},
                row.time(3),
                row.boolean(4)};
        });
}

}  // namespace

void Service::add_project_room(ProjectRoom room) {
    state_->rooms.push_back(std::move(room));
}

void Service::set_deletion_listener(std::function<void()> listener) {
    state_->deletion_listener = std::move(listener);
}

void Service::State::check_deletable(sql::Connection& connection, const api::ProjectRef& project,
                                     bool purge) const {
    for (const auto& room : rooms)
        if (auto reason = room.running ? room.running(connection, project.id) : std::nullopt)
            fail(ErrorCode::failed_precondition, "project \"{}\" cannot be deleted: {}",
                 project.name, *reason);
    if (purge) return;
    std::vector<std::string> contents;
    for (const auto& room : rooms)
        for (auto& what : room.contents(connection, project.id))
            contents.push_back(std::move(what));
    if (!contents.empty())
        fail(ErrorCode::failed_precondition,
             "project \"{}\" is not empty: it has {}. Delete that first, or purge the project, "
             "which removes everything in it for good (purge=true; maru project rm {} --purge)",
             project.name, fmt::join(contents, ", "), project.name);
}

void Service::delete_project(const api::Context& context, bool purge) {
    const api::ProjectRef& ref = context.in_project();
    if (ref.name == kDefaultProject)
        fail(ErrorCode::failed_precondition, "project \"{}\" cannot be deleted", ref.name);
    {
        std::lock_guard lock(state_->write_mutex);
        if (!state_->directory.project(ref.id))
            fail(ErrorCode::not_found, "project \"{}\" does not exist", ref.name);
        state_->database.write([&](sql::Connection& connection) {
            state_->check_deletable(connection, ref, purge);
            for (std::string_view table : {"resource_grants", "resource_role_users"})
                connection.execute(
                    fmt::format("DELETE FROM {} WHERE role IN (SELECT id FROM resource_roles "
                                "WHERE project_id = $1)",
                                table),
                    {ref.id});
            connection.execute("DELETE FROM resource_roles WHERE project_id = $1", {ref.id});
            connection.execute("DELETE FROM members WHERE project_id = $1", {ref.id});
            connection.execute("DELETE FROM tokens WHERE project_id = $1", {ref.id});
            connection.execute("DELETE FROM projects WHERE id = $1", {ref.id});
            // What its rooms have goes after this, however often the server is killed meanwhile.
            connection.execute(
                "INSERT INTO deleted_projects (id, number, name, deleted_at, removed) VALUES ($1, "
                "$2, $3, $4, 0)",
                {ref.id, ref.number, ref.name, state_->clock.now()});
        });
        state_->directory.remove_project(ref.id);
    }
    state_->deletion_listener();
}

std::int64_t Service::remove_deleted_projects() {
    std::lock_guard lock(state_->removal_mutex);
    std::int64_t removed = 0;
    for (const auto& project : state_->database.read(deleted_projects)) {
        bool last = state_->clock.now() - project.deleted_at > kComesUntil;
        if (project.removed && !last) continue;
        for (const auto& room : state_->rooms) room.remove(project.ref);
        if (!project.removed) {
            log::info("removed what was in the deleted project {}", project.ref.name);
            ++removed;
        }
        state_->database.write([&](sql::Connection& connection) {
            connection.execute(last ? "DELETE FROM deleted_projects WHERE id = $1"
                                    : "UPDATE deleted_projects SET removed = 1 WHERE id = $1",
                               {project.ref.id});
        });
    }
    return removed;
}

}  // namespace maru::identity
