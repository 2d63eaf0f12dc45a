#include <fmt/format.h>

#include "base/error.hpp"
#include "environments/code_snapshots.hpp"
#include "environments/state.hpp"

namespace maru::environments {
namespace {

bool is_build(const compute::Job& job) {
    return job.kind == compute::WorkloadKind::environment_build;
}

BuildRequest build_request(const compute::Workload& workload) {
    return from_json<BuildRequest>(workload.private_data.text);
}

/// Throws not_found for a workload's code that is not there; else it was used now.
void use_snapshot(sql::Connection& connection, const compute::Workload& workload, Time now) {
    auto found = connection.execute(
        "UPDATE code_snapshots SET used_at = $1 WHERE project_id = $2 AND id = $3",
        {now, workload.project_id, *workload.job.code});
    if (found == 0)
        fail(ErrorCode::not_found,
             "code snapshot {} does not exist in this project; create it first",
             json_string(workload.job.code->substr(0, 80)));
}

std::string explain_failed(std::string_view label, std::string_view error) {
    return fmt::format("environment {} failed to build: {}", label, error);
}

}  // namespace

std::string label(const Environment& environment) {
    return environment.name ? *environment.name : environment.id.substr(0, 12);
}

void StateCache::set(const Environment& environment) {
    std::scoped_lock lock(mutex_);
    entries_[environment.id] = {.state = environment.state,
                                .label = label(environment),
                                .error = environment.error.value_or("")};
}

void StateCache::refresh(sql::Database& database, const std::string& id) {
    std::scoped_lock lock(refresh_);
    auto row = database.read(
        [&](sql::Connection& connection) { return store::find_by_id(connection, id); });
    if (row) set(row->environment);
}

std::optional<StateCache::Entry> StateCache::find(const std::string& id) const {
    std::scoped_lock lock(mutex_);
    auto found = entries_.find(id);
    return found == entries_.end() ? std::nullopt : std::optional(found->second);
}

Contributor::Contributor(sql::Database& database, blob::BlobStore& blobs, compute::Service& compute,
                         const Clock& clock, const ServiceOptions& options)
    : database_(database), blobs_(blobs), compute_(compute), clock_(clock), options_(options) {
    // The interpreter may be a link to another place, whose library it then reads.
    std::error_code error;
    auto real = std::filesystem::canonical(options.python, error);
    if (!error) python_prefix_ = real.parent_path().parent_path();
}

std::filesystem::path Contributor::folder(std::string_view build_id) const {
    return options_.data_directory / "environments" / "builds" / build_id;
}

std::filesystem::path Contributor::cache_folder(std::int64_t user_number) const {
    auto cache = options_.cache_directory.empty()
                     ? options_.data_directory / "environments" / "cache"
                     : options_.cache_directory;
    return cache / fmt::to_string(user_number);
}

BuildPlaces Contributor::places(const compute::Workload& workload,
                                std::string_view build_id) const {
    return {.uv_program = options_.uv_program,
            .python = options_.python,
            .python_prefix = python_prefix_,
            .folder = folder(build_id),
            .cache = cache_folder(workload.user_number),
            .network_variables = options_.network_variables};
}

void Contributor::created(sql::Connection& connection, compute::Workload& workload) {
    compute::Job& job = workload.job;
    if (job.code) use_snapshot(connection, workload, clock_.now());
    if (is_build(job)) {
        auto request = build_request(workload);
        store::Row row;
        row.project_id = workload.project_id;
        row.build_id = request.build_id;
        row.environment.id = request.environment_id;
        row.environment.requirements = fmt::format("{}", fmt::join(request.requirements, "\n"));
        row.environment.python = request.python;
        row.environment.build_job_id = job.id;
        row.environment.created_at = clock_.now();
        store::begin_build(connection, row);
        return;
    }
    if (!job.environment) return;
    auto row = store::find(connection, workload.project_id, *job.environment);
    if (!row)
        fail(ErrorCode::not_found,
             "environment {} does not exist in this project; create it from a requirements.txt "
             "first",
             json_string(job.environment->substr(0, 80)));
    if (row->environment.state == EnvironmentState::failed)
        fail(ErrorCode::failed_precondition, "{}. Create it again to try once more",
             explain_failed(label(row->environment), row->environment.error.value_or("")));
    job.environment = row->environment.id;
    store::add_use(connection, row->environment.id, job.id);
}

std::optional<std::string> Contributor::waits_for(const compute::Workload& workload) {
    if (!workload.job.environment || is_build(workload.job)) return std::nullopt;
    auto entry = cache_.find(*workload.job.environment);
    // Not yet in the cache: its build was committed a moment ago.
    if (!entry)
        return fmt::format("environment {} is being built",
                           workload.job.environment->substr(0, 12));
    if (entry->state == EnvironmentState::building)
        return fmt::format("environment {} is being built", entry->label);
    if (entry->state == EnvironmentState::failed)
        fail(ErrorCode::failed_precondition, "{}", explain_failed(entry->label, entry->error));
    return std::nullopt;
}

void Contributor::prepare(const compute::Workload& workload, compute::ReplicaSpec& replica) {
    if (is_build(workload.job)) {
        auto request = build_request(workload);
        prepare_build(workload, request, places(workload, request.build_id), replica);
        return;
    }
    if (workload.job.code) prepare_code(workload);
    if (!workload.job.environment) return;
    auto row = database_.read([&](sql::Connection& connection) {
        return store::find_by_id(connection, *workload.job.environment);
    });
    if (!row || row->environment.state != EnvironmentState::ready)
        fail(ErrorCode::failed_precondition, "environment {} is not ready",
             *workload.job.environment);
    add_environment(folder(row->build_id), places(workload, row->build_id), replica);
}

void Contributor::prepare_code(const compute::Workload& workload) {
    auto files = files_of(blobs_, *workload.job.code);
    auto work = workload.folder / "work";
    std::filesystem::create_directories(work);
    write_code(blobs_, files, work);
}

void Contributor::changed(sql::Connection& connection, const compute::Workload& workload,
                          const compute::Event& event) {
    if (!compute::is_final(event.state)) return;
    if (!is_build(workload.job)) {
        store::end_uses(connection, workload.job.id);
        return;
    }
    auto request = build_request(workload);
    store::Row row;
    row.build_id = request.build_id;
    row.environment.id = request.environment_id;
    row.environment.state = EnvironmentState::failed;
    if (event.state == compute::WorkloadState::succeeded) {
        try {
            auto result = read_build_result(folder(request.build_id));
            row.environment.state = EnvironmentState::ready;
            row.environment.lock = std::move(result.lock);
            row.environment.size_bytes = result.size_bytes;
        } catch (const Error& error) {
            row.environment.error = error.message();
        }
    } else {
        row.environment.error = explain_failure(folder(request.build_id), event.reason);
    }
    store::finish_build(connection, row);
}

void Contributor::committed(const compute::Workload& workload, const compute::Event& event) {
    if (!is_build(workload.job)) return;
    cache_.refresh(database_, build_request(workload).environment_id);
    if (compute::is_final(event.state)) compute_.wake();
}

}  // namespace maru::environments
