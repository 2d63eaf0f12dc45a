#include "cli/arguments.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace maru::cli {
namespace {

using Words = std::vector<std::string>;

struct Options {
    std::string id, format = "plain";
    std::optional<std::string> name;
    std::vector<std::string> parameters, command;
    std::int64_t retries = 0;
    bool follow = false;
    GlobalOptions global;

    Arguments declare(bool with_rest) {
        Arguments arguments;
        if (with_rest)
            arguments.rest("COMMAND", command, "");
        else
            arguments.positional("JOB", &id, "");
        arguments.flag("-f,--follow", follow, "");
        arguments.option("--name", "NAME", &name, "");
        arguments.option("--param", "K=V", &parameters, "");
        arguments.option("--retries", "N", &retries, "");
        arguments.option("--format", "F", &format, "", {"plain", "fancy"});
        global.declare(arguments);
        return arguments;
    }
    Options& read(Words words, bool with_rest = false) {
        parse(declare(with_rest), std::move(words), global.help);
        return *this;
    }
};

std::string error_of(Words words, bool with_rest = false) {
    try {
        Options().read(std::move(words), with_rest);
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
        return error.message();
    }
    return {};
}

TEST(Arguments, options_stand_before_and_after_positionals) {
    Options a, b;
    a.read({"-f", "x", "--name", "n"});
    b.read({"--name=n", "x", "--follow"});
    for (const auto* options : {&a, &b}) {
        EXPECT_EQ(options->id, "x");
        EXPECT_TRUE(options->follow);
        EXPECT_EQ(options->name, "n");
    }
}

TEST(Arguments, a_repeated_option_takes_one_value_each_time) {
    Options options;
    options.read({"--param", "a=1", "x", "--param", "b=2"});
    EXPECT_EQ(options.parameters, (Words{"a=1", "b=2"}));
    EXPECT_EQ(options.id, "x");
}

TEST(Arguments, the_last_of_a_single_option_counts) {
    EXPECT_EQ(Options().read({"x", "--name", "a", "--name", "b"}).name, "b");
}

TEST(Arguments, a_dash_is_a_value) {
    EXPECT_EQ(Options().read({"x", "--token", "-"}).global.token, "-");
}

TEST(Arguments, the_rest_keeps_its_own_options) {
    auto words = Words{"python3", "t.py", "--name", "inner", "--", "-h"};
    EXPECT_EQ(
        Options()
            .read(Words{"--retries", "2", "python3", "t.py", "--name", "inner", "--", "-h"}, true)
            .command,
        words);
    Options dashed;
    dashed.read({"--name", "outer", "--", "--odd", "-f"}, true);
    EXPECT_EQ(dashed.command, (Words{"--odd", "-f"}));
    EXPECT_EQ(dashed.name, "outer");
    EXPECT_FALSE(dashed.follow);
}

TEST(Arguments, errors_name_what_is_wrong) {
    EXPECT_EQ(error_of({}), "JOB is missing");
    EXPECT_EQ(error_of({}, true), "COMMAND is missing");
    EXPECT_NE(error_of({"x", "--odd"}).find("--odd"), std::string::npos);
    EXPECT_NE(error_of({"x", "y"}).find('y'), std::string::npos);
    EXPECT_EQ(error_of({"x", "--retries", "two"}),
              "--retries: expected a whole number, got \"two\"");
    EXPECT_EQ(error_of({"x", "--format", "odd"}),
              "--format: expected one of plain, fancy, got \"odd\"");
    EXPECT_NE(error_of({"x", "--name"}).find("--name"), std::string::npos);
}

TEST(Arguments, help_needs_nothing_else) {
    EXPECT_TRUE(Options().read({"--help"}).global.help);
    EXPECT_TRUE(Options().read({"-h"}, true).global.help);
}

}  // namespace
}  // namespace maru::cli
