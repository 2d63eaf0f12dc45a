#include "compute/service.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/text.hpp"
#include "compute/lifecycle.hpp"
#include "compute/store.hpp"
#include "sql/counts.hpp"

namespace maru::compute {
namespace {

constexpr std::int64_t kArgumentsBytesMax =
    1 << 20;  // of Linux's 2 MiB for arguments and variables together

void check_range(std::string_view field, std::int64_t value, std::int64_t least,
                 std::int64_t most) {
    if (value < least || value > most)
        fail_field(field, fmt::format("{} is out of range; expected {} to {}", value, least, most));
}

void check_variables(const std::map<std::string, std::string>& variables) {
    auto is_name = [](std::string_view name) {
        if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
        return std::ranges::all_of(name, [](char c) {
            return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                   (c >= '0' && c <= '9');
        });
    };
    for (const auto& [name, value] : variables) {
        if (!is_name(name) || name.size() > 250)
            fail_field(
                "variables",
                fmt::format("{} is not a variable's name; expected letters, digits and '_', not "
                            "beginning with a digit",
                            json_string(name.substr(0, 80))));
        check_text("variables." + name, value, 128 << 10);
    }
}

void check_command(const std::vector<std::string>& command) {
    if (command.empty() || command[0].empty())
        fail_field("command", "is empty; expected a program and its arguments");
    std::int64_t bytes = 0;
    for (std::size_t i = 0; i < command.size(); ++i) {
        check_text(fmt::format("command[{}]", i), command[i], 128 << 10);
        bytes += static_cast<std::int64_t>(command[i].size()) + 1;
    }
    if (bytes > kArgumentsBytesMax)
        fail_field("command", fmt::format("is {} bytes long; at most {} are allowed", bytes,
                                          kArgumentsBytesMax));
}

void check(const Submission& submission) {
    check_command(submission.command);
    check_text("name", submission.name, 250);
    check_range("resources.cpu_milli", submission.resources.cpu_milli, 10, 10'000'000);
    check_range("resources.memory_mib", submission.resources.memory_mib, 16, 1 << 30);
    check_range("resources.gpus", submission.resources.gpus, 0, 100'000);
    check_range("retries", submission.retries, 0, 100);
    if (submission.time_limit_s)
        check_range("time_limit_s", *submission.time_limit_s, 1, 31'536'000);
    check_range("stop_grace_s", submission.stop_grace_s, 0, 86'400);
    check_variables(submission.variables);
    for (const auto& [key, value] : submission.parameters) {
        check_text("parameters", key, 250);
        check_text("parameters." + key, value, 6000);
    }
    for (const auto& [key, value] : submission.tags) {
        check_text("tags", key, 250);
        check_text("tags." + key, value, 8000);
    }
    if (submission.experiment) check_text("experiment", *submission.experiment, 500);
}

/// "train.py" of ["python", "train.py", "--lr", "1"]; else the program's own name.
std::string name_from(const std::vector<std::string>& command) {
    auto base = [](std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); };
    std::string name = base(command[0]);
    for (const auto& argument : command) {
        if (argument.ends_with(".py") || argument.ends_with(".sh")) {
            name = base(argument);
            break;
        }
    }
    name = name.substr(0, 250);
    return is_utf8(name) ? name : "job";
}

std::int64_t event_position(std::string_view last_event_id, std::int64_t given) {
    if (last_event_id.empty()) return given;
    auto number = parse_int(last_event_id);
    if (!number || *number < 0)
        fail_field("Last-Event-ID", fmt::format("expected a number, got {}",
                                                json_string(last_event_id.substr(0, 40))));
    return *number;
}

}  // namespace

struct Service::State {
    sql::Database& database;
    const Clock& clock;
    std::filesystem::path data_directory;
    Lifecycle lifecycle;

    Workload load(std::string_view id) {
        auto workload =
            database.read([&](sql::Connection& c) { return store::get(c, id).workload; });
        workload.folder = attempt_folder(data_directory, workload);
        lifecycle.refresh(workload.job);
        return workload;
    }

    Workload load(std::string_view project_id, std::string_view id) {
        auto workload = load(id);
        if (workload.project_id != project_id)
            fail(ErrorCode::not_found, "the job {} does not exist", id);
        return workload;
    }
};

Service::Service(sql::Database& database, Engine& engine, const Clock& clock,
                 ServiceOptions options)
    : state_(new State{database,
                       clock,
                       options.data_directory,
                       {database, engine, clock, options.data_directory}}) {}

Service::~Service() = default;

void Service::add_contributor(Contributor& contributor) {
    state_->lifecycle.add_contributor(contributor);
}
void Service::start() {
    state_->lifecycle.start();
}
void Service::stop() {
    state_->lifecycle.stop();
}
void Service::wake() {
    state_->lifecycle.wake();
}

Workload Service::submit(const Submission& submission) {
    check(submission);
    if (auto reason = state_->lifecycle.impossible(submission.resources))
        fail_field("resources", fmt::format("no node here could ever run it: it {}", *reason));
    Workload workload;
    workload.project_id = submission.project.id;
    workload.user_number = submission.user_number.value_or(submission.project.number);
    workload.private_data = submission.private_data;
    Job& job = workload.job;
    job.id = new_id();
    job.project = submission.project.name;
    job.kind = submission.kind;
    job.name = submission.name.empty() ? name_from(submission.command) : submission.name;
    job.command = submission.command;
    job.environment = submission.environment;
    job.code = submission.code;
    job.resources = submission.resources;
    job.retries = submission.retries;
    job.time_limit_s = submission.time_limit_s;
    job.stop_grace_s = submission.stop_grace_s;
    job.variables = submission.variables;
    job.parameters = submission.parameters;
    job.tags = submission.tags;
    job.experiment = submission.experiment;
    job.user = submission.user;
    job.queued_at = state_->clock.now();
    job.replicas = {Replica{}};
    workload.folder = attempt_folder(state_->data_directory, workload);
    return state_->lifecycle.submit(std::move(workload));
}

Workload Service::get(std::string_view project_id, std::string_view id) {
    return state_->load(project_id, id);
}

Workload Service::get(sql::Connection& connection, std::string_view id) {
    auto workload = store::get(connection, id).workload;
    workload.folder = attempt_folder(state_->data_directory, workload);
    return workload;
}

api::Page<Job> Service::list(std::string_view project_id, const ListJobs& request) {
    if (request.state != "all" && request.state != "active" &&
        !enum_from<WorkloadState>(request.state))
        fail_field("state", fmt::format("expected all, active or a state such as running, got {}",
                                        json_string(request.state.substr(0, 40))));
    if (request.kind != "all" && !enum_from<WorkloadKind>(request.kind))
        fail_field("kind",
                   fmt::format("expected all, job, environment_build or endpoint_replica, got {}",
                               json_string(request.kind.substr(0, 40))));
    auto size = api::check_page_size(request.page_size);
    store::ListFilter filter{std::string(project_id), request.state, request.kind, "", size + 1};
    if (!request.page_token.empty()) filter.before_id = api::decode_page_token(request.page_token);
    api::Page<Job> page;
    page.items = state_->database.read([&](sql::Connection& c) { return store::list(c, filter); });
    if (page.items.size() > static_cast<std::size_t>(size)) {
        page.items.pop_back();
        page.next_page_token = api::encode_page_token(page.items.back().id);
    }
    for (auto& job : page.items) state_->lifecycle.refresh(job);
    return page;
}

Job Service::stop_workload(std::string_view project_id, std::string_view id,
                           std::string_view reason) {
    state_->load(project_id, id);
    state_->lifecycle.request_stop(id, reason);
    return state_->load(project_id, id).job;
}

Job Service::retry(const api::ProjectRef& project, std::string_view id, std::string_view user) {
    auto job = state_->load(project.id, id).job;
    if (job.kind != WorkloadKind::job)
        fail(ErrorCode::failed_precondition,
             "{} is not a job but an {}; what made it starts it again", id, enum_name(job.kind));
    Submission submission{.project = project,
                          .user_number = {},
                          .user = std::string(user),
                          .name = job.name,
                          .kind = job.kind,
                          .command = job.command,
                          .environment = job.environment,
                          .code = job.code,
                          .resources = job.resources,
                          .retries = job.retries,
                          .time_limit_s = job.time_limit_s,
                          .stop_grace_s = job.stop_grace_s,
                          .variables = job.variables,
                          .parameters = job.parameters,
                          .tags = job.tags,
                          .experiment = job.experiment,
                          .private_data = {}};
    return submit(submission).job;
}

api::Page<Event> Service::events(std::string_view project_id, const ListJobEvents& request) {
    state_->load(project_id, request.id);
    auto size = api::check_page_size(request.page_size);
    std::int64_t after = 0;
    if (!request.page_token.empty())
        after = parse_int(api::decode_page_token(request.page_token)).value_or(0);
    auto events = state_->database.read([&](sql::Connection& c) {
        return store::events_after(c, after, project_id, request.id, size + 1);
    });
    api::Page<Event> page;
    for (auto& event : events) page.items.push_back(std::move(event.event));
    if (page.items.size() > static_cast<std::size_t>(size)) {
        page.items.pop_back();
        page.next_page_token = api::encode_page_token(std::to_string(page.items.back().number));
    }
    return page;
}

Waiting Service::why(std::string_view project_id, std::string_view id) {
    return state_->lifecycle.why(state_->load(project_id, id).job);
}

UsageHistory Service::usage(std::string_view project_id, std::string_view id) {
    state_->load(project_id, id);
    return {
        state_->database.read([&](sql::Connection& c) { return store::usage(c, id, 100'000); })};
}

net::Response Service::read_log(std::string_view project_id, const ReadJobLog& request,
                                std::string_view last_event_id) {
    auto job = state_->load(project_id, request.id).job;
    if (request.replica < 0 || request.replica >= job.replica_count)
        fail_field("replica", fmt::format("{} is out of range; the job has {}", request.replica,
                                          job.replica_count));
    auto file = log_file(state_->data_directory, job.id, request.replica);
    if (request.follow) {
        auto offset = event_position(last_event_id, request.offset);
        if (offset < 0) fail_field("offset", fmt::format("{} is negative", offset));
        auto channel = net::Channel::create();
        auto ended = [state = state_.get(), id = job.id]() -> std::optional<std::string> {
            if (state->lifecycle.is_active(id)) return std::nullopt;
            auto now = state->database.read(
                [&](sql::Connection& c) { return store::get(c, id).workload.job; });
            if (!is_final(now.state)) return std::nullopt;
            return fmt::format(
                R"({{"state":"{}","exit_code":{},"reason":{}}})", enum_name(now.state),
                now.exit_code ? std::to_string(*now.exit_code) : "null", json_string(now.reason));
        };
        state_->lifecycle.log_follower().follow(file, offset, channel, ended);
        return net::Response::event_stream(channel);
    }
    std::error_code error;
    auto size = static_cast<std::int64_t>(std::filesystem::file_size(file, error));
    if (error) return net::Response::text("");
    net::Response response;
    response.headers.set("Content-Type", "text/plain; charset=utf-8");
    response.headers.set("Cache-Control", "no-store");
    response.headers.set("X-Content-Type-Options", "nosniff");
    response.body = net::FileBody{file, size};
    return response;
}

net::Response Service::follow_events(std::string_view project_id, const FollowEvents& request,
                                     std::string_view last_event_id) {
    auto after = event_position(last_event_id, request.after);
    if (!request.follow)
        fail_field("follow", "must be true; jobs.events lists what has happened to one job");
    auto channel = net::Channel::create();
    state_->lifecycle.event_stream().subscribe(std::string(project_id), after, channel);
    return net::Response::event_stream(channel);
}

std::set<std::string> Service::codes_in_use() {
    return state_->database.read(store::codes);
}

void Service::remove(std::string_view project_id, std::string_view id) {
    auto job = state_->load(project_id, id).job;
    if (!is_final(job.state))
        fail(ErrorCode::failed_precondition, "{} {} is {}: stop it first (maru job stop {})",
             job.kind == WorkloadKind::job ? "job" : "workload", id, enum_name(job.state), id);
    if (!state_->lifecycle.remove_ended(id))
        fail(ErrorCode::not_found, "the job {} does not exist", id);
}

std::vector<std::string> Service::project_contents(sql::Connection& connection,
                                                   const std::string& project_id) {
    return sql::describe_counts(
        connection, project_id,
        {{"job", "select count(*) from workloads where project_id = $1 and kind = 'job'"}});
}

std::optional<std::string> Service::running(sql::Connection& connection,
                                            const std::string& project_id) {
    constexpr std::int64_t kNamedMax = 3;
    auto jobs = store::active_in(connection, project_id, kNamedMax + 1);
    if (jobs.empty()) return std::nullopt;
    std::string names;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (i == kNamedMax) return names + ", ... have not ended; stop them first (maru job stop)";
        names += fmt::format("{}{} {}", i == 0 ? "" : ", ",
                             jobs[i].kind == WorkloadKind::job ? "job" : "workload", jobs[i].id);
    }
    return names + (jobs.size() == 1 ? " has not ended; stop it first (maru job stop)"
                                     : " have not ended; stop them first (maru job stop)");
}

void Service::remove_project(const api::ProjectRef& project) {
    constexpr std::int64_t kAtOnce = 100;
    for (const auto& job : state_->database.read([&](sql::Connection& connection) {
             return store::active_in(connection, project.id, kAtOnce);
         }))
        state_->lifecycle.request_stop(job.id, "its project was deleted");
    while (true) {
        auto ids = state_->database.read([&](sql::Connection& connection) {
            return store::ended_in(connection, project.id, kAtOnce);
        });
        if (ids.empty()) return;
        for (const auto& id : ids) state_->lifecycle.remove_ended(id);
    }
}

Status Service::status() {
    Status status{.version = MARU_VERSION, .nodes = state_->lifecycle.nodes()};
    state_->lifecycle.count_jobs(status.jobs_running, status.jobs_queued);
    return status;
}

}  // namespace maru::compute
