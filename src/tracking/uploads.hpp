#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.hpp"
#include "sql/database.hpp"
#include "tracking/service.hpp"

namespace maru::tracking {

/// An upload that was begun: its parts are sent with the secret, which is told once.
struct StartedUpload {
    std::string id;
    std::string secret;
};

/// A part as the client names it when it completes: the ETag may be left out.
struct UploadedPart {
    std::int64_t number = 0;
    std::string etag;
};

/// Receives artifacts in parts that come in any order, several at once, again, and after a restart.
///
/// A part is a file below `directory`/UPLOAD/ until the upload is completed, aborted or expired;
/// its row is written after its bytes are durable.
///
/// Lifetime: the server's. Threads: any. Errors: not_found for an upload that is not there (any
/// more), permission_denied for a wrong secret, invalid_argument for parts that are not there.
/// Example: uploads_test.cpp.
class Uploads {
  public:
    /// Removes the files of uploads that no row knows, which a crash left.
    Uploads(sql::Database& database, Service& service, const Clock& clock,
            std::filesystem::path directory);

    static constexpr std::int64_t kPartsMax = 10'000;

    /// Begins an upload of the artifact at `path`, below the project's root.
    StartedUpload start(std::string_view project_id, const std::string& path, std::int64_t parts);
    /// Streams a part in; returns its ETag. A part that is sent again replaces the one before.
    std::string write_part(std::string_view id, std::int64_t number, std::string_view secret,
                           net::BodyReader& body);
    /// Joins the parts to the artifact, without holding it in memory. Again: nothing happens.
    void complete(std::string_view project_id, std::string_view path, std::string_view id,
                  const std::vector<UploadedPart>& parts);
    /// Frees what was sent. Nothing there: nothing happens.
    void abort(std::string_view project_id, std::string_view path, std::string_view id);
    /// Aborts uploads that were begun a day ago; call it now and then.
    void remove_expired();

  private:
    struct Row;
    std::optional<Row> find(sql::Connection& connection, std::string_view id);
    Row load(std::string_view project_id, std::string_view path, std::string_view id);
    void remove(std::string_view id);
    std::filesystem::path folder(std::string_view id) const;

    sql::Database& database_;
    Service& service_;
    const Clock& clock_;
    std::filesystem::path directory_;
};

extern const std::span<const sql::Migration> upload_migrations;

}  // namespace maru::tracking
