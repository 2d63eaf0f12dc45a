#include "environments/operations.hpp"

#include "base/error.hpp"
#include "environments/service.hpp"

namespace maru::environments {

void add_operations(api::Api& api, Service& service) {
    using api::Context;
    api.handle(create_environment, [&](const Context& context, const CreateEnvironment& request) {
        return service.ensure(context.in_project(), context.user, request.name,
                              request.requirements);
    });
    api.handle(list_environments, [&](const Context& context, const ListEnvironments& request) {
        return service.list(context.in_project(), request);
    });
    api.handle(get_environment, [&](const Context& context, const NameEnvironment& request) {
        return service.get(context.in_project(), request.environment);
    });
    api.handle(delete_environment, [&](const Context& context, const NameEnvironment& request) {
        service.remove(context.in_project(), request.environment);
    });
    api.handle(find_missing_blobs, [&](const Context& context, const FindMissingBlobs& request) {
        return service.missing_blobs(context.in_project(), request);
    });
    api.handle(put_blob, [&](const Context& context, const PutBlob& request) {
        return service.put_blob(context.in_project(), request.sha256, *context.request);
    });
    api.handle(create_code_snapshot,
               [&](const Context& context, const CreateCodeSnapshot& request) {
                   return service.create_code_snapshot(context.in_project(), request);
               });
    api.handle(get_code_snapshot, [&](const Context& context, const NameCodeSnapshot& request) {
        return service.get_code_snapshot(context.in_project(), request.id);
    });
    api.handle(list_code_files, [&](const Context& context, const ListCodeFiles& request) {
        return service.list_code_files(context.in_project(), request);
    });
    api.handle(read_code_file, [&](const Context& context, const NameCodeFile& request) {
        if (request.path.empty()) fail_field("path", "is required");
        return service.read_code_file(context.in_project(), request);
    });
}

}  // namespace maru::environments
