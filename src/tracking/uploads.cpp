#include "tracking/uploads.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/files.hpp"
#include "base/id.hpp"
#include "base/log.hpp"
#include "tracking/validation.hpp"

namespace maru::tracking {
namespace {

constexpr std::chrono::hours kLife{24};
constexpr std::size_t kPieceBytes = 1 << 20;

constexpr std::string_view kTables = R"sql(
CREATE TABLE tracking_uploads (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    path TEXT NOT NULL,
    secret_sha256 TEXT NOT NULL,
    parts BIGINT NOT NULL,
    completed BIGINT NOT NULL DEFAULT 0,
    expires_at BIGINT NOT NULL
);
CREATE TABLE tracking_upload_parts (
    upload TEXT NOT NULL,
    number BIGINT NOT NULL,
    file TEXT NOT NULL,
    etag TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    PRIMARY KEY (upload, number)
);
)sql";

constexpr sql::Migration kMigrations[] = {{"tracking_uploads", 1, kTables}};

void unlink_quietly(const std::filesystem::path& file) {
    std::error_code error;
    std::filesystem::remove(file, error);
    if (error) log::warning("cannot remove {}: {}", file.native(), error.message());
}

/// Reads files one after the other, as one body.
class JoinedFiles final : public net::BodyReader {
  public:
    JoinedFiles(std::vector<std::filesystem::path> files, std::int64_t size_bytes)
        : files_(std::move(files)), size_bytes_(size_bytes) {}

    std::string read() override {
        std::string piece(kPieceBytes, '\0');
        while (true) {
            if (!file_ && !open_next()) return {};
            ssize_t count = ::read(file_.get(), piece.data(), piece.size());
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) fail_errno(errno, "cannot read a part of an upload");
            if (count == 0) {
                file_.reset();
                continue;
            }
            piece.resize(static_cast<std::size_t>(count));
            return piece;
        }
    }
    std::optional<std::int64_t> content_length() const override { return size_bytes_; }

  private:
    bool open_next() {
        if (next_ == files_.size()) return false;
        file_.reset(::open(files_[next_].c_str(), O_RDONLY | O_CLOEXEC));
        if (!file_)
            fail(ErrorCode::aborted, "a part was sent again while the upload was completed");
        ++next_;
        return true;
    }

    std::vector<std::filesystem::path> files_;
    std::int64_t size_bytes_;
    std::size_t next_ = 0;
    FileDescriptor file_;
};

/// A part's bytes in a new file, durable; its digest and size.
struct WrittenPart {
    std::string sha256;
    std::int64_t size_bytes = 0;
};
WrittenPart write_file(const std::filesystem::path& file, net::BodyReader& body) {
    FileDescriptor fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd) fail_errno(errno, fmt::format("cannot create {}", file.native()));
    WrittenPart part;
    Sha256 digest;
    for (std::string piece = body.read(); !piece.empty(); piece = body.read()) {
        write_all(fd.get(), piece);
        digest.update(piece);
        part.size_bytes += static_cast<std::int64_t>(piece.size());
    }
    if (::fsync(fd.get()) != 0) fail_errno(errno, "cannot sync a part of an upload");
    sync_directory(file.parent_path());
    part.sha256 = digest.hex();
    return part;
}

/// An ETag without the quotes that HTTP has around it.
std::string_view bare(std::string_view etag) {
    if (etag.size() >= 2 && etag.starts_with('"') && etag.ends_with('"'))
        return etag.substr(1, etag.size() - 2);
    return etag;
}

}  // namespace

const std::span<const sql::Migration> upload_migrations{kMigrations};

struct Uploads::Row {
    std::string project_id, path, secret_sha256;
    std::int64_t parts = 0;
    bool completed = false;
};

Uploads::Uploads(sql::Database& database, Service& service, const Clock& clock,
                 std::filesystem::path directory)
    : database_(database), service_(service), clock_(clock), directory_(std::move(directory)) {
    std::error_code error;
    std::filesystem::create_directories(directory_, error);
    if (error) fail_errno(error.value(), fmt::format("cannot create {}", directory_.native()));
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
        bool known = database_.read([&](sql::Connection& connection) {
            auto row = find(connection, entry.path().filename().native());
            return row && !row->completed;
        });
        if (!known) std::filesystem::remove_all(entry.path(), error);
    }
}

std::filesystem::path Uploads::folder(std::string_view id) const {
    return directory_ / id;
}

std::optional<Uploads::Row> Uploads::find(sql::Connection& connection, std::string_view id) {
    return connection.first(
        "SELECT project_id, path, secret_sha256, parts, completed FROM tracking_uploads WHERE id = "
        "$1 AND expires_at > $2",
        {id, clock_.now()}, [](const sql::Row& row) {
            return Row{row.string(0), row.string(1), row.string(2), row.integer(3), row.boolean(4)};
        });
}

Uploads::Row Uploads::load(std::string_view project_id, std::string_view path,
                           std::string_view id) {
    auto row = database_.read([&](sql::Connection& connection) { return find(connection, id); });
    if (!row || row->project_id != project_id || row->path != path)
        fail(ErrorCode::not_found, "the upload \"{}\" of {} does not exist, or has expired", id,
             path);
    return *row;
}

StartedUpload Uploads::start(std::string_view project_id, const std::string& path,
                             std::int64_t parts) {
    check_artifact_path(path);
    service_.check_artifacts(project_id, path);
    if (parts < 1 || parts > kPartsMax)
        fail(ErrorCode::invalid_argument,
             "Invalid value {} for parameter 'num_parts' supplied: expected 1 to {}", parts,
             kPartsMax);
    StartedUpload started{new_id(), new_secret("")};
    std::error_code error;
    std::filesystem::create_directory(folder(started.id), error);
    if (error) fail_errno(error.value(), "cannot create the folder of an upload");
    sync_directory(directory_);
    database_.write([&](sql::Connection& connection) {
        connection.execute(
            "INSERT INTO tracking_uploads (id, project_id, path, secret_sha256, parts, expires_at) "
            "VALUES ($1, $2, $3, $4, $5, $6)",
            {started.id, project_id, path, sha256_hex(started.secret), parts,
             clock_.now() + kLife});
    });
    return started;
}

std::string Uploads::write_part(std::string_view id, std::int64_t number, std::string_view secret,
                                net::BodyReader& body) {
    auto row = database_.read([&](sql::Connection& connection) { return find(connection, id); });
    // The same answer for all that the sender has no right to know.
    if (!row || row->completed || !equal_in_constant_time(row->secret_sha256, sha256_hex(secret)))
        fail(ErrorCode::permission_denied, "this URL is not valid, or not any more");
    if (number < 1 || number > row->parts)
        fail(ErrorCode::invalid_argument, "part {} is none of this upload's {}", number,
             row->parts);
    std::string name = fmt::format("{}.{}", number, new_id());
    auto file = folder(id) / name;
    std::optional<std::string> before;
    WrittenPart part;
    try {
        part = write_file(file, body);
        database_.write([&](sql::Connection& connection) {
            auto now = find(connection, id);
            if (!now || now->completed)
                fail(ErrorCode::not_found, "the upload has ended while this part was sent");
            before = connection.first(
                "SELECT file FROM tracking_upload_parts WHERE upload = $1 AND number = $2",
                {id, number}, [](const sql::Row& old) { return old.string(0); });
            connection.execute(
                "INSERT INTO tracking_upload_parts (upload, number, file, etag, size_bytes) VALUES "
                "($1, $2, $3, $4, $5) ON CONFLICT (upload, number) DO UPDATE SET file = "
                "excluded.file, etag = excluded.etag, size_bytes = excluded.size_bytes",
                {id, number, name, part.sha256, part.size_bytes});
        });
    } catch (...) {
        unlink_quietly(file);
        throw;
    }
    if (before) unlink_quietly(folder(id) / *before);
    return part.sha256;
}

void Uploads::complete(std::string_view project_id, std::string_view path, std::string_view id,
                       const std::vector<UploadedPart>& parts) {
    service_.check_artifacts(project_id, path);
    Row upload = load(project_id, path, id);
    if (upload.completed) return;
    if (parts.empty())
        fail(ErrorCode::invalid_argument, "Missing value for required parameter 'parts'.");
    std::vector<std::filesystem::path> files;
    std::int64_t size_bytes = 0, last = 0;
    database_.read([&](sql::Connection& connection) {
        for (const auto& part : parts) {
            if (part.number <= last)
                fail(ErrorCode::invalid_argument, "part {} comes after part {}", part.number, last);
            last = part.number;
            bool found = false;
            connection.query(
                "SELECT file, etag, size_bytes FROM tracking_upload_parts WHERE upload = $1 AND "
                "number = $2",
                {id, part.number}, [&](const sql::Row& row) {
                    found = part.etag.empty() || bare(part.etag) == row.text(1);
                    files.push_back(folder(id) / row.text(0));
                    size_bytes += row.integer(2);
                });
            if (!found)
                fail(ErrorCode::invalid_argument,
                     "part {} was not received, or has another ETag than \"{}\"", part.number,
                     bare(part.etag));
        }
    });
    JoinedFiles body(std::move(files), size_bytes);
    service_.write_artifact(project_id, std::string(path), body);
    // The row stays until it expires: a client that missed the answer asks again.
    database_.write([&](sql::Connection& connection) {
        connection.execute("UPDATE tracking_uploads SET completed = 1 WHERE id = $1", {id});
        connection.execute("DELETE FROM tracking_upload_parts WHERE upload = $1", {id});
    });
    std::error_code error;
    std::filesystem::remove_all(folder(id), error);
}

void Uploads::abort(std::string_view project_id, std::string_view path, std::string_view id) {
    service_.check_artifacts(project_id, path);
    auto row = database_.read([&](sql::Connection& connection) { return find(connection, id); });
    if (!row || row->completed || row->project_id != project_id || row->path != path) return;
    remove(id);
}

void Uploads::remove(std::string_view id) {
    database_.write([&](sql::Connection& connection) {
        connection.execute("DELETE FROM tracking_upload_parts WHERE upload = $1", {id});
        connection.execute("DELETE FROM tracking_uploads WHERE id = $1", {id});
    });
    std::error_code error;
    std::filesystem::remove_all(folder(id), error);
    if (error) log::warning("cannot remove the upload {}: {}", id, error.message());
}

void Uploads::remove_expired() {
    auto expired = database_.read([&](sql::Connection& connection) {
        return connection.all("SELECT id FROM tracking_uploads WHERE expires_at <= $1",
                              {clock_.now()}, [](const sql::Row& row) { return row.string(0); });
    });
    for (const auto& id : expired) remove(id);
}

}  // namespace maru::tracking
