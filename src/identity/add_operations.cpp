#include "identity/service.hpp"

namespace maru::identity {

namespace {

using api::Context;

void add_session_operations(api::Api& api, Service& service) {
    api.handle(create_session, [&service](const Context& context, const CreateSession& request) {
        return service.sign_in(context, request);
    });
    api.handle(create_session_from_link,
               [&service](const Context& context, const CreateSessionFromLink& request) {
                   return service.sign_in_by_link(context, request);
               });
    api.handle(get_session, [&service](const Context& context, const api::Nothing&) {
        return service.session(context);
    });
    api.handle(delete_session, [&service](const Context& context, const api::Nothing&) {
        service.sign_out(context);
    });
    api.handle(change_password, [&service](const Context& context, const ChangePassword& request) {
        service.change_password(context, request);
    });
}

void add_user_operations(api::Api& api, Service& service) {
    api.handle(list_users, [&service](const Context&, const ListUsers& request) {
        return service.list_users(request);
    });
    api.handle(create_user, [&service](const Context&, const CreateUser& request) {
        return service.create_user(request);
    });
    api.handle(update_user, [&service](const Context&, const UpdateUser& request) {
        return service.update_user(request);
    });
    api.handle(list_tokens, [&service](const Context& context, const ListTokens& request) {
        return service.list_tokens(context, request);
    });
    api.handle(create_token, [&service](const Context& context, const CreateToken& request) {
        return service.create_token(context, request);
    });
    api.handle(delete_token, [&service](const Context& context, const NameToken& request) {
        service.delete_token(context, request);
    });
}

void add_project_operations(api::Api& api, Service& service) {
    api.handle(list_projects, [&service](const Context& context, const ListProjects& request) {
        return service.list_projects(context, request);
    });
    api.handle(create_project, [&service](const Context& context, const CreateProject& request) {
        return service.create_project(context, request);
    });
    api.handle(get_project, [&service](const Context& context, const NameProject&) {
        return service.get_project(context);
    });
    api.handle(update_project, [&service](const Context& context, const UpdateProject& request) {
        return service.update_project(context, request);
    });
    api.handle(delete_project, [&service](const Context& context, const DeleteProject& request) {
        service.delete_project(context, request.purge);
    });
    api.handle(list_members, [&service](const Context& context, const ListMembers& request) {
        return service.list_members(context, request);
    });
    api.handle(set_member, [&service](const Context& context, const SetMember& request) {
        return service.set_member(context, request);
    });
    api.handle(remove_member, [&service](const Context& context, const NameMember& request) {
        service.remove_member(context, request);
    });
    api.handle(list_audit, [&service](const Context& context, const ListAudit& request) {
        return service.list_audit(context, request);
    });
}

}  // namespace

void add_operations(api::Api& api, Service& service) {
    add_session_operations(api, service);
    add_user_operations(api, service);
    add_project_operations(api, service);
}

}  // namespace maru::identity
