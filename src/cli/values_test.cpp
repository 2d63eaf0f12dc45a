#include "cli/values.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "cli/session.hpp"

namespace maru::cli {
namespace {

template <class Call>
std::string error_of(Call call) {
    try {
        call();
    } catch (const Error& error) {
        EXPECT_EQ(exit_code(error.code()), 2);
        return error.message();
    }
    return {};
}

TEST(Values, cpus) {
    EXPECT_EQ(parse_cpus("--cpus", "2"), 2000);
    EXPECT_EQ(parse_cpus("--cpus", "0.5"), 500);
    EXPECT_EQ(parse_cpus("--cpus", "250m"), 250);
    for (auto wrong : {"", "two", "0", "-1", "1x", "nan", "1e30", "0.0001"})
        EXPECT_EQ(
            error_of([&] { parse_cpus("--cpus", wrong); }),
            fmt::format("--cpus: expected a number of CPUs such as 2, 0.5 or 500m, got \"{}\"",
                        wrong));
}

TEST(Values, memory_is_rounded_up_to_mib) {
    EXPECT_EQ(parse_memory_mib("--memory", "4GiB"), 4096);
    EXPECT_EQ(parse_memory_mib("--memory", "512MiB"), 512);
    EXPECT_EQ(parse_memory_mib("--memory", "1048577"), 2);
    EXPECT_TRUE(
        error_of([] { parse_memory_mib("--memory", "4 lemons"); }).starts_with("--memory: "));
    EXPECT_TRUE(error_of([] { parse_memory_mib("--memory", "0"); }).starts_with("--memory: "));
}

TEST(Values, times) {
    EXPECT_EQ(parse_time_s("--time-limit", "2h"), 7200);
    EXPECT_EQ(parse_time_s("--time-limit", "90"), 90);
    EXPECT_TRUE(
        error_of([] { parse_time_s("--time-limit", "soon"); }).starts_with("--time-limit: "));
    EXPECT_TRUE(error_of([] { parse_time_s("--time-limit", "0s"); }).starts_with("--time-limit: "));
}

TEST(Values, pairs) {
    auto pairs = parse_pairs("--param", {"a=1", "b=", "c=x=y"});
    EXPECT_EQ(pairs.at("a"), "1");
    EXPECT_EQ(pairs.at("b"), "");
    EXPECT_EQ(pairs.at("c"), "x=y");
    EXPECT_EQ(error_of([] { parse_pairs("--param", {"a"}); }),
              "--param: expected KEY=VALUE, got \"a\"");
    EXPECT_EQ(error_of([] { parse_pairs("--param", {"=1"}); }),
              "--param: expected KEY=VALUE, got \"=1\"");
    EXPECT_EQ(error_of([] { parse_pairs("--param", {"a=1", "a=2"}); }),
              "--param: a is given twice");
}

TEST(ExitCode, says_what_kind_of_error_it_was) {
    EXPECT_EQ(exit_code(ErrorCode::invalid_argument), 2);
    EXPECT_EQ(exit_code(ErrorCode::not_found), 3);
    EXPECT_EQ(exit_code(ErrorCode::permission_denied), 4);
    EXPECT_EQ(exit_code(ErrorCode::unauthenticated), 4);
    EXPECT_EQ(exit_code(ErrorCode::unavailable), 5);
    EXPECT_EQ(exit_code(ErrorCode::internal), 1);
    EXPECT_EQ(exit_code(ErrorCode::already_exists), 1);
}

}  // namespace
}  // namespace maru::cli
