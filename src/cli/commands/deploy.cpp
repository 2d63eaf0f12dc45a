#include <memory>

#include "base/id.hpp"
#include "cli/commands/commands.hpp"
#include "cli/follow/retry.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "cli/values.hpp"
#include "serving/operations.hpp"

namespace maru::cli {
namespace {

using serving::Endpoint;
using serving::EndpointState;
using serving::EndpointVariant;

struct DeployOptions {
    std::string model;
    std::optional<std::string> name, cpus, memory;
    std::optional<std::int64_t> gpus;
    std::int64_t replicas = 1;
    bool wait = false;
};

/// The variant that this deployment asked for: the one that takes over, or the only one.
const EndpointVariant* wanted_variant(const Endpoint& endpoint) {
    for (const auto& variant : endpoint.variants)
        if (variant.weight == 0) return &variant;
    return endpoint.variants.empty() ? nullptr : &endpoint.variants.back();
}

bool same_model(const EndpointVariant& a, const EndpointVariant& b) {
    return a.model == b.model && a.version == b.version;
}

[[noreturn]] void fail_deployment(const Endpoint& endpoint, const EndpointVariant& wanted) {
    auto logs =
        wanted.workload_ids.empty() ? "" : "; see: maru logs " + wanted.workload_ids.front();
    auto reason = endpoint.reason.empty() ? "its replicas did not become ready" : endpoint.reason;
    fail(ErrorCode::failed_precondition, "{}/{} could not be deployed to {}: {}{}", wanted.model,
         wanted.version, endpoint.name, reason, logs);
}

/// Waits until the wanted model version answers; throws failed_precondition if it never will.
Endpoint wait_until_ready(Session& session, Endpoint endpoint) {
    const auto* found = wanted_variant(endpoint);
    if (!found) return endpoint;
    auto wanted = *found;
    StatusLine status(session.err());
    std::chrono::milliseconds pause{50};
    for (;;) {
        const EndpointVariant* now = nullptr;
        for (const auto& variant : endpoint.variants)
            if (same_model(variant, wanted)) now = &variant;
        if (endpoint.state == EndpointState::failed || !now) fail_deployment(endpoint, wanted);
        wanted.workload_ids = now->workload_ids;
        if (endpoint.state == EndpointState::ready && now->weight > 0 && now->replicas_ready > 0)
            return endpoint;
        status.show(fmt::format("{}/{}: {}", wanted.model, wanted.version,
                                endpoint.reason.empty() ? "starting" : printable(endpoint.reason)));
        std::this_thread::sleep_for(pause);
        pause = std::min(pause * 3 / 2, std::chrono::milliseconds(500));
        endpoint = retrying(kPatience, [&] {
            return session.client().call(serving::get_endpoint,
                                         {.project = session.project(), .name = endpoint.name});
        });
    }
}

int deploy(Session& session, const DeployOptions& options) {
    serving::CreateEndpoint request{
        .project = session.project(),
        .name = options.name.value_or(options.model.substr(0, options.model.find_first_of("/@"))),
        .model = options.model,
        .replicas = static_cast<std::int32_t>(options.replicas)};
    if (options.replicas < 1 || options.replicas > 1000)
        fail(ErrorCode::invalid_argument, "--replicas: expected 1 to 1000, got {}",
             options.replicas);
    if (options.cpus) request.resources.cpu_milli = parse_cpus("--cpus", *options.cpus);
    if (options.memory)
        request.resources.memory_mib = parse_memory_mib("--memory", *options.memory);
    if (options.gpus) request.resources.gpus = *options.gpus;
    auto endpoint =
        session.client().call(serving::create_endpoint, request, {.idempotency_key = new_id()});
    if (options.wait) endpoint = wait_until_ready(session, std::move(endpoint));
    if (session.json()) {
        session.print_json(endpoint);
        return 0;
    }
    print_out(fmt::format("{} is {} at {}{}/invocations\n", endpoint.name,
                          enum_name(endpoint.state), session.settings().url, endpoint.url));
    return 0;
}

}  // namespace

std::vector<Command> deploy_commands() {
    auto options = std::make_shared<DeployOptions>();
    return {
        {.name = "deploy",
         .summary = "Serve a model version at an endpoint",
         .details = "An endpoint of that name which is there already goes on with its old model "
                    "until the new "
                    "one is ready.",
         .configure =
             [options](Arguments& arguments) {
                 arguments.positional("MODEL", &options->model,
                                      "MODEL/VERSION or MODEL@ALIAS, for example digits@champion");
                 arguments.option("--name", "ENDPOINT", &options->name,
                                  "The endpoint's name, the model's if not given");
                 arguments.option("--cpus", "N", &options->cpus, "CPUs of each replica");
                 arguments.option("--memory", "SIZE", &options->memory,
                                  "Memory of each replica, for example 2GiB");
                 arguments.option("--gpus", "N", &options->gpus, "GPUs of each replica");
                 arguments.option("--replicas", "N", &options->replicas,
                                  "How many replicas, 1 if not given");
                 arguments.flag("--wait", options->wait, "Return when it answers, or can't");
             },
         .run = [options](Session& session) { return deploy(session, *options); }},
    };
}

}  // namespace maru::cli
