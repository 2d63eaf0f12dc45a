#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace maru::transfer {

/// One row of an answer of SqliteReader; valid inside the callback only.
class SqliteRow {
  public:
    explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}
    bool is_null(int column) const;
    std::int64_t integer(int column) const;
    double real(int column) const;
    std::string text(int column) const;  // empty for null
    std::optional<std::int64_t> optional_integer(int column) const;
    std::optional<std::string> optional_text(int column) const;

  private:
    sqlite3_stmt* statement_;
};

/// Reads a SQLite database that someone else writes, never changing it. Throws invalid_argument
/// for a file that is none, data_loss for one that is damaged.
class SqliteReader {
  public:
    using Value = std::variant<std::int64_t, std::string>;
    explicit SqliteReader(const std::filesystem::path& file);
    void query(const std::string& statement, std::initializer_list<Value> values,
               const std::function<void(const SqliteRow&)>& visit);
    bool has(const std::string& table, std::string_view column = "");

  private:
    struct Close {
        void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
    };
    std::filesystem::path file_;
    std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace maru::transfer
