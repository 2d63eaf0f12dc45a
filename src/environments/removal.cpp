#include <set>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "environments/code_snapshots.hpp"
#include "environments/service.hpp"
#include "environments/state.hpp"
#include "environments/store.hpp"
#include "sql/counts.hpp"

namespace maru::environments {
namespace {

struct Snapshot {
    std::string project_id, id;
    Time used_at{};
};

std::vector<Snapshot> all_snapshots(sql::Connection& connection) {
    return connection.all(
        "SELECT project_id, id, used_at FROM code_snapshots", {},
        [](const sql::Row& row) { return Snapshot{row.string(0), row.string(1), row.time(2)}; });
}

/// The digests of a snapshot's files; none where its list is lost, since then nothing can be made
/// of it any more.
std::vector<std::string> digests_of(const blob::BlobStore& blobs, const Snapshot& snapshot) {
    std::vector<std::string> digests;
    try {
        for (auto& file : files_of(blobs, snapshot.id)) digests.push_back(std::move(file.sha256));
    } catch (const Error& error) {
        if (error.code() != ErrorCode::not_found) throw;
        log::warning("the list of files of code snapshot {} is missing", snapshot.id);
    }
    return digests;
}

}  // namespace

Service::RemovedCode Service::remove_unused_code(const CutoffOf& cutoff, bool dry_run) {
    RemovedCode removed;
    auto in_use = state_->compute.codes_in_use();
    std::set<std::string> held;  // "PROJECT/DIGEST" of files in snapshots that stay
    for (const auto& snapshot : state_->database.read(all_snapshots)) {
        bool unused =
            !in_use.contains(snapshot.id) && snapshot.used_at <= cutoff(snapshot.project_id);
        // A workload that was submitted since has marked it as used in its own transaction.
        if (unused && !dry_run)
            unused = state_->database.write([&](sql::Connection& connection) {
                return connection.execute(
                    "DELETE FROM code_snapshots WHERE project_id = $1 AND id = $2 AND used_at = "
                    "$3",
                    {snapshot.project_id, snapshot.id, snapshot.used_at});
            });
        if (unused) {
            ++removed.snapshots;
            continue;
        }
        for (const auto& digest : digests_of(state_->blobs, snapshot))
            held.insert(snapshot.project_id + '/' + digest);
    }
    struct File {
        std::string project_id, sha256;
        Time used_at{};
    };
    auto files = state_->database.read([](sql::Connection& connection) {
        return connection.all(
            "SELECT project_id, sha256, used_at FROM code_blobs", {},
            [](const sql::Row& row) { return File{row.string(0), row.string(1), row.time(2)}; });
    });
    for (const auto& file : files) {
        if (held.contains(file.project_id + '/' + file.sha256) ||
            file.used_at > cutoff(file.project_id))
            continue;
        if (dry_run) {
            ++removed.files;
            continue;
        }
        removed.files += state_->database.write([&](sql::Connection& connection) {
            return connection.execute(
                "DELETE FROM code_blobs WHERE project_id = $1 AND sha256 = $2 AND used_at = $3",
                {file.project_id, file.sha256, file.used_at});
        });
    }
    return removed;
}

void Service::visit_blobs(const blob::VisitDigest& visit, const CutoffOf* without) {
    auto in_use = without ? state_->compute.codes_in_use() : std::set<std::string>();
    for (const auto& snapshot : state_->database.read(all_snapshots)) {
        if (without && !in_use.contains(snapshot.id) &&
            snapshot.used_at <= (*without)(snapshot.project_id))
            continue;
        visit(snapshot.id);
        for (const auto& digest : digests_of(state_->blobs, snapshot)) visit(digest);
    }
    state_->database.read([&](sql::Connection& connection) {
        connection.query("SELECT sha256, project_id, used_at FROM code_blobs", {},
                         [&](const sql::Row& row) {
                             if (without && row.time(2) <= (*without)(row.string(1))) return;
                             visit(row.text(0));
                         });
    });
}

std::vector<std::string> Service::project_contents(sql::Connection& connection,
                                                   const std::string& project_id) {
    return sql::describe_counts(
        connection, project_id,
        {{"environment", "SELECT count(*) FROM environments WHERE project_id = $1"}});
}

void Service::remove_project(const api::ProjectRef& project) {
    State& state = *state_;
    for (const store::Row& row : state.database.read(store::all)) {
        if (row.project_id != project.id) continue;
        bool removed = state.database.write([&](sql::Connection& connection) {
            auto now = store::find_by_id(connection, row.environment.id);
            if (!now || now->environment.state == EnvironmentState::building ||
                !store::users(connection, row.environment.id).empty())
                return false;
            store::remove(connection, row.environment.id);
            return true;
        });
        if (removed) remove_folder(state.contributor.folder(row.build_id));
    }
    // A cache that was named by MARU_UV_CACHE may be other servers' as well.
    if (!state.contributor.shares_cache())
        remove_folder(state.contributor.cache_folder(project.number));
    state.database.write([&](sql::Connection& connection) {
        for (std::string_view table : {"code_snapshots", "code_blobs"})
            connection.execute(fmt::format("DELETE FROM {} WHERE project_id = $1", table),
                               {project.id});
    });
}

}  // namespace maru::environments
