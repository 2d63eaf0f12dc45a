#pragma once

#include <sqlite3.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sql/database.hpp"

namespace maru::sql {

/// A Connection over SQLite's C API; keeps every statement that it has prepared.
///
/// Lifetime: open as long as it lives. Threads: one at a time. Errors: as Connection.
class SqliteConnection final : public Connection {
  public:
    SqliteConnection(const std::filesystem::path& file, bool read_only);
    ~SqliteConnection() override;
    SqliteConnection(const SqliteConnection&) = delete;
    SqliteConnection& operator=(const SqliteConnection&) = delete;

    void query(std::string_view statement, Parameters parameters,
               const std::function<void(const Row&)>& visit) override;
    std::int64_t execute(std::string_view statement, Parameters parameters) override;
    void execute_script(std::string_view script) override;
    using Connection::execute;
    using Connection::query;

    /// True outside of a transaction: SQLite ends one by itself after some errors.
    bool in_autocommit() const { return sqlite3_get_autocommit(handle_) != 0; }

  private:
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
    };
    struct Statement {
        std::unique_ptr<sqlite3_stmt, Finalize> handle;
        /// Where SQLite has $1, $2 ...: it counts parameters as it meets them. 0 for one that the
        /// statement does not mention. Kept, since SQLite finds a name by comparing all of them.
        std::vector<int> places;
    };
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };
    class Use;

    [[noreturn]] void fail_now(std::string_view statement) const;
    Statement prepare(std::string_view text) const;

    sqlite3* handle_ = nullptr;
    using Statements = std::unordered_map<std::string, Statement, TextHash, std::equal_to<>>;
    Statements statements_;
};

}  // namespace maru::sql
