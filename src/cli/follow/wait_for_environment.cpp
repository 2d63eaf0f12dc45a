#include "cli/follow/wait_for_environment.hpp"

#include "cli/follow/follow_job.hpp"
#include "cli/follow/retry.hpp"
#include "compute/operations.hpp"
#include "environments/operations.hpp"

namespace maru::cli {

using environments::EnvironmentState;

environments::Environment wait_for_environment(Session& session,
                                               environments::Environment environment) {
    if (environment.state != EnvironmentState::building) return environment;
    auto& client = session.client();
    const auto& project = session.project();
    StatusLine status(session.err());
    if (session.err().is_terminal) {
        status.show("building the environment");
        auto build =
            client.call(compute::get_job, {.project = project, .id = environment.build_job_id});
        std::mutex output;
        follow_job(session, build, {.dimmed = true}, output, status);
    }
    std::chrono::milliseconds pause{50};
    while (environment.state == EnvironmentState::building) {
        std::this_thread::sleep_for(pause);
        pause = std::min(pause * 3 / 2, std::chrono::milliseconds(500));
        environment = retrying(kPatience, [&] {
            return client.call(environments::get_environment,
                               {.project = project, .environment = environment.id});
        });
    }
    return environment;
}

std::string build_error(const environments::Environment& environment) {
    return environment.error.value_or("see its log: maru logs " + environment.build_job_id);
}

}  // namespace maru::cli
