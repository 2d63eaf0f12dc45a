#include "webhooks/operations.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "identity/service.hpp"
#include "webhooks/service.hpp"

namespace maru::webhooks {

void add_operations(api::Api& api, Service& service) {
    api.handle(list_webhooks, [&service](const api::Context& context, const ListWebhooks& request) {
        std::int64_t limit = api::check_page_size(request.page_size), offset = 0;
        if (!request.page_token.empty()) {
            auto position = parse_int(api::decode_page_token(request.page_token));
            if (!position || *position < 0) fail_field("page_token", "is not one that a list gave");
            offset = *position;
        }
        api::Page<Webhook> page{service.list(context.in_project().id, offset, limit + 1), {}};
        if (static_cast<std::int64_t>(page.items.size()) > limit) {
            page.items.pop_back();
            page.next_page_token = api::encode_page_token(std::to_string(offset + limit));
        }
        return page;
    });
    api.handle(
        create_webhook, [&service](const api::Context& context, const CreateWebhook& request) {
            identity::Service::extend_audit_resource(request.name);
            return service.create(context.in_project().id, {.name = request.name,
                                                            .url = request.url,
                                                            .description = request.description,
                                                            .secret = request.secret,
                                                            .user = context.user,
                                                            .events = request.events,
                                                            .state = request.state});
        });
    api.handle(get_webhook, [&service](const api::Context& context, const NameWebhook& request) {
        return service.get(context.in_project().id, request.webhook);
    });
    api.handle(update_webhook,
               [&service](const api::Context& context, const UpdateWebhook& request) {
                   return service.update(context.in_project().id, request.webhook,
                                         {.name = request.name,
                                          .url = request.url,
                                          .description = request.description,
                                          .secret = request.secret,
                                          .events = request.events,
                                          .state = request.state});
               });
    api.handle(delete_webhook, [&service](const api::Context& context, const NameWebhook& request) {
        service.remove(context.in_project().id, request.webhook);
    });
    api.handle(test_webhook, [&service](const api::Context& context, const TestWebhook& request) {
        return service.test(context.in_project().id, request.webhook, request.event);
    });
    api.handle(list_deliveries,
               [&service](const api::Context& context, const ListDeliveries& request) {
                   return service.deliveries(context.in_project().id, request);
               });
    api.handle(redeliver, [&service](const api::Context& context, const NameDelivery& request) {
        return service.redeliver(context.in_project().id, request.webhook, request.delivery);
    });
}

}  // namespace maru::webhooks
