#include "base/error.hpp"
#include "transfer/local_artifacts.hpp"
#include "transfer/source.hpp"

namespace maru::transfer {

std::unique_ptr<Source> open_source(const std::string& from, const Credentials& credentials,
                                    const std::filesystem::path& artifacts) {
    if (from.starts_with("http://") || from.starts_with("https://"))
        return open_rest_source(from, credentials);
    std::filesystem::path path;
    constexpr std::string_view kSqlite = "sqlite:///";
    if (from.starts_with(kSqlite)) {
        path = from.substr(kSqlite.size());
    } else if (auto local = local_path(from)) {
        path = *local;
    } else {
        fail(ErrorCode::invalid_argument,
             "--from {}: expected http://... of a tracking server, a folder mlruns, or a SQLite "
             "file",
             from);
    }
    std::error_code error;
    auto absolute = std::filesystem::absolute(path).lexically_normal();
    if (std::filesystem::is_directory(absolute, error))
        return open_file_source(absolute, artifacts);
    if (std::filesystem::is_regular_file(absolute, error))
        return open_sqlite_source(absolute, artifacts);
    fail(ErrorCode::not_found, "--from {}: there is no such file or folder", from);
}

}  // namespace maru::transfer
