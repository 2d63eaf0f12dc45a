#include "sql/database.hpp"

#include <gtest/gtest.h>

#include <barrier>
#include <thread>

#include "base/error.hpp"
#include "base/id.hpp"

namespace maru::sql {

class DatabaseTest : public testing::Test {
  protected:
    DatabaseTest() { std::filesystem::create_directories(folder_); }
    ~DatabaseTest() override { std::filesystem::remove_all(folder_); }
    std::unique_ptr<Database> open(std::span<const Migration> migrations = kFirst) {
        return Database::open({.file = folder_ / "test.db", .readers = 2}, migrations);
    }
    static std::int64_t count(Database& database) {
        return database.read([](Connection& c) {
            return *c.first("select count(*) from items", {},
                            [](const Row& r) { return r.integer(0); });
        });
    }
    static ErrorCode code_of(const std::function<void()>& call) {
        try {
            call();
        } catch (const Error& error) {
            return error.code();
        }
        return ErrorCode::unknown;
    }

    static constexpr Migration kFirst[] = {
        {"test", 1,
         "create table items (id bigint primary key, text text, ratio double precision)"}};
    static constexpr Migration kSecond[] = {
        kFirst[0], {"test", 2, "alter table items add column more bigint"}};
    std::filesystem::path folder_ =
        std::filesystem::temp_directory_path() / ("maru-sql-" + new_id());
};

TEST_F(DatabaseTest, keeps_values_over_a_restart) {
    {
        auto database = open();
        database->write([](Connection& c) {
            c.execute("insert into items values ($1, $2, $3)", {1, "마루", 0.1});
            c.execute("insert into items values ($3, $1, $2)",
                      {Null{}, std::optional<double>(), 2});
        });
    }
    auto database = open();
    database->read([](Connection& c) {
        auto texts = c.all("select text, ratio from items order by id", {}, [](const Row& r) {
            return std::pair(r.optional_string(0), r.is_null(1) ? -1.0 : r.real(1));
        });
        ASSERT_EQ(texts.size(), 2u);
        EXPECT_EQ(texts[0], std::pair(std::optional<std::string>("마루"), 0.1));
        EXPECT_EQ(texts[1], std::pair(std::optional<std::string>(), -1.0));
    });
}

TEST_F(DatabaseTest, undoes_only_the_write_that_throws) {
    auto database = open();
    constexpr int kThreads = 8;
    constexpr int kEach = 50;
    std::barrier start(kThreads);
    std::atomic<int> refused = 0;
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            start.arrive_and_wait();
            for (int i = 0; i < kEach; ++i) {
                try {
                    database->write([&](Connection& c) {
                        c.execute("insert into items (id) values ($1)", {t * kEach + i});
                        if (i % 2 == 1) fail(ErrorCode::aborted, "odd");
                    });
                } catch (const Error& error) {
                    EXPECT_EQ(error.code(), ErrorCode::aborted);
                    ++refused;
                }
            }
        });
    }
    threads.clear();
    EXPECT_EQ(refused, kThreads * kEach / 2);
    EXPECT_EQ(count(*database), kThreads * kEach / 2);
}

TEST_F(DatabaseTest, reads_what_was_written_before) {
    auto database = open();
    for (int i = 0; i < 100; ++i) {
        database->write(
            [&](Connection& c) { c.execute("insert into items (id) values ($1)", {i}); });
        ASSERT_EQ(count(*database), i + 1);
    }
}

TEST_F(DatabaseTest, classifies_errors) {
    auto database = open();
    auto insert = [&] {
        database->write([](Connection& c) { c.execute("insert into items (id) values (1)"); });
    };
    insert();
    EXPECT_EQ(code_of(insert), ErrorCode::already_exists);
    EXPECT_EQ(code_of([&] { database->write([](Connection& c) { c.execute("nonsense"); }); }),
              ErrorCode::internal);
    EXPECT_EQ(
        code_of([&] { database->read([](Connection& c) { c.execute("delete from items"); }); }),
        ErrorCode::permission_denied);
}

TEST_F(DatabaseTest, migrates_forward_and_refuses_a_newer_database) {
    open().reset();
    open(kSecond).reset();
    EXPECT_EQ(code_of([&] { open(kFirst); }), ErrorCode::failed_precondition);
    open(kSecond)->write(
        [](Connection& c) { c.execute("insert into items (id, more) values (1, 2)"); });
}

TEST_F(DatabaseTest, refuses_a_second_server) {
    auto database = open();
    EXPECT_EQ(code_of([&] { open(); }), ErrorCode::failed_precondition);
}

TEST_F(DatabaseTest, gives_unused_space_back) {
    auto database = open();
    std::string text(100'000, 'x');
    for (int i = 0; i < 500; ++i)
        database->write([&](Connection& c) {
            c.execute("insert into items (id, text) values ($1, $2)", {i, text});
        });
    auto pages = [&] {
        return database->read([](Connection& c) {
            return *c.first("pragma page_count", {}, [](const Row& r) { return r.integer(0); });
        });
    };
    auto full = pages();
    database->shrink();
    EXPECT_EQ(pages(), full);
    database->write([](Connection& c) { c.execute("delete from items where id > 9"); });
    for (int i = 0; i < 20; ++i) database->shrink();
    EXPECT_LT(pages(), full / 2);
    EXPECT_EQ(count(*database), 10);
    database.reset();
    EXPECT_LT(std::filesystem::file_size(folder_ / "test.db"), 30'000'000u);
}

TEST_F(DatabaseTest, runs_a_hook_in_the_first_write) {
    auto database = open();
    auto insert = [](int id) {
        return [id](Connection& c) { c.execute("insert into items (id) values ($1)", {id}); };
    };
    ScopedWriteHook hook(insert(10));
    EXPECT_THROW(database->write([](Connection&) { fail(ErrorCode::aborted, "no"); }), Error);
    EXPECT_FALSE(hook.ran());
    EXPECT_EQ(count(*database), 0);
    database->write(insert(1));
    EXPECT_TRUE(hook.ran());
    database->write(insert(2));
    EXPECT_EQ(count(*database), 3);
}

}  // namespace maru::sql
