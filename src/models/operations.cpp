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

}  // namespace

void add_operations(api::Api& api, Service& service) {
    api.handle(list_models, [&service](const api::Context& context, const ListModels& request) {
        return service.search_models(context.in_project().id,
                                     {.results_max = api::check_page_size(request.page_size),
                                      .page_token = request.page_token});
    });
    api.handle(get_model, [&service](const api::Context& context, const NameModel& request) {
        return service.get_model(context.in_project().id, request.model);
    });
    api.handle(delete_model, [&service](const api::Context& context, const NameModel& request) {
        service.delete_model(context.in_project().id, request.model);
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
        service.delete_version(context.in_project().id, request.model, request.version);
    });
    api.handle(set_alias, [&service](const api::Context& context, const SetAlias& request) {
        const std::string& project = context.in_project().id;
        service.set_alias(project, request.model, request.alias, request.version);
        return service.get_model(project, request.model);
    });
    api.handle(delete_alias, [&service](const api::Context& context, const NameAlias& request) {
        service.delete_alias(context.in_project().id, request.model, request.alias);
    });
}

}  // namespace maru::models
