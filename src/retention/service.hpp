#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "api/api.hpp"
#include "blob/blob_store.hpp"
#include "environments/service.hpp"
#include "identity/service.hpp"
#include "models/service.hpp"
#include "retention/operations.hpp"
#include "serving/service.hpp"
#include "sql/database.hpp"
#include "traces/service.hpp"
#include "tracking/service.hpp"

namespace maru::retention {

/// The rooms that keep files, and what they may let go.
struct Rooms {
    identity::Service& identity;
    environments::Service& environments;
    tracking::Service& tracking;
    models::Service& models;
    traces::Service& traces;
    serving::Service& serving;
};

/// Removes for good what was deleted longer ago than it is kept, and collects the files that no
/// table names any more.
///
/// Each thing goes in a transaction of its own: a collection that is killed half-way has removed
/// some, and the next goes on. Files go last, by reachability: every room visits the digests that
/// its rows name (`blob::BlobStore::collect` says why no upload is lost). A room that keeps digests
/// must be visited here.
///
/// Lifetime: the server's; call `run_if_due` every few minutes. Threads: any; one collection at a
/// time, a second one waits.
class Service {
  public:
    Service(sql::Database& database, blob::BlobStore& blobs, Rooms rooms, const Clock& clock);

    Collection collect(const Collect& request);
    CollectionStatus status();
    /// Collects once a day.
    void run_if_due();

    Retention server_retention();
    Retention set_server_retention(std::int64_t keep_deleted_s);
    Retention project_retention(const std::string& project_id);
    /// Its rule goes with a project.
    void remove_project(const api::ProjectRef& project);
    /// Nothing: the server's.
    Retention set_project_retention(const std::string& project_id,
                                    std::optional<std::int64_t> keep_deleted_s);

  private:
    std::map<std::string, std::int64_t> rules();
    void set_rule(const std::string& project_id, std::optional<std::int64_t> keep_deleted_s);
    void remove_rows(const Collect& request, Collection& collection,
                     const tracking::CutoffOf& cutoff,
                     const environments::Service::CutoffOf& code_cutoff,
                     std::vector<tracking::Deleted>& deleted);

    sql::Database& database_;
    blob::BlobStore& blobs_;
    const Rooms rooms_;
    const Clock& clock_;
    std::mutex mutex_;  // over a collection
    std::atomic<bool> running_ = false;
};

extern const std::span<const sql::Migration> migrations;

/// Declares the operations of operations.hpp over a service.
void add_operations(api::Api& api, Service& service);

}  // namespace maru::retention
