#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "tracking/content_type.hpp"
#include "tracking/service.hpp"
#include "tracking/validation.hpp"

namespace maru::tracking {
namespace {

std::string_view without_slashes(std::string_view path) {
    while (path.starts_with('/')) path.remove_prefix(1);
    while (path.ends_with('/')) path.remove_suffix(1);
    return path;
}

/// The range of paths below a folder: from "folder/" to before "folder0", since '0' follows '/'.
struct Below {
    explicit Below(std::string_view folder)
        : from(folder.empty() ? "" : std::string(folder) + "/"),
          to(folder.empty() ? "\U0010ffff" : std::string(folder) + "0") {}
    std::string from, to;
};

/// A path can't be both a file and a folder.
void check_place(sql::Connection& connection, std::string_view project_id, std::string_view path) {
    for (auto slash = path.find('/'); slash != std::string_view::npos;
         slash = path.find('/', slash + 1)) {
        auto parent = path.substr(0, slash);
        auto file =
            connection.first("SELECT 1 FROM tracking_artifacts WHERE project_id = $1 AND path = $2",
                             {project_id, parent}, [](const sql::Row&) { return true; });
        if (file)
            fail(ErrorCode::invalid_argument,
                 "Invalid path: '{}' is a file, so '{}' can't be below it", parent, path);
    }
    Below below(path);
    auto child = connection.first(
        "SELECT path FROM tracking_artifacts WHERE project_id = $1 AND path >= $2 AND path < $3 "
        "LIMIT 1",
        {project_id, below.from, below.to}, [](const sql::Row& row) { return row.string(0); });
    if (child) fail(ErrorCode::invalid_argument, "Invalid path: '{}' is a folder", path);
}

}  // namespace

void Service::write_artifact(std::string_view project_id, const std::string& path,
                             net::BodyReader& body) {
    check_artifact_path(path);
    check_artifacts(project_id, path);
    auto upload = blobs_.upload();
    for (std::string piece = body.read(); !piece.empty(); piece = body.read()) upload->write(piece);
    blob::Stored stored = upload->finish();
    database_.write([&](sql::Connection& connection) {
        require_artifacts(connection, project_id, path);
        check_place(connection, project_id, path);
        connection.execute(
            "INSERT INTO tracking_artifacts (project_id, path, sha256, size_bytes, created_at) "
            "VALUES ($1, $2, "
            "$3, $4, $5) ON CONFLICT (project_id, path) DO UPDATE SET sha256 = excluded.sha256, "
            "size_bytes = "
            "excluded.size_bytes, created_at = excluded.created_at",
            {project_id, path, stored.sha256, stored.size_bytes, clock_.now()});
    });
}

ArtifactFile Service::find_artifact(std::string_view project_id, std::string_view path) {
    check_artifact_path(path);
    auto file = database_.read([&](sql::Connection& connection) {
        require_artifacts(connection, project_id, path);
        return connection.first(
            "SELECT path, sha256, size_bytes FROM tracking_artifacts WHERE project_id = $1 AND "
            "path = $2",
            {project_id, path}, [](const sql::Row& row) {
                return ArtifactFile{row.string(0), row.string(1), row.integer(2)};
            });
    });
    if (!file) fail(ErrorCode::not_found, "No such artifact: '{}'", path);
    return *file;
}

std::vector<ArtifactEntry> Service::list_artifacts(std::string_view project_id,
                                                   std::string_view folder) {
    return artifact_page(project_id, folder, std::numeric_limits<std::int64_t>::max(), "").items;
}

api::Page<ArtifactEntry> Service::artifact_page(std::string_view project_id,
                                                std::string_view folder, std::int64_t results_max,
                                                std::string_view page_token) {
    folder = without_slashes(folder);
    if (!folder.empty()) check_artifact_path(folder);
    api::Page<ArtifactEntry> page;
    auto& entries = page.items;
    database_.read([&](sql::Connection& connection) {
        require_artifacts(connection, project_id, folder);
        Below below(folder);
        // Skips from one folder to the next, however many files are below each.
        constexpr std::int64_t kBatchMax = 500, kBatchAfterFolder = 4;
        std::int64_t batch = kBatchMax;
        std::string from = below.from;
        if (!page_token.empty()) from = below.from + api::decode_page_token(page_token);
        bool more = true;
        while (more) {
            std::int64_t rows = 0;
            bool skipped = false;
            connection.query(
                "SELECT path, size_bytes FROM tracking_artifacts WHERE project_id = $1 AND path >= "
                "$2 AND path "
                "< $3 ORDER BY path LIMIT $4",
                {project_id, from, below.to, batch}, [&](const sql::Row& row) {
                    ++rows;
                    if (skipped || page.next_page_token) return;
                    if (static_cast<std::int64_t>(entries.size()) == results_max) {
                        page.next_page_token = api::encode_page_token(
                            std::string_view(from).substr(below.from.size()));
                        return;
                    }
                    auto rest = row.text(0).substr(below.from.size());
                    auto slash = rest.find('/');
                    std::string name(rest.substr(0, slash));
                    if (slash == std::string_view::npos) {
                        entries.push_back({name, false, row.integer(1)});
                        from = below.from + name + '\x01';
                    } else {
                        entries.push_back({name, true, 0});
                        from = below.from + name + "0";
                        skipped = true;
                    }
                });
            more = !page.next_page_token && (skipped || rows == batch);
            // Behind a folder there is likely another one, of which one row is enough.
            batch = skipped ? kBatchAfterFolder : std::min(batch * 4, kBatchMax);
        }
    });
    std::sort(entries.begin(), entries.end(),
              [](const ArtifactEntry& a, const ArtifactEntry& b) { return a.path < b.path; });
    return page;
}

void Service::delete_artifacts(std::string_view project_id, std::string_view path) {
    while (path.ends_with('/')) path.remove_suffix(1);
    check_artifact_path(path);
    database_.write([&](sql::Connection& connection) {
        require_artifacts(connection, project_id, path, api::ResourcePermission::MANAGE);
        Below below(path);
        connection.execute(
            "DELETE FROM tracking_artifacts WHERE project_id = $1 AND (path = $2 OR (path >= $3 "
            "AND path < "
            "$4))",
            {project_id, path, below.from, below.to});
    });
}

std::vector<ArtifactFile> Service::artifact_files(std::string_view project_id,
                                                  std::string_view folder) {
    folder = without_slashes(folder);
    check_artifact_path(folder);
    std::vector<ArtifactFile> files;
    database_.read([&](sql::Connection& connection) {
        require_artifacts(connection, project_id, folder);
        Below below(folder);
        connection.query(
            "SELECT path, sha256, size_bytes FROM tracking_artifacts WHERE project_id = $1 AND "
            "path >= $2 AND "
            "path < $3 ORDER BY path",
            {project_id, below.from, below.to}, [&](const sql::Row& row) {
                files.push_back({std::string(row.text(0).substr(below.from.size())), row.string(1),
                                 row.integer(2)});
            });
        if (!files.empty()) return;
        connection.query(
            "SELECT sha256, size_bytes FROM tracking_artifacts WHERE project_id = $1 AND path = $2",
            {project_id, folder}, [&](const sql::Row& row) {
                files.push_back({std::string(folder.substr(folder.rfind('/') + 1)), row.string(0),
                                 row.integer(1)});
            });
    });
    return files;
}

std::string Service::artifact_folder(std::string_view project_id, std::string_view uri) {
    auto below = [](std::string folder, std::string_view rest) {
        rest = without_slashes(rest);
        if (!rest.empty()) folder += (folder.empty() ? "" : "/") + std::string(rest);
        check_artifact_path(folder);
        return folder;
    };
    constexpr std::string_view kRuns = "runs:/", kModels = "models:/",
                               kProxied = "mlflow-artifacts:";
    if (uri.starts_with(kRuns)) {
        auto rest = without_slashes(uri.substr(kRuns.size()));
        auto slash = std::min(rest.find('/'), rest.size());
        Run run = get_run(project_id, rest.substr(0, slash));
        return below(artifact_folder(project_id, run.artifact_uri), rest.substr(slash));
    }
    if (uri.starts_with(kModels)) {
        auto rest = without_slashes(uri.substr(kModels.size()));
        auto slash = std::min(rest.find('/'), rest.size());
        LoggedModel model = get_logged_model(project_id, rest.substr(0, slash), true);
        return below(artifact_folder(project_id, model.artifact_uri), rest.substr(slash));
    }
    if (uri.starts_with(kProxied)) {
        auto rest = uri.substr(kProxied.size());
        if (rest.starts_with("//")) {  // with a host's name: it can only be this one
            auto slash = rest.find('/', 2);
            rest = slash == std::string_view::npos ? "" : rest.substr(slash);
        }
        return below("", rest);
    }
    // What MLflow's client makes of mlflow-artifacts: when it resolves it.
    constexpr std::string_view kService = "/mlflow-artifacts/artifacts/";
    auto service = uri.find(kService);
    if ((uri.starts_with("http://") || uri.starts_with("https://")) &&
        service != std::string_view::npos)
        return below("", uri.substr(service + kService.size()));
    fail(ErrorCode::failed_precondition,
         "the artifacts of {} are not kept by this server; it reads runs:/, models:/m-... and "
         "mlflow-artifacts:/",
         uri);
}

net::Response Service::artifact_response(const ArtifactFile& file, bool scripts) {
    net::Response response;
    ContentType type = content_type(file.path);
    response.headers.set("Content-Type", type.name);
    response.headers.set("X-Content-Type-Options", "nosniff");
    // Files come from programs: a browser may show a page of theirs, but it must not act as this
    // site.
    if (type.active)
        response.headers.set(
            "Content-Security-Policy",
            scripts ? "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' "
                      "'unsafe-eval' blob: data:; worker-src blob: data:; style-src "
                      "'unsafe-inline'; img-src data: blob:; font-src data:; media-src data: blob:"
                    : "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
                      "font-src data:; media-src data:");
    if (!type.viewable)
        response.headers.set(
            "Content-Disposition",
            "attachment; filename*=UTF-8''" +
                percent_encode(std::string_view(file.path).substr(file.path.rfind('/') + 1)));
    response.headers.set("ETag", "\"" + file.sha256 + "\"");
    if (auto local = blobs_.local_file(file.sha256))
        response.body = net::FileBody{*local};
    else
        response.body = net::RangedBody{
            file.size_bytes,
            [&blobs = blobs_, sha256 = file.sha256](std::int64_t offset, std::int64_t size_bytes) {
                std::shared_ptr<blob::Reader> reader = blobs.open(sha256, offset, size_bytes);
                return net::GeneratedBody{[reader] { return reader->read(); }};
            }};
    return response;
}

}  // namespace maru::tracking
