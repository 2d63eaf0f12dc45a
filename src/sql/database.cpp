#include "sql/database.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/carried.hpp"
#include "base/error.hpp"
#include "base/files.hpp"
#include "base/log.hpp"
#include "sql/sqlite_connection.hpp"

namespace maru::sql {
namespace {

thread_local bool inside_transaction = false;
thread_local ScopedWriteHook* current_hook = nullptr;

class InsideTransaction {
  public:
    InsideTransaction() {
        if (inside_transaction) {
            log::error("a write or read was started inside another one of the same thread: a bug");
            std::abort();
        }
        inside_transaction = true;
    }
    ~InsideTransaction() { inside_transaction = false; }
    InsideTransaction(const InsideTransaction&) = delete;
    InsideTransaction& operator=(const InsideTransaction&) = delete;
};

/// Most work that shares one transaction: bounds how long the first waits for the last.
constexpr std::size_t kGroupMax = 256;

}  // namespace

class WriteHookAccess {
  public:
    static ScopedWriteHook* take() {
        ScopedWriteHook* hook = current_hook;
        while (hook != nullptr && hook->ran_) hook = hook->outer_;
        return hook;
    }
    // Hooks may be nested: all that have not run do, the innermost first.
    static void run(ScopedWriteHook& innermost, Connection& connection) {
        for (ScopedWriteHook* hook = &innermost; hook != nullptr; hook = hook->outer_)
            if (!hook->ran_) hook->hook_(connection);
    }
    static void mark_ran(ScopedWriteHook& innermost) {
        for (ScopedWriteHook* hook = &innermost; hook != nullptr; hook = hook->outer_)
            hook->ran_ = true;
    }
};

ScopedWriteHook::ScopedWriteHook(std::function<void(Connection&)> hook)
    : hook_(std::move(hook)), outer_(current_hook) {
    current_hook = this;
}
ScopedWriteHook::~ScopedWriteHook() {
    current_hook = outer_;
}

namespace {

/// Group commit without a thread of its own: of the callers that wait, the first leads, that is, it
/// runs the work of all and commits once; who comes meanwhile forms the next group. A lone writer
/// so pays for no hand-over between threads.
class GroupWriter {
  public:
    explicit GroupWriter(std::unique_ptr<SqliteConnection> connection)
        : connection_(std::move(connection)) {}

    void write(const std::function<void(Connection&)>& work) {
        Item item{&work, WriteHookAccess::take(), Carried::get(), nullptr, false, {}};
        std::unique_lock lock(mutex_);
        waiting_.push_back(&item);
        item.turn.wait(lock, [&] { return item.done || (!leading_ && waiting_.front() == &item); });
        if (!item.done) lead(lock);
        if (item.error) std::rethrow_exception(item.error);
        if (item.hook != nullptr) WriteHookAccess::mark_ran(*item.hook);
    }

    SqliteConnection& connection() { return *connection_; }

  private:
    struct Item {
        const std::function<void(Connection&)>* work;
        ScopedWriteHook* hook;
        const void* carried;
        std::exception_ptr error;
        bool done;
        std::condition_variable turn;
    };

    void lead(std::unique_lock<std::mutex>& lock) {
        leading_ = true;
        std::deque<Item*> group;
        while (!waiting_.empty() && group.size() < kGroupMax) {
            group.push_back(waiting_.front());
            waiting_.pop_front();
        }
        lock.unlock();
        {
            InsideTransaction inside;
            commit(group);
        }
        lock.lock();
        leading_ = false;
        for (Item* item : group) {
            item->done = true;
            item->turn.notify_one();
        }
        if (!waiting_.empty()) waiting_.front()->turn.notify_one();
    }

    void commit(const std::deque<Item*>& group) {
        try {
            connection_->execute("begin immediate");
            for (Item* item : group) run(*item, group.size() > 1);
            connection_->execute("commit");
        } catch (...) {
            undo();
            for (Item* item : group)
                if (!item->error) item->error = std::current_exception();
        }
    }

    void run(Item& item, bool shared) {
        if (shared) connection_->execute("savepoint item");
        // The work may be another caller's: what belongs to that one comes with it.
        Carried::Scope carried(item.carried);
        try {
            (*item.work)(*connection_);
            if (item.hook != nullptr) WriteHookAccess::run(*item.hook, *connection_);
            if (shared) connection_->execute("release item");
        } catch (...) {
            item.error = std::current_exception();
            // After errors such as a full disk SQLite has undone the whole transaction, the others'
            // work too.
            if (connection_->in_autocommit() || !shared) throw;
            connection_->execute("rollback to item");
            connection_->execute("release item");
        }
    }

    void undo() {
        try {
            if (!connection_->in_autocommit()) connection_->execute("rollback");
        } catch (...) {
            log::error("cannot roll back: {}", log::current_exception_message());
        }
    }

    std::unique_ptr<SqliteConnection> connection_;
    std::mutex mutex_;
    std::deque<Item*> waiting_;
    bool leading_ = false;
};

class SqliteDatabase final : public Database {
  public:
    SqliteDatabase(FileDescriptor file_lock, std::unique_ptr<SqliteConnection> writer,
                   std::vector<std::unique_ptr<SqliteConnection>> readers)
        : file_lock_(std::move(file_lock)),
          writer_(std::move(writer)),
          readers_(std::move(readers)) {}

    void shrink() override {
        // A part of the file stays free for what is written next.
        constexpr std::int64_t kFreePart = 8, kFreePagesMin = 4096, kPagesAtOnce = 2048;
        auto number = [](Connection& connection, std::string_view pragma) {
            return connection.first(pragma, {}, [](const Row& row) { return row.integer(0); })
                .value_or(0);
        };
        auto unused = read([&](Connection& connection) {
            auto free = number(connection, "pragma freelist_count");
            return free -
                   std::max(kFreePagesMin, number(connection, "pragma page_count") / kFreePart);
        });
        if (unused <= 0) return;
        write([&](Connection& connection) {
            connection.execute(
                fmt::format("pragma incremental_vacuum({})", std::min(unused, kPagesAtOnce)));
        });
    }

  protected:
    void write_erased(const std::function<void(Connection&)>& work) override {
        if (inside_transaction) InsideTransaction nested;  // says so and ends the program
        writer_.write(work);
    }

    void read_erased(const std::function<void(Connection&)>& work) override {
        InsideTransaction inside;
        std::unique_ptr<SqliteConnection> connection;
        {
            std::unique_lock lock(mutex_);
            free_.wait(lock, [&] { return !readers_.empty(); });
            connection = std::move(readers_.back());
            readers_.pop_back();
        }
        struct GiveBack {
            SqliteDatabase& database;
            std::unique_ptr<SqliteConnection>& connection;
            ~GiveBack() {
                {
                    std::lock_guard lock(database.mutex_);
                    database.readers_.push_back(std::move(connection));
                }
                database.free_.notify_one();
            }
        } give_back{*this, connection};
        connection->execute("begin");
        try {
            work(*connection);
        } catch (...) {
            if (!connection->in_autocommit()) connection->execute("rollback");
            throw;
        }
        connection->execute("commit");
    }

  private:
    FileDescriptor file_lock_;
    GroupWriter writer_;
    std::mutex mutex_;
    std::condition_variable free_;
    std::vector<std::unique_ptr<SqliteConnection>> readers_;
};

// A server that has just been killed may have forked a child that has yet to close its files.
constexpr std::chrono::seconds kLockPatience{2};

/// Held as long as the server lives: two servers over one database would each believe to be alone.
FileDescriptor lock_database(const std::filesystem::path& file) {
    auto path = file.native() + ".lock";
    FileDescriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock) fail_errno(errno, fmt::format("cannot open {}", path));
    auto give_up_at = std::chrono::steady_clock::now() + kLockPatience;
    while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) fail_errno(errno, fmt::format("cannot lock {}", path));
        if (std::chrono::steady_clock::now() >= give_up_at)
            fail(ErrorCode::failed_precondition,
                 "{} is in use by another server; stop that one, or choose another data directory",
                 file.native());
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return lock;
}

void migrate(SqliteConnection& connection, std::span<const Migration> migrations) {
    connection.execute("begin immediate");
    try {
        connection.execute(
            "create table if not exists schema_migrations (module text not null, number bigint not "
            "null,"
            " applied_at bigint not null, primary key (module, number))");
        std::set<std::pair<std::string, std::int64_t>> applied, known;
        connection.query("select module, number from schema_migrations", {},
                         [&](const Row& row) { applied.emplace(row.string(0), row.integer(1)); });
        for (const auto& migration : migrations) {
            known.emplace(migration.module, migration.number);
            if (applied.contains({std::string(migration.module), migration.number})) continue;
            connection.execute_script(migration.script);
            if (migration.convert != nullptr) migration.convert(connection);
            connection.execute("insert into schema_migrations values ($1, $2, $3)",
                               {migration.module, migration.number, SystemClock().now()});
        }
        for (const auto& [module, number] : applied)
            if (!known.contains({module, number}))
                fail(ErrorCode::failed_precondition,
                     "the database was written by a newer maru (it has step {} of {}); use that "
                     "version",
                     number, module);
        connection.execute("commit");
    } catch (...) {
        if (!connection.in_autocommit()) connection.execute("rollback");
        throw;
    }
}

}  // namespace

std::unique_ptr<Database> Database::open(const DatabaseOptions& options,
                                         std::span<const Migration> migrations) {
    FileDescriptor lock = lock_database(options.file);
    try {
        auto writer = std::make_unique<SqliteConnection>(options.file, false);
        migrate(*writer, migrations);
        std::vector<std::unique_ptr<SqliteConnection>> readers;
        for (int i = 0; i < options.readers; ++i)
            readers.push_back(std::make_unique<SqliteConnection>(options.file, true));
        return std::make_unique<SqliteDatabase>(std::move(lock), std::move(writer),
                                                std::move(readers));
    } catch (const Error& error) {
        if (error.code() != ErrorCode::data_loss) throw;
        fail(ErrorCode::data_loss, "the database {} is damaged ({}); put a backup in its place",
             options.file.native(), error.message());
    }
}

}  // namespace maru::sql
