#include "retention/service.hpp"

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

namespace maru::retention {
namespace {

constexpr std::int64_t kKeepMax_s = 100LL * 365 * 24 * 3600;
constexpr std::chrono::hours kCollectEvery{24};
/// Code that was uploaded a moment ago waits for its job; used code is marked by the hour.
constexpr std::chrono::hours kCodeKeptAtLeast{24};

void check_keep(std::int64_t keep_deleted_s) {
    if (keep_deleted_s < 0 || keep_deleted_s > kKeepMax_s)
        fail_field("keep_deleted_s",
                   fmt::format("{} is out of range; expected 0 to {}", keep_deleted_s, kKeepMax_s));
}

}  // namespace

Service::Service(sql::Database& database, blob::BlobStore& blobs, Rooms rooms, const Clock& clock)
    : database_(database), blobs_(blobs), rooms_(rooms), clock_(clock) {}

// Rules.

std::map<std::string, std::int64_t> Service::rules() {
    std::map<std::string, std::int64_t> rules{{"", Retention{}.keep_deleted_s}};
    database_.read([&](sql::Connection& connection) {
        connection.query("SELECT project_id, keep_deleted_s FROM retention_rules", {},
                         [&](const sql::Row& row) { rules[row.string(0)] = row.integer(1); });
    });
    return rules;
}

void Service::set_rule(const std::string& project_id, std::optional<std::int64_t> keep_deleted_s) {
    if (keep_deleted_s) check_keep(*keep_deleted_s);
    database_.write([&](sql::Connection& connection) {
        if (keep_deleted_s)
            connection.execute(
                "INSERT INTO retention_rules (project_id, keep_deleted_s) VALUES ($1, $2) ON "
                "CONFLICT (project_id) DO UPDATE SET keep_deleted_s = excluded.keep_deleted_s",
                {project_id, *keep_deleted_s});
        else
            connection.execute("DELETE FROM retention_rules WHERE project_id = $1", {project_id});
    });
}

Retention Service::server_retention() {
    return {.keep_deleted_s = rules().at("")};
}

Retention Service::set_server_retention(std::int64_t keep_deleted_s) {
    set_rule("", keep_deleted_s);
    return server_retention();
}

Retention Service::project_retention(const std::string& project_id) {
    auto all = rules();
    auto own = all.find(project_id);
    return {.keep_deleted_s = own == all.end() ? all.at("") : own->second,
            .inherited = own == all.end()};
}

Retention Service::set_project_retention(const std::string& project_id,
                                         std::optional<std::int64_t> keep_deleted_s) {
    set_rule(project_id, keep_deleted_s);
    return project_retention(project_id);
}

void Service::remove_project(const api::ProjectRef& project) {
    set_rule(project.id, std::nullopt);
}

// Collection.

void Service::remove_rows(const Collect& request, Collection& collection,
                          const tracking::CutoffOf& cutoff,
                          const environments::Service::CutoffOf& code_cutoff,
                          std::vector<tracking::Deleted>& deleted) {
    Removed& removed = collection.removed;
    auto count_of = [&](tracking::Deleted::Kind kind) -> std::int64_t& {
        return kind == tracking::Deleted::Kind::run            ? removed.runs
               : kind == tracking::Deleted::Kind::logged_model ? removed.logged_models
                                                               : removed.experiments;
    };
    if (!request.dry_run) removed.projects = rooms_.identity.remove_deleted_projects();
    for (auto& one : rooms_.tracking.find_deleted(cutoff)) {
        bool goes =
            request.dry_run ? rooms_.tracking.may_remove(one) : rooms_.tracking.remove_deleted(one);
        if (!goes) continue;
        ++count_of(one.kind);
        deleted.push_back(std::move(one));
    }
    if (!request.dry_run) rooms_.traces.remove_orphans();
    auto code = rooms_.environments.remove_unused_code(code_cutoff, request.dry_run);
    removed.code_snapshots = code.snapshots;
    removed.code_files = code.files;
}

Collection Service::collect(const Collect& request) {
    if (request.keep_deleted_s) check_keep(*request.keep_deleted_s);
    if (request.grace_s < 0 || request.grace_s > kKeepMax_s)
        fail_field("grace_s", fmt::format("{} is out of range; expected 0 to {}", request.grace_s,
                                          kKeepMax_s));
    std::lock_guard lock(mutex_);
    running_ = true;
    struct Ended {
        std::atomic<bool>& running;
        ~Ended() { running = false; }
    } ended{running_};
    Collection collection{.dry_run = request.dry_run, .started_at = clock_.now()};
    Time now = collection.started_at;
    tracking::CutoffOf cutoff = [&, rules = rules()](const std::string& project_id) {
        auto rule = rules.find(project_id);
        auto keep_s = request.keep_deleted_s ? *request.keep_deleted_s
                      : rule == rules.end()  ? rules.at("")
                                             : rule->second;
        return now - std::chrono::seconds(keep_s);
    };
    environments::Service::CutoffOf code_cutoff = [&](const std::string& project_id) {
        return std::min(cutoff(project_id), now - kCodeKeptAtLeast);
    };
    std::vector<tracking::Deleted> deleted;
    remove_rows(request, collection, cutoff, code_cutoff, deleted);
    if (!request.dry_run) deleted.clear();
    auto blobs = blobs_.collect(
        [&](const blob::VisitDigest& visit) {
            rooms_.tracking.visit_blobs(visit, deleted);
            rooms_.environments.visit_blobs(visit, request.dry_run ? &code_cutoff : nullptr);
            rooms_.serving.visit_blobs(visit);
        },
        {.grace = std::chrono::seconds(request.grace_s), .dry_run = request.dry_run});
    collection.files_removed = blobs.objects_removed;
    collection.bytes_freed = blobs.bytes_removed;
    collection.files_kept = blobs.objects_kept;
    collection.bytes_kept = blobs.bytes_kept;
    collection.duration_ms = (clock_.now() - now).count();
    if (!request.dry_run)
        database_.write([&](sql::Connection& connection) {
            connection.execute(
                "INSERT INTO retention_last (only_row, collection) VALUES (1, $1) ON CONFLICT "
                "(only_row) DO UPDATE SET collection = excluded.collection",
                {to_json(collection)});
        });
    return collection;
}

CollectionStatus Service::status() {
    CollectionStatus status{.last = {}, .running = running_, .retention = server_retention()};
    auto last = database_.read([](sql::Connection& connection) {
        return connection.first("SELECT collection FROM retention_last", {},
                                [](const sql::Row& row) { return row.string(0); });
    });
    if (last) status.last = from_json<Collection>(*last, {.ignore_unknown_fields = true});
    return status;
}

void Service::run_if_due() {
    auto last = status().last;
    if (last && clock_.now() - last->started_at < kCollectEvery) return;
    auto collection = collect({});
    if (collection.files_removed != 0)
        log::info("collected {} files, {}, in {} ms", collection.files_removed,
                  format_bytes(collection.bytes_freed), collection.duration_ms);
}

void add_operations(api::Api& api, Service& service) {
    api.handle(collect, [&service](const api::Context&, const Collect& request) {
        return service.collect(request);
    });
    api.handle(collection_status,
               [&service](const api::Context&, const api::Nothing&) { return service.status(); });
    api.handle(set_retention, [&service](const api::Context&, const SetRetention& request) {
        return service.set_server_retention(request.keep_deleted_s);
    });
    api.handle(get_project_retention, [&service](const api::Context& context, const NameProject&) {
        api::require_membership();
        return service.project_retention(context.in_project().id);
    });
    api.handle(set_project_retention, [&service](const api::Context& context,
                                                 const SetProjectRetention& request) {
        return service.set_project_retention(context.in_project().id, request.keep_deleted_s);
    });
    api.handle(reset_project_retention,
               [&service](const api::Context& context, const NameProject&) {
                   return service.set_project_retention(context.in_project().id, std::nullopt);
               });
}

}  // namespace maru::retention
