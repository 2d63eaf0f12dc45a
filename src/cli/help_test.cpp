#include <gtest/gtest.h>

#include <set>

#include "base/error.hpp"
#include "cli/command.hpp"

namespace maru::cli {
namespace {

TEST(Commands, every_one_is_explained_once) {
    std::set<std::string_view> names;
    for (const auto& command : commands()) {
        EXPECT_TRUE(names.insert(command.name).second) << command.name;
        EXPECT_FALSE(command.summary.empty()) << command.name;
        Arguments arguments;
        GlobalOptions options;
        command.configure(arguments);
        options.declare(arguments);
        std::set<std::string_view> options_seen;
        for (const auto& argument : arguments.all()) {
            EXPECT_FALSE(argument.help.empty()) << command.name << " " << argument.names;
            if (argument.kind == Argument::Kind::flag || argument.kind == Argument::Kind::option)
                EXPECT_TRUE(options_seen.insert(argument.long_name()).second)
                    << command.name << " " << argument.names;
        }
    }
}

TEST(Commands, the_longest_name_is_found) {
    auto found = find_command(std::vector<std::string>{"job", "show", "x"});
    ASSERT_NE(found.command, nullptr);
    EXPECT_EQ(found.command->name, "job show");
    EXPECT_EQ(found.words, 2u);
    EXPECT_EQ(find_command(std::vector<std::string>{"job"}).command, nullptr);
    EXPECT_EQ(find_command(std::vector<std::string>{"jobs", "show"}).command->name, "jobs");
}

TEST(Commands, typing_errors_get_a_proposal) {
    std::vector<std::string> known{"jobs", "logs", "project ls"};
    EXPECT_EQ(closest("jbos", known), "jobs");
    EXPECT_EQ(closest("log", known), "logs");
    EXPECT_EQ(closest("project lst", known), "project ls");
    EXPECT_EQ(closest("unrelated", known), "");
}

TEST(Help, is_made_from_the_table) {
    EXPECT_NE(overview_help().find("server"), std::string::npos);
    auto text = command_help(*find_command(std::vector<std::string>{"run"}).command);
    EXPECT_NE(text.find("Usage: maru run [OPTIONS] [--] COMMAND..."), std::string::npos) << text;
    EXPECT_NE(text.find("--memory SIZE"), std::string::npos);
    EXPECT_NE(text.find("--json"), std::string::npos);
    EXPECT_NE(group_help("job").find("job wait"), std::string::npos);
    EXPECT_EQ(group_help("nothing"), "");
    EXPECT_NE(markdown_help().find("## maru job wait"), std::string::npos);
}

TEST(Completion, knows_every_command) {
    for (auto shell : {"bash", "zsh", "fish"}) {
        auto script = completion_script(shell);
        EXPECT_NE(script.find("project"), std::string::npos) << shell;
        EXPECT_NE(script.find("time-limit"), std::string::npos) << shell;
    }
    EXPECT_THROW(completion_script("csh"), Error);
}

}  // namespace
}  // namespace maru::cli
