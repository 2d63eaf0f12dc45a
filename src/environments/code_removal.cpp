#include <set>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "environments/code_snapshots.hpp"
#include "environments/service.hpp"
#include "environments/state.hpp"

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

std::set<std::string> Service::project_ids() {
    std::set<std::string> ids;
    state_->database.read([&](sql::Connection& connection) {
        for (std::string_view table : {"code_snapshots", "code_blobs"})
            connection.query(fmt::format("SELECT DISTINCT project_id FROM {}", table), {},
                             [&](const sql::Row& row) { ids.insert(row.string(0)); });
    });
    return ids;
}

}  // namespace maru::environments
