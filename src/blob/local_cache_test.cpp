#include "blob/local_cache.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/files.hpp"
#include "base/id.hpp"

namespace maru::blob {
namespace {

class LocalCacheTest : public testing::Test {
  protected:
    ~LocalCacheTest() override { std::filesystem::remove_all(folder_); }
    std::string read(LocalCache& cache, const std::string& content) {
        std::string got;
        cache.with_file(
            sha256_hex(content),
            [&](const LocalCache::Write& write) {
                ++fetches_;
                write(content);
            },
            [&](const std::filesystem::path& file) { got = read_file(file); });
        return got;
    }
    std::filesystem::path folder_ =
        std::filesystem::temp_directory_path() / ("maru-cache-" + new_id());
    std::atomic<int> fetches_ = 0;
};

TEST_F(LocalCacheTest, fetches_once_and_again_only_what_went) {
    LocalCache cache(folder_, 10);
    EXPECT_EQ(read(cache, "aaaa"), "aaaa");
    EXPECT_EQ(read(cache, "bbbb"), "bbbb");
    EXPECT_EQ(read(cache, "aaaa"), "aaaa");
    EXPECT_EQ(fetches_, 2);
    EXPECT_EQ(read(cache, "cccc"), "cccc");  // bbbb goes: it was used least recently
    EXPECT_EQ(cache.size_bytes(), 8);
    EXPECT_EQ(read(cache, "aaaa"), "aaaa");
    EXPECT_EQ(fetches_, 3);
    EXPECT_EQ(read(cache, "bbbb"), "bbbb");
    EXPECT_EQ(fetches_, 4);
}

TEST_F(LocalCacheTest, files_in_use_stay_and_files_too_large_are_not_kept) {
    LocalCache cache(folder_, 4);
    auto pass = [](const LocalCache::Write& write) { write("in use"); };
    cache.with_file(sha256_hex("in use"), pass, [&](const std::filesystem::path& file) {
        read(cache, "another");
        EXPECT_EQ(read_file(file), "in use");
    });
    EXPECT_EQ(cache.size_bytes(), 0);
}

TEST_F(LocalCacheTest, outlives_a_restart_but_not_what_was_half_fetched) {
    {
        LocalCache cache(folder_, 8);
        read(cache, "aaaa");
        read(cache, "bbbb");
        read(cache, "aaaa");
    }
    write_file_atomically(folder_ / "fetching" / "half", "ha");
    LocalCache cache(folder_, 8);
    EXPECT_FALSE(std::filesystem::exists(folder_ / "fetching" / "half"));
    EXPECT_EQ(cache.size_bytes(), 8);
    read(cache, "cccc");
    read(cache, "aaaa");
    EXPECT_EQ(fetches_, 3);
}

TEST_F(LocalCacheTest, keeps_nothing_that_is_not_what_was_asked_for) {
    LocalCache cache(folder_, 100);
    auto fetch_other = [](const LocalCache::Write& write) { write("other"); };
    EXPECT_THROW(cache.with_file(sha256_hex("wanted"), fetch_other, [](const auto&) { FAIL(); }),
                 Error);
    EXPECT_EQ(cache.size_bytes(), 0);
    EXPECT_EQ(read(cache, "wanted"), "wanted");
}

TEST_F(LocalCacheTest, who_waits_for_a_fetch_that_fails_tries_himself) {
    LocalCache cache(folder_, 100);
    std::atomic<int> tries = 0, done = 0, failed = 0;
    std::latch all(8);
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; ++i)
            threads.emplace_back([&] {
                all.arrive_and_wait();
                try {
                    cache.with_file(
                        sha256_hex("shared"),
                        [&](const LocalCache::Write& write) {
                            if (++tries < 3) fail(ErrorCode::unavailable, "not now");
                            write("shared");
                        },
                        [&](const std::filesystem::path& file) {
                            done += read_file(file) == "shared";
                        });
                } catch (const Error&) {
                    ++failed;
                }
            });
    }
    EXPECT_EQ(tries, 3);
    EXPECT_EQ(failed, 2);
    EXPECT_EQ(done, 6);
}

TEST_F(LocalCacheTest, many_at_once_in_little_room) {
    LocalCache cache(folder_, 12);
    std::atomic<int> wrong = 0;
    {
        std::vector<std::jthread> threads;
        for (int worker = 0; worker < 4; ++worker)
            threads.emplace_back([&, worker] {
                for (int i = 0; i < 50; ++i) {
                    auto content = fmt::format("text {}", (i * (worker + 1)) % 5);
                    wrong += read(cache, content) != content;
                }
            });
    }
    EXPECT_EQ(wrong, 0);
    EXPECT_LE(cache.size_bytes(), 12);
}

}  // namespace
}  // namespace maru::blob
