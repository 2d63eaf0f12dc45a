#include "environments/service.hpp"

#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/child_process.hpp"
#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "environments/code_snapshots.hpp"
#include "environments/state.hpp"

namespace maru::environments {
namespace {

constexpr std::string_view kPlatform = "linux-x86_64";
constexpr std::int64_t kBuildTimeLimit_s = 30 * 60;
constexpr std::int64_t kBuildMemory_mib = 4096;
constexpr std::int64_t kBuildCpu_milli = 1000;
constexpr std::size_t kDigestsMax = 100'000;
/// A use is written down again only after so long: most calls then only read.
constexpr std::chrono::hours kUseCountsFor{1};

/// What an environment's id is the digest of.
struct Identity {
    std::string project_id, platform, python;
    std::vector<std::string> requirements;
};
BOOST_DESCRIBE_STRUCT(Identity, (), (project_id, platform, python, requirements))

[[noreturn]] void fail_missing(std::string_view name_or_id) {
    fail(ErrorCode::not_found, "environment \"{}\" does not exist in this project", name_or_id);
}

[[noreturn]] void fail_not_uploaded(const CodeFile& file) {
    fail(ErrorCode::failed_precondition,
         "file \"{}\" has not been uploaded: put its bytes to blobs/{} first", file.path,
         file.sha256);
}

std::string ask_python_version(const std::filesystem::path& python) {
    try {
        auto result =
            run_child({python, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"},
                      {.environment = {},
                       .directory = "/",
                       .input = "",
                       .timeout = std::chrono::seconds(20)});
        if (result.exit_code == 0) return std::string(trim(result.output));
        log::warning("environments can't be built: {} ends with {}: {}", python.string(),
                     result.exit_code, trim(result.output));
    } catch (const Error& error) {
        log::warning("environments can't be built: {}", error.message());
    }
    return "";
}

}  // namespace

void remove_folder(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::remove_all(folder, error);
    if (error) log::warning("cannot remove {}: {}", folder.string(), error.message());
}

Service::State::State(sql::Database& database_, blob::BlobStore& blobs_, compute::Service& compute_,
                      const Clock& clock_, ServiceOptions options_)
    : database(database_),
      blobs(blobs_),
      compute(compute_),
      clock(clock_),
      options(std::move(options_)),
      python_version(ask_python_version(options.python)),
      contributor(database, blobs, compute, clock, options) {
    auto builds = contributor.folder("");
    std::filesystem::create_directories(builds);
    std::set<std::string> kept;
    for (const store::Row& row : database.read(store::all)) {
        contributor.cache().set(row.environment);
        if (row.environment.state != EnvironmentState::failed) kept.insert(row.build_id);
    }
    std::vector<std::filesystem::path> orphans;
    for (const auto& entry : std::filesystem::directory_iterator(builds))
        if (!kept.contains(entry.path().filename())) orphans.push_back(entry.path());
    sweeper = std::jthread([orphans = std::move(orphans)](const std::stop_token& stop) {
        for (const auto& folder : orphans)
            if (!stop.stop_requested()) remove_folder(folder);
    });
}

void Service::State::check_can_build() const {
    if (options.uv_program.empty())
        fail(ErrorCode::failed_precondition,
             "environments are built with uv, which is not on this machine: install it (pip "
             "install uv), or "
             "name it in MARU_UV, and start the server again");
    if (python_version.empty())
        fail(ErrorCode::failed_precondition,
             "environments need the Python interpreter {}, which does not run on this machine: "
             "install it "
             "(apt-get install python3) and start the server again",
             options.python.string());
}

compute::Submission Service::State::submission(const api::ProjectRef& project,
                                               std::string_view user,
                                               const std::optional<std::string>& name,
                                               const BuildRequest& request) {
    compute::Resources resources{.cpu_milli = 0, .memory_mib = 0, .gpus = 0};
    // On a small machine all of its largest node.
    for (const auto& node : compute.status().nodes) {
        resources.cpu_milli =
            std::max(resources.cpu_milli, std::min(kBuildCpu_milli, node.cpu_milli));
        resources.memory_mib =
            std::max(resources.memory_mib, std::min(kBuildMemory_mib, node.memory_mib));
    }
    compute::Submission submission;
    submission.project = project;
    submission.user = user;
    submission.name =
        fmt::format("environment-{}", name ? *name : request.environment_id.substr(0, 12));
    submission.kind = compute::WorkloadKind::environment_build;
    submission.command = build_command();
    submission.resources = resources;
    submission.time_limit_s = kBuildTimeLimit_s;
    submission.private_data.text = to_json(request);
    return submission;
}

Service::Service(sql::Database& database, blob::BlobStore& blobs, compute::Service& compute,
                 const Clock& clock, ServiceOptions options)
    : state_(std::make_unique<State>(database, blobs, compute, clock, std::move(options))) {}

Service::~Service() = default;

compute::Contributor& Service::contributor() {
    return state_->contributor;
}

Environment Service::ensure(const api::ProjectRef& project, std::string_view user,
                            const std::optional<std::string>& name, std::string_view requirements) {
    State& state = *state_;
    if (name) check_name("name", *name);
    auto lines = normalise_requirements(requirements);
    state.check_can_build();
    BuildRequest request{
        .environment_id = sha256_hex(to_json(Identity{.project_id = project.id,
                                                      .platform = std::string(kPlatform),
                                                      .python = state.python_version,
                                                      .requirements = lines})),
        .build_id = new_id(),
        .requirements = lines,
        .python = state.python_version};
    auto find = [&](sql::Connection& connection) {
        return store::find_by_id(connection, request.environment_id);
    };
    auto found = state.database.read(find);
    if (!found || found->environment.state == EnvironmentState::failed) {
        if (found) remove_folder(state.contributor.folder(found->build_id));
        try {
            state.compute.submit(state.submission(project, user, name, request));
        } catch (const Error& error) {
            // Somebody else has asked for the same at this moment: then it is being built.
            if (error.code() != ErrorCode::already_exists) throw;
        }
    }
    auto row = state.database.write([&](sql::Connection& connection) {
        auto current = find(connection);
        if (!current)
            fail(ErrorCode::aborted, "the environment was deleted at this moment; ask again");
        if (name) store::set_name(connection, *current, *name, state.clock.now());
        return name ? *store::find(connection, project.id, *name) : *current;
    });
    state.contributor.cache().refresh(state.database, row.environment.id);
    state.compute.wake();
    return row.environment;
}

Environment Service::get(const api::ProjectRef& project, std::string_view name_or_id) {
    auto row = state_->database.read([&](sql::Connection& connection) {
        return store::find(connection, project.id, name_or_id);
    });
    if (!row) fail_missing(name_or_id);
    return row->environment;
}

api::Page<Environment> Service::list(const api::ProjectRef& project,
                                     const ListEnvironments& request) {
    auto count = api::check_page_size(request.page_size);
    std::string position =
        request.page_token.empty() ? "" : api::decode_page_token(request.page_token);
    api::Page<Environment> page;
    page.items = state_->database.read([&](sql::Connection& connection) {
        return store::list(connection, project.id, count, position);
    });
    if (!position.empty()) page.next_page_token = api::encode_page_token(position);
    return page;
}

void Service::remove(const api::ProjectRef& project, std::string_view name_or_id) {
    State& state = *state_;
    auto build_id = state.database.write([&](sql::Connection& connection) {
        auto row = store::find(connection, project.id, name_or_id);
        if (!row) fail_missing(name_or_id);
        if (row->environment.state == EnvironmentState::building)
            fail(ErrorCode::failed_precondition,
                 "environment {} is being built by workload {}; stop that first",
                 label(row->environment), row->environment.build_job_id);
        auto users = store::users(connection, row->environment.id);
        if (!users.empty())
            fail(ErrorCode::failed_precondition, "environment {} is in use by {}; stop {} first",
                 label(row->environment),
                 users.size() == 1
                     ? fmt::format("workload {}", users.front())
                     : fmt::format("{} workloads ({}, ...)", users.size(), users.front()),
                 users.size() == 1 ? "it" : "them");
        store::remove(connection, row->environment.id);
        return row->build_id;
    });
    // After a crash here, the next start removes it.
    remove_folder(state.contributor.folder(build_id));
}

MissingBlobs Service::missing_blobs(const api::ProjectRef& project,
                                    const FindMissingBlobs& request) {
    if (request.digests.size() > kDigestsMax)
        fail_field("digests", fmt::format("are {}; ask for at most {} at once",
                                          request.digests.size(), kDigestsMax));
    for (std::size_t i = 0; i < request.digests.size(); ++i)
        if (!is_sha256_hex(request.digests[i]))
            fail_field(fmt::format("digests[{}]", i), "expected 64 lowercase hex digits");
    MissingBlobs result;
    std::set<std::string_view> seen;
    std::vector<std::string_view> ageing;
    Time now = state_->clock.now();
    state_->database.read([&](sql::Connection& connection) {
        for (const std::string& digest : request.digests) {
            if (!seen.insert(digest).second) continue;
            auto used_at = connection.first(
                "SELECT used_at FROM code_blobs WHERE project_id = $1 AND sha256 = $2",
                {project.id, digest}, [](const sql::Row& row) { return row.time(0); });
            if (!used_at)
                result.missing.push_back(digest);
            else if (now - *used_at > kUseCountsFor)
                ageing.push_back(digest);
        }
    });
    // Whoever is told that it is there relies on that: it must not go for want of use.
    if (!ageing.empty())
        state_->database.write([&](sql::Connection& connection) {
            for (auto digest : ageing)
                connection.execute(
                    "UPDATE code_blobs SET used_at = $1 WHERE project_id = $2 AND sha256 = $3",
                    {now, project.id, digest});
        });
    return result;
}

StoredBlob Service::put_blob(const api::ProjectRef& project, std::string_view sha256,
                             net::Request& request) {
    if (!is_sha256_hex(sha256)) fail_field("sha256", "expected 64 lowercase hex digits");
    auto upload = state_->blobs.upload();
    if (request.body_reader == nullptr) {
        upload->write(request.body);
    } else {
        for (auto piece = request.body_reader->read(); !piece.empty();
             piece = request.body_reader->read())
            upload->write(piece);
    }
    auto stored = upload->finish(sha256);
    state_->database.write([&](sql::Connection& connection) {
        connection.execute(
            "INSERT INTO code_blobs (project_id, sha256, size_bytes, created_at, used_at) VALUES "
            "($1, $2, $3, $4, $4) "
            "ON CONFLICT (project_id, sha256) DO UPDATE SET used_at = excluded.used_at",
            {project.id, stored.sha256, stored.size_bytes, state_->clock.now()});
    });
    return {.sha256 = stored.sha256, .size_bytes = stored.size_bytes};
}

CodeSnapshot Service::create_code_snapshot(const api::ProjectRef& project,
                                           const CreateCodeSnapshot& request) {
    auto files = canonical_files(request.files);
    CodeSnapshot snapshot{.id = "",
                          .file_count = static_cast<std::int64_t>(files.size()),
                          .size_bytes = 0,
                          .created_at = state_->clock.now()};
    for (const CodeFile& file : files) snapshot.size_bytes += file.size_bytes;
    std::vector<const CodeFile*> ageing;
    state_->database.read([&](sql::Connection& connection) {
        struct Known {
            std::int64_t size_bytes = 0;
            Time used_at{};
        };
        for (const CodeFile& file : files) {
            auto known = connection.first(
                "SELECT size_bytes, used_at FROM code_blobs WHERE project_id = $1 AND sha256 = $2",
                {project.id, file.sha256},
                [](const sql::Row& row) { return Known{row.integer(0), row.time(1)}; });
            if (!known) fail_not_uploaded(file);
            if (known->size_bytes != file.size_bytes)
                fail_field("files",
                           fmt::format("give \"{}\" {} bytes, but blob {} has {}", file.path,
                                       file.size_bytes, file.sha256, known->size_bytes));
            if (snapshot.created_at - known->used_at > kUseCountsFor) ageing.push_back(&file);
        }
    });
    auto manifest = state_->blobs.upload();
    manifest->write(to_json(files));
    snapshot.id = manifest->finish().sha256;
    state_->database.write([&](sql::Connection& connection) {
        // What was not used for long may have been removed since it was looked up.
        for (const CodeFile* file : ageing)
            if (connection.execute(
                    "UPDATE code_blobs SET used_at = $1 WHERE project_id = $2 AND sha256 = $3",
                    {snapshot.created_at, project.id, file->sha256}) == 0)
                fail_not_uploaded(*file);
        connection.execute(
            "INSERT INTO code_snapshots (project_id, id, file_count, size_bytes, created_at, "
            "used_at) VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (project_id, id) DO UPDATE SET "
            "used_at = excluded.used_at",
            {project.id, snapshot.id, snapshot.file_count, snapshot.size_bytes,
             snapshot.created_at});
    });
    return get_code_snapshot(project, snapshot.id);
}

CodeSnapshot Service::get_code_snapshot(const api::ProjectRef& project, std::string_view id) {
    auto found = state_->database.read([&](sql::Connection& connection) {
        return connection.first(
            "SELECT id, file_count, size_bytes, created_at FROM code_snapshots "
            "WHERE project_id = $1 AND id = $2",
            {project.id, id}, [](const sql::Row& row) {
                return CodeSnapshot{.id = row.string(0),
                                    .file_count = row.integer(1),
                                    .size_bytes = row.integer(2),
                                    .created_at = row.time(3)};
            });
    });
    if (!found)
        fail(ErrorCode::not_found, "code snapshot {} does not exist in this project",
             json_string(id.substr(0, 80)));
    return *found;
}

api::Page<CodeFile> Service::list_code_files(const api::ProjectRef& project,
                                             const ListCodeFiles& request) {
    auto count = static_cast<std::size_t>(api::check_page_size(request.page_size));
    auto files = files_of(state_->blobs, get_code_snapshot(project, request.id).id);
    std::string after =
        request.page_token.empty() ? "" : api::decode_page_token(request.page_token);
    auto first = std::ranges::upper_bound(files, after, {}, &CodeFile::path);
    if (after.empty()) first = files.begin();
    auto last = first + static_cast<std::ptrdiff_t>(
                            std::min(count, static_cast<std::size_t>(files.end() - first)));
    api::Page<CodeFile> page{.items = {first, last}, .next_page_token = {}};
    if (last != files.end()) page.next_page_token = api::encode_page_token(page.items.back().path);
    return page;
}

net::Response Service::read_code_file(const api::ProjectRef& project, const NameCodeFile& request) {
    auto files = files_of(state_->blobs, get_code_snapshot(project, request.id).id);
    auto file = std::ranges::find(files, request.path, &CodeFile::path);
    if (file == files.end())
        fail(ErrorCode::not_found, "code snapshot {} has no file {}", request.id,
             json_string(request.path.substr(0, 200)));
    auto response = net::Response::text("", 200, "application/octet-stream");
    response.headers.set("X-Content-Type-Options", "nosniff");
    response.headers.set("Content-Disposition",
                         "attachment; filename*=UTF-8''" +
                             percent_encode(file->path.substr(file->path.rfind('/') + 1)));
    response.headers.set("ETag", "\"" + file->sha256 + "\"");
    if (file->size_bytes > 0) {
        std::shared_ptr<blob::Reader> reader =
            state_->blobs.open(file->sha256, 0, file->size_bytes);
        response.body = net::GeneratedBody{[reader] { return reader->read(); }};
    }
    return response;
}

}  // namespace maru::environments
