#include "base/text.hpp"

#include <gtest/gtest.h>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "base/time.hpp"

namespace maru {

TEST(Text, decodes_percent_escapes) {
    EXPECT_EQ(percent_decode("a%20b%2Fc"), "a b/c");
    EXPECT_EQ(percent_decode("a+b", true), "a b");
    EXPECT_THROW(percent_decode("%4"), Error);
    EXPECT_THROW(percent_decode("%zz"), Error);
    EXPECT_EQ(percent_encode("a b/마", "/"), "a%20b/%EB%A7%88");
}

TEST(Text, parses_sizes_and_durations) {
    EXPECT_EQ(parse_bytes("4GiB"), 4LL << 30);
    EXPECT_EQ(parse_bytes("1.5GB"), 1'500'000'000);
    EXPECT_EQ(parse_bytes("512M"), 512LL << 20);
    EXPECT_EQ(parse_bytes("10"), 10);
    EXPECT_THROW(parse_bytes("-1GiB"), Error);
    EXPECT_THROW(parse_bytes("many"), Error);
    EXPECT_EQ(parse_duration_s("2h"), 7200);
    EXPECT_THROW(parse_duration_s("2 weeks"), Error);
    EXPECT_EQ(format_bytes(1536LL << 20), "1.5 GiB");
}

TEST(Text, checks_names_and_paths) {
    EXPECT_NO_THROW(check_name("name", "digits-1"));
    for (const char* bad : {"", "1a", "a-", "A", "a_b", "-a", "a/b"})
        EXPECT_THROW(check_name("name", bad), Error) << bad;
    EXPECT_THROW(check_name("name", std::string(64, 'a')), Error);
    EXPECT_NO_THROW(check_relative_path("path", "src/train.py"));
    for (const char* bad : {"", "/etc", "a/../b", "a//b", "./a", "a/", "a\\b"})
        EXPECT_THROW(check_relative_path("path", bad), Error) << bad;
}

TEST(Text, knows_utf8) {
    EXPECT_TRUE(is_utf8("마루 floor"));
    EXPECT_FALSE(is_utf8("\xc0\xaf"));      // overlong
    EXPECT_FALSE(is_utf8("\xed\xa0\x80"));  // surrogate
    EXPECT_FALSE(is_utf8("\xe1\x80"));      // cut off
}

TEST(Time, is_written_and_read_as_rfc_3339) {
    auto time = parse_time("2026-11-22T15:00:00.123+09:00");
    EXPECT_EQ(format_time(time), "2026-11-22T06:00:00.123Z");
    EXPECT_EQ(parse_time(format_time(time)), time);
    for (const char* bad :
         {"", "2026-11-22", "2026-13-22T15:00:00Z", "2026-11-22T15:00:00", "2026-11-22T25:00:00Z"})
        EXPECT_THROW(parse_time(bad), Error) << bad;
}

TEST(Id, is_unique_and_rises) {
    std::string last;
    for (int i = 0; i < 10000; ++i) {
        auto id = new_id();
        ASSERT_TRUE(is_id(id));
        ASSERT_LT(last, id);
        last = id;
    }
}

TEST(Crypto, matches_published_vectors) {
    // FIPS 180-4 example and RFC 4231 test case 2.
    EXPECT_EQ(sha256_hex("abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(to_base64("foob"), "Zm9vYg==");
    EXPECT_EQ(from_base64("Zm9vYg=="), "foob");
    EXPECT_THROW(from_base64("a b"), Error);
}

}  // namespace maru
