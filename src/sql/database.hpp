#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/time.hpp"

namespace maru::sql {

/// A value in a table: null, a 64-bit integer (also booleans and times), a double, text, or bytes.
struct Null {
    bool operator==(const Null&) const = default;
};
struct Bytes {
    std::string data;
    bool operator==(const Bytes&) const = default;
};

class Value {
  public:
    Value() = default;
    Value(Null) {}
    Value(std::nullopt_t) {}
    template <std::integral T>
    Value(T v) : held_(static_cast<std::int64_t>(v)) {}
    Value(double v) : held_(v) {}
    Value(const char* v) : held_(std::string(v)) {}
    Value(std::string v) : held_(std::move(v)) {}
    Value(std::string_view v) : held_(std::string(v)) {}
    Value(Bytes v) : held_(std::move(v)) {}
    Value(Time v) : held_(to_ms(v)) {}
    template <class T>
    Value(const std::optional<T>& v) {
        if (v) *this = Value(*v);
    }

    const std::variant<Null, std::int64_t, double, std::string, Bytes>& held() const {
        return held_;
    }

  private:
    std::variant<Null, std::int64_t, double, std::string, Bytes> held_;
};

/// One row of an answer; valid only inside the callback of Connection::query.
class Row {
  public:
    virtual ~Row() = default;
    virtual bool is_null(int column) const = 0;
    virtual std::int64_t integer(int column) const = 0;
    virtual double real(int column) const = 0;
    /// Valid until the callback returns.
    virtual std::string_view text(int column) const = 0;

    std::string string(int column) const { return std::string(text(column)); }
    bool boolean(int column) const { return integer(column) != 0; }
    Time time(int column) const { return from_ms(integer(column)); }
    std::optional<std::string> optional_string(int c) const {
        return is_null(c) ? std::nullopt : std::optional(string(c));
    }
    std::optional<std::int64_t> optional_integer(int c) const {
        return is_null(c) ? std::nullopt : std::optional(integer(c));
    }
    std::optional<Time> optional_time(int c) const {
        return is_null(c) ? std::nullopt : std::optional(time(c));
    }
};

using Parameters = std::span<const Value>;

/// One connection, inside a transaction that Database opened. Statements use $1, $2, ... and are
/// prepared once and kept. SQL is the common part of SQLite and PostgreSQL. Not thread-safe; lives
/// no longer than the callback it is given to.
///
/// Errors: a broken uniqueness constraint is already_exists, a broken foreign key or check
/// failed_precondition, a full disk resource_exhausted.
class Connection {
  public:
    virtual ~Connection() = default;
    /// Runs a statement and calls `visit` for each row.
    virtual void query(std::string_view statement, Parameters parameters,
                       const std::function<void(const Row&)>& visit) = 0;
    /// Runs a statement; returns how many rows it changed.
    virtual std::int64_t execute(std::string_view statement, Parameters parameters) = 0;
    /// Runs several statements separated by ';', without parameters (migrations).
    virtual void execute_script(std::string_view script) = 0;

    std::int64_t execute(std::string_view statement) { return execute(statement, Parameters{}); }
    std::int64_t execute(std::string_view statement, std::initializer_list<Value> parameters) {
        return execute(statement, Parameters(parameters.begin(), parameters.size()));
    }
    void query(std::string_view statement, std::initializer_list<Value> parameters,
               const std::function<void(const Row&)>& visit) {
        query(statement, Parameters(parameters.begin(), parameters.size()), visit);
    }
    /// All rows, each made by `make(row)`.
    template <class F>
    auto all(std::string_view statement, std::initializer_list<Value> parameters, F&& make) {
        std::vector<std::invoke_result_t<F, const Row&>> rows;
        query(statement, parameters, [&](const Row& row) { rows.push_back(make(row)); });
        return rows;
    }
    template <class F>
    auto all(std::string_view statement, const std::vector<Value>& parameters, F&& make) {
        std::vector<std::invoke_result_t<F, const Row&>> rows;
        query(statement, Parameters(parameters),
              [&](const Row& row) { rows.push_back(make(row)); });
        return rows;
    }
    /// The first row made by `make(row)`, or nothing.
    template <class F>
    auto first(std::string_view statement, std::initializer_list<Value> parameters, F&& make) {
        std::optional<std::invoke_result_t<F, const Row&>> found;
        query(statement, parameters, [&](const Row& row) {
            if (!found) found = make(row);
        });
        return found;
    }
};

/// One numbered step of a module's tables. Steps are never edited once released, only added.
struct Migration {
    std::string_view module;  // "tracking"
    int number;               // 1, 2, ...
    std::string_view script;
    /// Runs after the script in the same transaction, for what SQL cannot say; none: nullptr.
    void (*convert)(Connection&) = nullptr;
};

struct DatabaseOptions {
    std::filesystem::path file;  // SQLite's
    int readers = 4;
};

/// The platform's tables. Writes commit in groups: callers' writes that wait at the
/// same moment share one durable transaction, each in a savepoint of its own, so that one that
/// throws undoes itself only.
///
/// Lifetime: the server's. Threads: all functions from any thread; `write` must not be called
/// inside a `write` or a `read` of the same thread (an assertion).
class Database {
  public:
    virtual ~Database() = default;

    /// Opens or creates; applies the migrations that are missing, in the given order, in one
    /// transaction. Throws failed_precondition for a database that a newer maru wrote, or that is
    /// in use by another server.
    static std::unique_ptr<Database> open(const DatabaseOptions& options,
                                          std::span<const Migration> migrations);

    /// Runs `work` in a transaction, maybe on another caller's thread; returns when it is durable
    /// (fsynced). What `work` throws is thrown here, with its changes undone. `work` should only
    /// touch the connection and its captures, and be short: all writers wait for it.
    template <class F>
    auto write(F&& work) -> std::invoke_result_t<F, Connection&> {
        using R = std::invoke_result_t<F, Connection&>;
        if constexpr (std::is_void_v<R>) {
            write_erased([&](Connection& c) { work(c); });
        } else {
            std::optional<R> result;
            write_erased([&](Connection& c) { result.emplace(work(c)); });
            return std::move(*result);
        }
    }

    /// Runs `work` on a reader connection over one consistent snapshot that includes every write
    /// that returned before the call.
    template <class F>
    auto read(F&& work) -> std::invoke_result_t<F, Connection&> {
        using R = std::invoke_result_t<F, Connection&>;
        if constexpr (std::is_void_v<R>) {
            read_erased([&](Connection& c) { work(c); });
        } else {
            std::optional<R> result;
            read_erased([&](Connection& c) { result.emplace(work(c)); });
            return std::move(*result);
        }
    }

    /// Gives some of the file's unused space back to the file system, if much of it is unused; to
    /// be called now and then. Takes a short transaction.
    virtual void shrink() = 0;

  protected:
    virtual void write_erased(const std::function<void(Connection&)>& work) = 0;
    virtual void read_erased(const std::function<void(Connection&)>& work) = 0;
};

/// Adds work to the first `write` that this thread makes while the object lives, at its end and in
/// the same transaction: how api/ makes an audit entry as durable as the change it is about.
class ScopedWriteHook {
  public:
    explicit ScopedWriteHook(std::function<void(Connection&)> hook);
    ~ScopedWriteHook();
    ScopedWriteHook(const ScopedWriteHook&) = delete;
    ScopedWriteHook& operator=(const ScopedWriteHook&) = delete;
    /// True once the hook has run in a write that committed.
    bool ran() const { return ran_; }

  private:
    friend class WriteHookAccess;
    std::function<void(Connection&)> hook_;
    ScopedWriteHook* outer_;
    bool ran_ = false;
};

}  // namespace maru::sql
