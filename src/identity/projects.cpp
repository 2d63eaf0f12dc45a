#include <algorithm>

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/text.hpp"
#include "identity/state.hpp"

namespace maru::identity {

namespace {

constexpr std::size_t kDescriptionBytesMax = 4000;

Project to_project(const ProjectRow& row, Role role) {
    return {.id = row.ref.id,
            .name = row.ref.name,
            .description = row.description,
            .created_at = row.created_at,
            .role = role};
}

/// Throws failed_precondition where a change would leave a project to nobody but the platform's
/// admins.
void check_owner_stays(const Directory& directory, const api::Context& context,
                       std::string_view user_id) {
    if (context.admin) return;
    const auto& project = context.in_project();
    for (const auto& [id, role] : directory.members(project.id))
        if (id != user_id && role == Role::owner) return;
    fail(ErrorCode::failed_precondition,
         "project \"{}\" would have no owner any more; make another member its owner first",
         project.name);
}

}  // namespace

void Service::State::insert_project(sql::Connection& connection, ProjectRow& project) const {
    // Never a number twice, even of deleted projects: files of a project belong to a user id made
    // from it.
    project.ref.number =
        connection
            .first("SELECT value FROM identity_settings WHERE name = $1", {"next_project_number"},
                   [](const sql::Row& row) { return row.integer(0); })
            .value();
    project.created_at = clock.now();
    connection.execute("UPDATE identity_settings SET value = value + 1 WHERE name = $1",
                       {"next_project_number"});
    connection.execute(
        "INSERT INTO projects (id, number, name, description, created_at) VALUES ($1, $2, $3, $4, "
        "$5)",
        {project.ref.id, project.ref.number, project.ref.name, project.description,
         project.created_at});
}

void Service::State::set_role(sql::Connection& connection, std::string_view project_id,
                              std::string_view user_id, Role role) const {
    connection.execute(
        "INSERT INTO members (project_id, user_id, role) VALUES ($1, $2, $3) "
        "ON CONFLICT (project_id, user_id) DO UPDATE SET role = excluded.role",
        {project_id, user_id, enum_name(role)});
}

api::ProjectRef Service::project(std::string_view name) const {
    auto project = state_->directory.project_by_name(name);
    if (!project) fail(ErrorCode::not_found, "project \"{}\" does not exist", name);
    return project->ref;
}

std::optional<api::ProjectRef> Service::project_by_id(std::string_view id) const {
    auto project = state_->directory.project(id);
    return project ? std::optional(project->ref) : std::nullopt;
}

std::vector<api::ProjectRef> Service::all_projects() const {
    std::vector<api::ProjectRef> projects;
    for (const auto& project : state_->directory.projects()) projects.push_back(project->ref);
    return projects;
}

std::optional<Role> Service::role_in(std::string_view project_id, std::string_view user_id) const {
    auto user = state_->directory.user(user_id);
    if (!user || user->disabled || !state_->directory.project(project_id)) return std::nullopt;
    return role_of(state_->directory, {.user = user}, project_id);
}

api::Page<Project> Service::list_projects(const api::Context& context,
                                          const ListProjects& request) const {
    Caller caller = state_->caller_of(context);
    const std::string* bound = caller.bound_project_id();
    auto visible = state_->directory.projects();
    std::erase_if(visible, [&](const auto& project) {
        return (bound != nullptr && project->ref.id != *bound) ||
               (!role_of(state_->directory, caller, project->ref.id) &&
                !state_->directory.grants(project->ref.id, caller.user->id));
    });
    return page_of(
        visible, request.page_token, request.page_size,
        [](const auto& project) { return project->ref.name; },
        [&](const auto& project) {
            auto role = role_of(state_->directory, caller, project->ref.id);
            return to_project(*project, role.value_or(Role::guest));
        });
}

Project Service::create_project(const api::Context& context, const CreateProject& request) {
    check_name("name", request.name);
    check_text("description", request.description, kDescriptionBytesMax);
    ProjectRow row{.ref = {.id = new_id(), .name = request.name},
                   .description = request.description};
    extend_audit_resource(request.name);
    std::lock_guard lock(state_->write_mutex);
    if (state_->directory.project_by_name(request.name))
        fail(ErrorCode::already_exists, "project \"{}\" already exists", request.name);
    set_audit_project(row.ref.id);
    state_->database.write([&](sql::Connection& connection) {
        state_->insert_project(connection, row);
        state_->set_role(connection, row.ref.id, context.user_id, Role::owner);
    });
    Project project = to_project(row, Role::owner);
    state_->directory.set_role(row.ref.id, context.user_id, Role::owner);
    state_->directory.put(std::move(row));
    return project;
}

Project Service::get_project(const api::Context& context) const {
    Caller caller = state_->caller_of(context);
    auto project = state_->directory.project(context.in_project().id);
    auto role = role_of(state_->directory, caller, context.in_project().id);
    if (!project)
        fail(ErrorCode::not_found, "project \"{}\" does not exist", context.in_project().name);
    return to_project(*project, role.value_or(Role::guest));
}

Project Service::update_project(const api::Context& context, const UpdateProject& request) {
    check_text("description", request.description, kDescriptionBytesMax);
    {
        std::lock_guard lock(state_->write_mutex);
        auto found = state_->directory.project(context.in_project().id);
        if (!found)
            fail(ErrorCode::not_found, "project \"{}\" does not exist", context.in_project().name);
        ProjectRow row = *found;
        row.description = request.description;
        state_->database.write([&](sql::Connection& connection) {
            connection.execute("UPDATE projects SET description = $2 WHERE id = $1",
                               {row.ref.id, row.description});
        });
        state_->directory.put(std::move(row));
    }
    return get_project(context);
}

api::Page<Member> Service::list_members(const api::Context& context,
                                        const ListMembers& request) const {
    api::require_membership();
    std::vector<Member> members;
    for (const auto& [user_id, role] : state_->directory.members(context.in_project().id))
        if (auto user = state_->directory.user(user_id))
            members.push_back({.user = user->name, .role = role});
    std::ranges::sort(members, {}, &Member::user);
    return page_of(
        members, request.page_token, request.page_size,
        [](const Member& member) { return member.user; },
        [](const Member& member) { return member; });
}

Member Service::set_member(const api::Context& context, const SetMember& request) {
    if (request.role == Role::guest)
        fail_field("role", "expected owner, developer or viewer, got guest");
    const std::string& project_id = context.in_project().id;
    auto user = state_->user_named(request.user);
    std::lock_guard lock(state_->write_mutex);
    if (!state_->directory.project(project_id))
        fail(ErrorCode::not_found, "project \"{}\" does not exist", context.in_project().name);
    if (request.role != Role::owner && state_->directory.role(project_id, user->id) == Role::owner)
        check_owner_stays(state_->directory, context, user->id);
    state_->database.write([&](sql::Connection& connection) {
        state_->set_role(connection, project_id, user->id, request.role);
    });
    state_->directory.set_role(project_id, user->id, request.role);
    return {.user = user->name, .role = request.role};
}

void Service::remove_member(const api::Context& context, const NameMember& request) {
    const std::string& project_id = context.in_project().id;
    auto user = state_->user_named(request.user);
    std::lock_guard lock(state_->write_mutex);
    auto role = state_->directory.role(project_id, user->id);
    if (!role)
        fail(ErrorCode::not_found, "user \"{}\" is not a member of project \"{}\"", user->name,
             context.in_project().name);
    if (role == Role::owner) check_owner_stays(state_->directory, context, user->id);
    state_->database.write([&](sql::Connection& connection) {
        connection.execute("DELETE FROM members WHERE project_id = $1 AND user_id = $2",
                           {project_id, user->id});
    });
    state_->directory.set_role(project_id, user->id, std::nullopt);
}

}  // namespace maru::identity
