#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "api/api.hpp"
#include "blob/blob_store.hpp"
#include "compute/service.hpp"
#include "environments/operations.hpp"
#include "sql/database.hpp"

namespace maru::environments {

struct ServiceOptions {
    std::filesystem::path data_directory;
    /// The uv program that builds; empty: none was found, and builds are refused with what to do.
    std::filesystem::path uv_program;
    /// The interpreter that environments are made for.
    std::filesystem::path python = "/usr/bin/python3";
    /// Downloaded packages, a folder a project below it; empty: DIR/environments/cache.
    std::filesystem::path cache_directory;
    /// The variables that tell builds where packages come from and how to get there; of the
    /// server's own.
    std::map<std::string, std::string> network_variables;
};

/// Options from the server's own surroundings: MARU_UV, else uv beside the program, in its build
/// tree or on PATH; MARU_PYTHON, else /usr/bin/python3 or the first on PATH; MARU_UV_CACHE; the
/// proxy, certificate, uv and pip variables.
ServiceOptions options_from_surroundings(const std::filesystem::path& data_directory);

/// Python environments, built once for each set of requirements, and snapshots of code; and how
/// both come into workloads (`contributor`).
///
/// A build is a workload, so its log, limits and recovery are a workload's. It runs as its
/// project's user with its project's cache, since building a package runs the package's code. An
/// environment is ready only once its row says so, in the transaction in which its build succeeded;
/// each build has a folder of its own, so a half-built one is never seen.
///
/// Lifetime: the server's; construct after compute::Service, add the contributor to it, before it
/// starts. Threads: any. Tested in service_test.cpp.
class Service {
  public:
    Service(sql::Database& database, blob::BlobStore& blobs, compute::Service& compute,
            const Clock& clock, ServiceOptions options);
    ~Service();
    compute::Contributor& contributor();

    /// The environment for `requirements`, building it unless it is there; a failed one is built
    /// again. With a name, the name's next version is this one (unless its latest is). Throws
    /// failed_precondition where nothing can be built on this machine.
    Environment ensure(const api::ProjectRef& project, std::string_view user,
                       const std::optional<std::string>& name, std::string_view requirements);
    /// By name (its latest version) or id; throws not_found.
    Environment get(const api::ProjectRef& project, std::string_view name_or_id);
    /// The newest first, without locks.
    api::Page<Environment> list(const api::ProjectRef& project, const ListEnvironments& request);
    /// Throws failed_precondition while a workload that has not ended uses it, or it is being
    /// built.
    void remove(const api::ProjectRef& project, std::string_view name_or_id);

    /// Digests that this project has not uploaded: what others have says nothing about them.
    MissingBlobs missing_blobs(const api::ProjectRef& project, const FindMissingBlobs& request);
    /// Throws data_loss if the bytes have another digest.
    StoredBlob put_blob(const api::ProjectRef& project, std::string_view sha256,
                        net::Request& request);
    CodeSnapshot create_code_snapshot(const api::ProjectRef& project,
                                      const CreateCodeSnapshot& request);
    CodeSnapshot get_code_snapshot(const api::ProjectRef& project, std::string_view id);
    api::Page<CodeFile> list_code_files(const api::ProjectRef& project,
                                        const ListCodeFiles& request);
    /// The file's bytes as a download: they are someone's, and no page of this site.
    net::Response read_code_file(const api::ProjectRef& project, const NameCodeFile& request);

    // Removal for good (removal.cpp).
    /// What was used last in a project before that moment may be removed.
    using CutoffOf = std::function<Time(const std::string& project_id)>;
    struct RemovedCode {
        std::int64_t snapshots = 0, files = 0;
    };
    /// Removes code snapshots that no workload was submitted with and that were not used since the
    /// cutoff, and uploaded files that no snapshot holds.
    RemovedCode remove_unused_code(const CutoffOf& cutoff, bool dry_run);
    /// Visits the blobs that snapshots and uploads name, without those that a dry run counts.
    void visit_blobs(const blob::VisitDigest& visit, const CutoffOf* without = nullptr);

    // The deletion of projects (identity::ProjectRoom).
    static std::vector<std::string> project_contents(sql::Connection& connection,
                                                     const std::string& project_id);
    /// What a workload that has not ended uses stays until a later call.
    void remove_project(const api::ProjectRef& project);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

extern const std::span<const sql::Migration> migrations;

/// Declares the operations of operations.hpp over a service.
void add_operations(api::Api& api, Service& service);

}  // namespace maru::environments
