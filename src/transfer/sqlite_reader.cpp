#include "transfer/sqlite_reader.hpp"

#include "base/error.hpp"

namespace maru::transfer {
namespace {

struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

}  // namespace

bool SqliteRow::is_null(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::int64_t SqliteRow::integer(int column) const {
    return sqlite3_column_int64(statement_, column);
}

double SqliteRow::real(int column) const {
    return sqlite3_column_double(statement_, column);
}

std::string SqliteRow::text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    if (bytes == nullptr) return {};
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::optional<std::int64_t> SqliteRow::optional_integer(int column) const {
    return is_null(column) ? std::nullopt : std::optional(integer(column));
}

std::optional<std::string> SqliteRow::optional_text(int column) const {
    return is_null(column) ? std::nullopt : std::optional(text(column));
}

SqliteReader::SqliteReader(const std::filesystem::path& file) : file_(file) {
    sqlite3* database = nullptr;
    int result = sqlite3_open_v2(file.c_str(), &database, SQLITE_OPEN_READONLY, nullptr);
    database_.reset(database);
    if (result != SQLITE_OK)
        fail(ErrorCode::invalid_argument, "{} can't be opened: {}", file.string(),
             sqlite3_errmsg(database));
    sqlite3_busy_timeout(database, 30'000);
}

void SqliteReader::query(const std::string& statement, std::initializer_list<Value> values,
                         const std::function<void(const SqliteRow&)>& visit) {
    sqlite3_stmt* raw = nullptr;
    auto check = [&](int result) {
        if (result == SQLITE_OK || result == SQLITE_ROW || result == SQLITE_DONE) return;
        bool other = result == SQLITE_NOTADB;
        fail(other ? ErrorCode::invalid_argument : ErrorCode::data_loss, "{}: {}", file_.string(),
             sqlite3_errmsg(database_.get()));
    };
    check(sqlite3_prepare_v2(database_.get(), statement.c_str(), -1, &raw, nullptr));
    std::unique_ptr<sqlite3_stmt, Finalize> prepared(raw);
    int place = 0;
    for (const auto& value : values) {
        ++place;
        if (const auto* number = std::get_if<std::int64_t>(&value))
            check(sqlite3_bind_int64(raw, place, *number));
        else {
            const auto& text = std::get<std::string>(value);
            check(sqlite3_bind_text(raw, place, text.data(), static_cast<int>(text.size()),
                                    SQLITE_TRANSIENT));
        }
    }
    for (;;) {
        int result = sqlite3_step(raw);
        check(result);
        if (result != SQLITE_ROW) return;
        visit(SqliteRow(raw));
    }
}

bool SqliteReader::has(const std::string& table, std::string_view column) {
    bool found = false;
    query("SELECT name FROM pragma_table_info(?)", {table},
          [&](const SqliteRow& row) { found = found || column.empty() || row.text(0) == column; });
    return found;
}

}  // namespace maru::transfer
