#include "sql/sqlite_connection.hpp"

#include <cstdlib>

#include "base/error.hpp"

namespace maru::sql {
namespace {

constexpr std::size_t kParametersMax = 32'766;  // SQLite's own limit

class SqliteRow final : public Row {
  public:
    explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}
    bool is_null(int column) const override {
        return sqlite3_column_type(statement_, column) == SQLITE_NULL;
    }
    std::int64_t integer(int column) const override {
        return sqlite3_column_int64(statement_, column);
    }
    double real(int column) const override { return sqlite3_column_double(statement_, column); }
    std::string_view text(int column) const override {
        const void* bytes = sqlite3_column_blob(statement_, column);
        auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
        return {static_cast<const char*>(bytes), size};
    }

  private:
    sqlite3_stmt* statement_;
};

struct Bind {
    sqlite3_stmt* statement;
    int index;
    int operator()(Null) const { return sqlite3_bind_null(statement, index); }
    int operator()(std::int64_t value) const { return sqlite3_bind_int64(statement, index, value); }
    int operator()(double value) const { return sqlite3_bind_double(statement, index, value); }
    // The parameters outlive the statement's run: nothing is copied.
    int operator()(const std::string& value) const {
        return sqlite3_bind_text64(statement, index, value.data(), value.size(), SQLITE_STATIC,
                                   SQLITE_UTF8);
    }
    int operator()(const Bytes& value) const {
        return sqlite3_bind_blob64(statement, index, value.data.data(), value.data.size(),
                                   SQLITE_STATIC);
    }
};

ErrorCode code_of(int result) {
    switch (result & 0xff) {
        case SQLITE_FULL:
        case SQLITE_NOMEM:
        case SQLITE_TOOBIG:
            return ErrorCode::resource_exhausted;
        case SQLITE_CANTOPEN:
        case SQLITE_PERM:
        case SQLITE_READONLY:
            return ErrorCode::permission_denied;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return ErrorCode::data_loss;
        case SQLITE_CONSTRAINT:
            return result == SQLITE_CONSTRAINT_UNIQUE || result == SQLITE_CONSTRAINT_PRIMARYKEY ||
                           result == SQLITE_CONSTRAINT_ROWID
                       ? ErrorCode::already_exists
                       : ErrorCode::failed_precondition;
        default:
            return ErrorCode::internal;
    }
}

}  // namespace

/// A prepared statement taken from the cache for one run; given back, reset, at the end.
class SqliteConnection::Use {
  public:
    Use(SqliteConnection& connection, std::string_view text, Parameters parameters)
        : connection_(connection) {
        auto kept = connection.statements_.find(text);
        if (kept != connection.statements_.end())
            entry_ = connection.statements_.extract(kept);
        else
            entry_ = made(connection, text);
        bind(parameters);
    }
    ~Use() {
        sqlite3_reset(get());
        sqlite3_clear_bindings(get());
        if (connection_.statements_.size() < kStatementsMax)
            connection_.statements_.insert(std::move(entry_));
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

    sqlite3_stmt* get() { return entry_.mapped().handle.get(); }
    /// True while there is a row.
    bool step() {
        int result = sqlite3_step(get());
        if (result == SQLITE_ROW) return true;
        if (result != SQLITE_DONE) connection_.fail_now(entry_.key());
        return false;
    }

  private:
    // Search filters make statements of many shapes; the cache must not grow with them.
    static constexpr std::size_t kStatementsMax = 300;

    static Statements::node_type made(SqliteConnection& connection, std::string_view text) {
        Statements one;
        one.emplace(text, connection.prepare(text));
        return one.extract(one.begin());
    }

    void bind(Parameters parameters) {
        const auto& places = entry_.mapped().places;
        for (std::size_t i = 0; i < std::min(parameters.size(), places.size()); ++i) {
            if (places[i] == 0) continue;
            if (std::visit(Bind{get(), places[i]}, parameters[i].held()) != SQLITE_OK)
                connection_.fail_now(entry_.key());
        }
    }

    SqliteConnection& connection_;
    Statements::node_type entry_;
};

SqliteConnection::SqliteConnection(const std::filesystem::path& file, bool read_only) {
    int flags = SQLITE_OPEN_NOMUTEX |
                (read_only ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    int result = sqlite3_open_v2(file.c_str(), &handle_, flags, nullptr);
    if (result != SQLITE_OK) {
        std::string message = sqlite3_errmsg(handle_);
        sqlite3_close(handle_);
        fail(code_of(result), "cannot open the database {}: {}", file.native(), message);
    }
    sqlite3_extended_result_codes(handle_, 1);
    try {
        // For a new file only, and before all else. Where it is set already it would be written
        // again, and a damaged file must not be touched.
        bool has_vacuum = false;
        query("pragma auto_vacuum", {}, [&](const Row& row) { has_vacuum = row.boolean(0); });
        if (!read_only && !has_vacuum) execute_script("pragma auto_vacuum = incremental;");
        // FULL: in WAL mode each commit is fsynced, so what was acknowledged survives power loss.
        // LIKE heeds case, as in PostgreSQL.
        execute_script(
            "pragma busy_timeout = 10000; pragma journal_mode = wal; pragma synchronous = full;"
            "pragma foreign_keys = on; pragma temp_store = memory; pragma case_sensitive_like = "
            "on;");
        if (read_only) execute_script("pragma query_only = on;");
    } catch (...) {
        statements_.clear();
        sqlite3_close(handle_);
        throw;
    }
}

SqliteConnection::~SqliteConnection() {
    statements_.clear();
    sqlite3_close(handle_);
}

void SqliteConnection::fail_now(std::string_view statement) const {
    int result = sqlite3_extended_errcode(handle_);
    ErrorCode code = code_of(result);
    std::string message = sqlite3_errmsg(handle_);
    if (code == ErrorCode::resource_exhausted) fail(code, "the database can't grow: {}", message);
    if (code == ErrorCode::internal)
        fail(code, "the database refused \"{}\": {}", statement.substr(0, 200), message);
    fail(code, "{}", message);
}

SqliteConnection::Statement SqliteConnection::prepare(std::string_view text) const {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v3(handle_, text.data(), static_cast<int>(text.size()),
                           SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK)
        fail_now(text);
    Statement statement{.handle = {raw, {}}, .places = {}};
    for (int place = 1; place <= sqlite3_bind_parameter_count(raw); ++place) {
        const char* name = sqlite3_bind_parameter_name(raw, place);
        std::size_t number =
            name != nullptr && *name == '$' ? std::strtoul(name + 1, nullptr, 10) : 0;
        if (number == 0 || number > kParametersMax)
            fail(ErrorCode::internal, "parameters are $1, $2 ...: {}", text);
        if (statement.places.size() < number) statement.places.resize(number);
        statement.places[number - 1] = place;
    }
    return statement;
}

void SqliteConnection::query(std::string_view statement, Parameters parameters,
                             const std::function<void(const Row&)>& visit) {
    Use use(*this, statement, parameters);
    SqliteRow row(use.get());
    while (use.step()) visit(row);
}

std::int64_t SqliteConnection::execute(std::string_view statement, Parameters parameters) {
    Use use(*this, statement, parameters);
    while (use.step()) {
    }
    return sqlite3_changes64(handle_);
}

void SqliteConnection::execute_script(std::string_view script) {
    std::string text(script);
    if (sqlite3_exec(handle_, text.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail_now(text);
}

}  // namespace maru::sql
