#include "models/operations.hpp"

#include "base/json.hpp"
#include "models/service.hpp"

namespace maru::models {
namespace {

/// A text in a filter, quotes doubled.
std::string filter_text(std::string_view text) {
    std::string result = "'";
    for (char c : text) result += c == '\'' ? std::string("''") : std::string(1, c);
    return result + "'";
}

/// The run in "runs:/RUN/path", as MLflow's client sends it beside the source.
std::optional<std::string> run_of(std::string_view source) {
    constexpr std::string_view kRuns = "runs:/";
    if (!source.starts_with(kRuns)) return std::nullopt;
    source.remove_prefix(kRuns.size());
    return std::string(source.substr(0, source.find('/')));
}

/// A version as it is answered: with what its files say in short.
ModelVersion whole(Service& service, std::string_view project_id, ModelVersion version) {
    service.add_file_facts(project_id, version);
    return version;
}

ModelVersion update(Service& service, const Author& author, const UpdateVersion& request) {
    ModelVersion version = service.get_version(author.project_id, request.model, request.version);
    if (request.description)
        version =
            service.describe_version(author, request.model, request.version, *request.description);
    if (request.stage)
        version = service.set_version_stage(author, request.model, request.version, *request.stage,
                                            request.archive_existing);
    return whole(service, author.project_id, std::move(version));
}

void add_write_operations(api::Api& api, Service& service) {
    api.handle(create_model, [&service](const api::Context& context, const CreateModel& request) {
        return service.create_model(author_of(context), request.name, request.description,
                                    request.tags);
    });
    api.handle(update_model, [&service](const api::Context& context, const UpdateModel& request) {
        Author author = author_of(context);
        Model model = service.get_model(author.project_id, request.model);
        if (request.description)
            model = service.describe_model(author, request.model, *request.description);
        if (request.name) model = service.rename_model(author, request.model, *request.name);
        return model;
    });
    api.handle(
        create_version, [&service](const api::Context& context, const CreateVersion& request) {
            Author author = author_of(context);
            if (request.create_model) service.ensure_model(author, request.model);
            NewVersion version{.model = request.model,
                               .source = request.source,
                               .description = request.description,
                               .run_link = "",
                               .user = context.user,
                               .run_id = run_of(request.source),
                               .model_id = "",
                               .tags = request.tags};
            return whole(service, author.project_id, service.create_version(author, version));
        });
    api.handle(update_version,
               [&service](const api::Context& context, const UpdateVersion& request) {
                   return update(service, author_of(context), request);
               });
    api.handle(remove_model, [&service](const api::Context& context, const NameModel& request) {
        service.remove_with_files(author_of(context), request.model, std::nullopt);
    });
    api.handle(remove_version, [&service](const api::Context& context, const NameVersion& request) {
        service.remove_with_files(author_of(context), request.model, request.version);
    });
    api.handle(set_tags, [&service](const api::Context& context, const SetTags& request) {
        Author author = author_of(context);
        service.set_tags(author, request.model, request.version, request.set, request.remove);
        return service.get_model(author.project_id, request.model);
    });
}

void add_history_operations(api::Api& api, Service& service) {
    api.handle(get_contents, [&service](const api::Context& context, const NameVersion& request) {
        const std::string& project = context.in_project().id;
        return service.contents(project,
                                service.get_version(project, request.model, request.version));
    });
    api.handle(get_card, [&service](const api::Context& context, const NameCard& request) {
        return service.card(context.in_project().id, request.model, request.version);
    });
    api.handle(set_card, [&service](const api::Context& context, const SetCard& request) {
        return service.set_card(author_of(context), request.model, request.version, request.text,
                                request.revision);
    });
    api.handle(list_changes, [&service](const api::Context& context, const ListChanges& request) {
        return service.history(context.in_project().id, request);
    });
    api.handle(get_change, [&service](const api::Context& context, const NameChange& request) {
        return service.get_change(context.in_project().id, request.model, request.number);
    });
}

void add_approval_operations(api::Api& api, Service& service) {
    api.handle(list_approval_rules, [&service](const api::Context& context, const ListRules&) {
        return api::Page<ApprovalRule>{service.approval_rules(context.in_project().id), {}};
    });
    api.handle(set_approval_rule, [&service](const api::Context& context, const SetRule& request) {
        return service.set_approval_rule(author_of(context),
                                         {.model = request.model,
                                          .aliases = request.aliases,
                                          .stages = request.stages,
                                          .approvals = request.approvals,
                                          .role = request.role,
                                          .expires_after_s = request.expires_after_s,
                                          .user = ""});
    });
    api.handle(delete_approval_rule,
               [&service](const api::Context& context, const NameRule& request) {
                   service.remove_approval_rule(author_of(context), request.model);
               });
    api.handle(list_requests, [&service](const api::Context& context, const ListRequests& request) {
        return service.list_requests(author_of(context), request);
    });
    api.handle(get_request, [&service](const api::Context& context, const NameRequest& request) {
        return service.get_request(author_of(context), request.id);
    });
    api.handle(create_request,
               [&service](const api::Context& context, const CreateRequest& request) {
                   return service.request_move(author_of(context),
                                               {.model = request.model,
                                                .kind = request.kind,
                                                .target = request.target,
                                                .version = request.version,
                                                .archive_existing = request.archive_existing,
                                                .comment = request.comment});
               });
    api.handle(approve_request,
               [&service](const api::Context& context, const ReviewRequest& request) {
                   return service.review(author_of(context), request.id, true, request.comment);
               });
    api.handle(reject_request,
               [&service](const api::Context& context, const ReviewRequest& request) {
                   return service.review(author_of(context), request.id, false, request.comment);
               });
    api.handle(withdraw_request,
               [&service](const api::Context& context, const ReviewRequest& request) {
                   return service.withdraw(author_of(context), request.id, request.comment);
               });
}

}  // namespace

void add_operations(api::Api& api, Service& service) {
    add_write_operations(api, service);
    add_history_operations(api, service);
    add_approval_operations(api, service);
    api.handle(import_model, [&service](const api::Context& context, const ImportModel& request) {
        return service.import_model(author_of(context), request);
    });
    api.handle(list_models, [&service](const api::Context& context, const ListModels& request) {
        return service.search_models(context.in_project().id,
                                     {.results_max = api::check_page_size(request.page_size),
                                      .page_token = request.page_token});
    });
    api.handle(get_model, [&service](const api::Context& context, const NameModel& request) {
        return service.get_model(context.in_project().id, request.model);
    });
    api.handle(delete_model, [&service](const api::Context& context, const NameModel& request) {
        service.delete_model(author_of(context), request.model);
    });
    api.handle(list_versions, [&service](const api::Context& context, const ListVersions& request) {
        const std::string& project = context.in_project().id;
        service.get_model(project, request.model);
        auto page = service.search_versions(project,
                                            {.filter = "name = " + filter_text(request.model),
                                             .order_by = {"version_number DESC"},
                                             .results_max = api::check_page_size(request.page_size),
                                             .page_token = request.page_token});
        for (auto& version : page.items) service.add_file_facts(project, version);
        return page;
    });
    api.handle(get_version, [&service](const api::Context& context, const NameVersion& request) {
        const std::string& project = context.in_project().id;
        ModelVersion version = service.get_version(project, request.model, request.version);
        service.add_file_facts(project, version);
        return version;
    });
    api.handle(delete_version, [&service](const api::Context& context, const NameVersion& request) {
        service.delete_version(author_of(context), request.model, request.version);
    });
    api.handle(set_alias, [&service](const api::Context& context, const SetAlias& request) {
        service.set_alias(author_of(context), request.model, request.alias, request.version);
        return service.get_model(context.in_project().id, request.model);
    });
    api.handle(delete_alias, [&service](const api::Context& context, const NameAlias& request) {
        service.delete_alias(author_of(context), request.model, request.alias);
    });
}

}  // namespace maru::models
