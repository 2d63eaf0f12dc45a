#include <memory>

#include "cli/commands/commands.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "serving/operations.hpp"

namespace maru::cli {
namespace {

std::string models_text(const serving::Endpoint& endpoint) {
    std::string text;
    for (const auto& variant : endpoint.variants) {
        if (!text.empty()) text += ", ";
        text += fmt::format("{}/{}", variant.model, variant.version);
        if (endpoint.variants.size() > 1) text += fmt::format(" {}%", variant.weight);
    }
    return text;
}

int list(Session& session) {
    auto all = fetch_all(session.client(), serving::list_endpoints,
                         {.project = session.project(), .page_token = {}, .page_size = 1000});
    if (session.json()) {
        session.print_json(api::Page<serving::Endpoint>{std::move(all), {}});
        return 0;
    }
    auto now = SystemClock().now();
    Table table({{"NAME", Table::Align::left, true},
                 {"STATE"},
                 {"MODEL", Table::Align::left, true},
                 {"REQUESTS", Table::Align::right},
                 {"ERRORS", Table::Align::right},
                 {"P50 MS", Table::Align::right},
                 {"CREATED"},
                 {"URL", Table::Align::left, true}});
    for (const auto& endpoint : all) {
        auto state = enum_name(endpoint.state);
        table.row({endpoint.name,
                   {state, state_colour(state)},
                   models_text(endpoint),
                   endpoint.requests_total,
                   endpoint.errors_total,
                   endpoint.requests_total ? format_number(endpoint.latency_ms.p50) : "",
                   relative_time(endpoint.created_at, now),
                   endpoint.url + "/invocations"});
    }
    print_out(table.render(session.out()));
    return 0;
}

int show(Session& session, const std::string& name) {
    auto endpoint =
        session.client().call(serving::get_endpoint, {.project = session.project(), .name = name});
    if (session.json()) {
        session.print_json(endpoint);
        return 0;
    }
    auto state = enum_name(endpoint.state);
    Sheet sheet;
    sheet.line("name", endpoint.name);
    sheet.line("state", std::string(state), state_colour(state));
    if (!endpoint.reason.empty()) sheet.line("reason", endpoint.reason);
    const auto& server = session.settings().url;
    sheet.line("url", server + endpoint.url + "/invocations");
    sheet.line("inference",
               fmt::format("{}/p/{}/v2/models/{}/infer", server, session.project(), endpoint.name));
    sheet.line("created", relative_time(endpoint.created_at, SystemClock().now()));
    sheet.line("requests",
               fmt::format("{}, {} errors", endpoint.requests_total, endpoint.errors_total));
    if (endpoint.requests_total)
        sheet.line("latency", fmt::format("{} ms median, {} ms 90 %, {} ms 99 %",
                                          format_number(endpoint.latency_ms.p50),
                                          format_number(endpoint.latency_ms.p90),
                                          format_number(endpoint.latency_ms.p99)));
    print_out(sheet.render(session.out()) + "\n");
    Table table({{"MODEL"},
                 {"VERSION", Table::Align::right},
                 {"WEIGHT", Table::Align::right},
                 {"READY", Table::Align::right},
                 {"JOBS", Table::Align::left, true}});
    for (const auto& variant : endpoint.variants)
        table.row({variant.model, variant.version, fmt::format("{}%", variant.weight),
                   fmt::format("{}/{}", variant.replicas_ready, variant.replicas),
                   fmt::format("{}", fmt::join(variant.workload_ids, " "))});
    print_out(table.render(session.out()));
    return 0;
}

int remove(Session& session, const std::string& name) {
    session.client().call(serving::delete_endpoint, {.project = session.project(), .name = name});
    if (session.json()) session.print_json(api::Nothing{});
    session.say(fmt::format("Removed {}.", name));
    return 0;
}

}  // namespace

std::vector<Command> endpoint_commands() {
    auto name = std::make_shared<std::string>();
    auto name_it = [name](Arguments& arguments) {
        arguments.positional("ENDPOINT", name.get(), "The endpoint's name");
    };
    return {
        {.name = "endpoint ls", .summary = "List endpoints", .run = list},
        {.name = "endpoint show",
         .summary = "Show an endpoint and its replicas",
         .configure = name_it,
         .run = [name](Session& session) { return show(session, *name); }},
        {.name = "endpoint rm",
         .summary = "Stop serving at an endpoint",
         .configure = name_it,
         .run = [name](Session& session) { return remove(session, *name); }},
    };
}

}  // namespace maru::cli
