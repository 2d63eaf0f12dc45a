#include "cli/output.hpp"

#include <gtest/gtest.h>

namespace maru::cli {
namespace {

const Terminal kPlain{};

Terminal terminal(int width, bool colours = false) {
    return {.is_terminal = true, .colours = colours, .width = width};
}

TEST(Table, columns_are_aligned) {
    Table table({{"NAME"}, {"SIZE", Table::Align::right}, {"NOTE"}});
    table.row({"a", "5", "x"});
    table.row({"longer", "1234567", ""});
    EXPECT_EQ(table.render(kPlain),
              "NAME       SIZE  NOTE\n"
              "a             5  x\n"
              "longer  1234567\n");
}

TEST(Table, wide_characters_count_twice) {
    Table table({{"NAME"}, {"X"}});
    table.row({"마루", "1"});
    table.row({"abcd", "2"});
    EXPECT_EQ(table.render(kPlain), "NAME  X\n마루  1\nabcd  2\n");
}

TEST(Table, long_cells_are_cut_in_the_middle_on_a_terminal_only) {
    Table table({{"ID"}, {"NAME", Table::Align::left, true}});
    table.row({"0123456789", "a-very-long-name-that-does-not-fit"});
    EXPECT_NE(table.render(kPlain).find("a-very-long-name-that-does-not-fit"), std::string::npos);
    auto narrow = table.render(terminal(30));
    EXPECT_EQ(narrow, "ID          NAME\n0123456789  a-very-lo…-not-fit\n");
}

TEST(Table, control_characters_do_not_reach_the_terminal) {
    Table table({{"NAME"}});
    table.row({"a\033[31mb\nc"});
    EXPECT_EQ(table.render(kPlain), "NAME\na\xef\xbf\xbd[31mb c\n");
}

TEST(Table, colours_do_not_disturb_the_columns) {
    Table table({{"STATE"}, {"X"}});
    table.row({{"failed", Colour::red}, "1"});
    EXPECT_EQ(table.render(terminal(80, true)),
              "\033[2mSTATE\033[0m   \033[2mX\033[0m\n\033[31mfailed\033[0m  1\n");
}

TEST(Output, relative_times) {
    Time now = from_ms(1'000'000'000'000);
    auto before = [&](std::int64_t s) { return relative_time(now - std::chrono::seconds(s), now); };
    EXPECT_EQ(before(0), "0s ago");
    EXPECT_EQ(before(59), "59s ago");
    EXPECT_EQ(before(60), "1m ago");
    EXPECT_EQ(before(7199), "1h ago");
    EXPECT_EQ(before(3 * 86'400), "3d ago");
    EXPECT_EQ(before(-120), "in 2m");
    EXPECT_EQ(before(40 * 86'400), "2001-07-31");
}

TEST(Output, durations) {
    auto text = [](std::int64_t ms) { return short_duration(std::chrono::milliseconds(ms)); };
    EXPECT_EQ(text(-5), "0ms");
    EXPECT_EQ(text(850), "850ms");
    EXPECT_EQ(text(4250), "4.2s");
    EXPECT_EQ(text(185'000), "3m05s");
    EXPECT_EQ(text(7'800'000), "2h10m");
    EXPECT_EQ(text(3 * 86'400'000LL), "3d00h");
}

TEST(Output, numbers) {
    EXPECT_EQ(format_cpus(2000), "2");
    EXPECT_EQ(format_cpus(500), "0.5");
    EXPECT_EQ(format_cpus(1250), "1.25");
    EXPECT_EQ(format_number(0.1), "0.1");
    EXPECT_EQ(format_number(1234567.0), "1.23457e+06");
}

TEST(Terminal, shorten) {
    EXPECT_EQ(shorten("abcdef", 6), "abcdef");
    EXPECT_EQ(shorten("abcdef", 5), "ab…ef");
    EXPECT_EQ(display_width(shorten("가나다라마바사", 7)), 7);
    EXPECT_EQ(shorten("abc", 1), "…");
}

}  // namespace
}  // namespace maru::cli
