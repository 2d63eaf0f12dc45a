#include "identity/rate_limit.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/error.hpp"
#include "identity/passwords.hpp"

namespace maru::identity {
namespace {

const Time kNoon = parse_time("2026-11-22T12:00:00Z");

TEST(WindowCounterTest, CountsWithinAWindow) {
    WindowCounter counter(std::chrono::minutes(1), 10);
    EXPECT_EQ(counter.add("a", kNoon), 1);
    EXPECT_EQ(counter.add("a", kNoon + std::chrono::seconds(59)), 2);
    EXPECT_EQ(counter.add("b", kNoon), 1);
    EXPECT_EQ(counter.add("a", kNoon + std::chrono::seconds(60)), 1);
    EXPECT_EQ(counter.add("a", kNoon - std::chrono::hours(1)), 1);  // the clock was set back
    counter.take_back("b", kNoon);
    EXPECT_EQ(counter.size(), 1u);
}

TEST(WindowCounterTest, KeepsItsMemoryBounded) {
    WindowCounter counter(std::chrono::minutes(1), 100);
    for (int i = 0; i < 1000; ++i)
        counter.add(std::to_string(i), kNoon + std::chrono::milliseconds(i));
    EXPECT_EQ(counter.size(), 100u);
    EXPECT_EQ(counter.add("999", kNoon + std::chrono::seconds(2)), 2);
}

TEST(SignInLimiterTest, AnAddressHasALimitOfItsOwn) {
    SignInLimiter limiter({.failures_max = 2, .failures_per_address_max = 5});
    for (int i = 0; i < 5; ++i) limiter.begin("192.0.2.1", std::to_string(i), kNoon);
    EXPECT_THROW(limiter.begin("192.0.2.1", "another", kNoon), Error);
    EXPECT_NO_THROW(limiter.begin("192.0.2.2", "another", kNoon));
}

TEST(SignInLimiterTest, OneOfThisMachineDoesNotLockOutTheOthers) {
    SignInLimiter limiter({.failures_max = 2, .failures_per_address_max = 5});
    for (const char* address : {"127.0.0.1", "::1", "::ffff:127.0.0.1"}) {
        for (int i = 0; i < 50; ++i) limiter.begin(address, std::to_string(i), kNoon);
        EXPECT_NO_THROW(limiter.begin(address, "another", kNoon));
    }
    limiter.begin("127.0.0.1", "ann", kNoon);
    limiter.begin("127.0.0.1", "ann", kNoon);
    EXPECT_THROW(limiter.begin("127.0.0.1", "ann", kNoon), Error);
}

TEST(SignInLimiterTest, SuccessIsNotCounted) {
    SignInLimiter limiter({.failures_max = 2, .failures_per_address_max = 5});
    for (int i = 0; i < 100; ++i) {
        limiter.begin("192.0.2.1", "ann", kNoon);
        limiter.succeeded("192.0.2.1", "ann", kNoon);
        limiter.begin("192.0.2.1", "bob", kNoon);
        limiter.withdraw("192.0.2.1", "bob", kNoon);
    }
}

TEST(SignInLimiterTest, Ipv6CountsByNetwork) {
    EXPECT_EQ(limited_address("2001:db8:1:2:3:4:5:6"), limited_address("2001:db8:1:2::9"));
    EXPECT_NE(limited_address("2001:db8:1:2::9"), limited_address("2001:db8:1:3::9"));
    EXPECT_EQ(limited_address("::ffff:192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(limited_address("192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(limited_address("unix"), "unix");
}

TEST(PasswordHasherTest, HashesAreSaltedAndCarryTheirParameters) {
    PasswordHasher hasher({.memory_kib = 64, .passes = 1});
    std::string hash = hasher.hash("a good password");
    EXPECT_TRUE(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
    EXPECT_NE(hash, hasher.hash("a good password"));
    auto wait = PasswordHasher::Turn::wait;
    EXPECT_TRUE(hasher.matches(hash, "a good password", wait));
    EXPECT_FALSE(hasher.matches(hash, "a good passwore", wait));
    EXPECT_FALSE(hasher.matches(hash, "", wait));
    EXPECT_FALSE(hasher.matches(hash, std::string(1 << 20, 'x'), wait));
    EXPECT_THROW(hasher.matches("not a hash", "x", wait), Error);
    PasswordHasher stronger({});
    EXPECT_TRUE(stronger.matches(hash, "a good password", wait));
}

TEST(PasswordHasherTest, AStormIsRefusedBeyondItsQueue) {
    PasswordHasher hasher(
        {.memory_kib = 8 << 10, .passes = 8, .concurrent_max = 1, .waiting_max = 1});
    std::string hash = hasher.hash("a good password");
    std::atomic<int> right = 0, refused = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 16; ++i)
        threads.emplace_back([&] {
            try {
                if (hasher.matches(hash, "a good password", PasswordHasher::Turn::wait)) ++right;
            } catch (const Error& error) {
                if (error.code() == ErrorCode::resource_exhausted) ++refused;
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(right + refused, 16);
    EXPECT_GE(right, 1);
    EXPECT_TRUE(hasher.matches(hash, "a good password", PasswordHasher::Turn::at_once));
}

TEST(PasswordTest, LengthAndEncodingAreChecked) {
    EXPECT_NO_THROW(check_password("p", "12345678"));
    EXPECT_NO_THROW(check_password("p", std::string(1024, 'x')));
    EXPECT_THROW(check_password("p", "1234567"), Error);
    EXPECT_THROW(check_password("p", std::string(1025, 'x')), Error);
    EXPECT_THROW(check_password("p", std::string("12345678\0", 9)), Error);
    EXPECT_THROW(check_password("p", "1234567\xff"), Error);
}

}  // namespace
}  // namespace maru::identity
