#include "cli/code/ignore_rules.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "base/child_process.hpp"
#include "base/text.hpp"
#include "cli/code/walk.hpp"

namespace maru::cli {
namespace {

namespace fs = std::filesystem;

bool ignored(std::string_view patterns, std::string_view path, bool is_directory = false) {
    IgnoreRules rules(nullptr, "", {IgnorePatterns::parse(patterns)});
    return rules.ignored(path, is_directory);
}

TEST(IgnoreRules, a_name_matches_at_any_depth) {
    EXPECT_TRUE(ignored("*.log", "a.log"));
    EXPECT_TRUE(ignored("*.log", "x/y/a.log"));
    EXPECT_FALSE(ignored("*.log", "a.logs"));
}

TEST(IgnoreRules, a_slash_anchors) {
    EXPECT_TRUE(ignored("/build", "build"));
    EXPECT_FALSE(ignored("/build", "x/build"));
    EXPECT_TRUE(ignored("doc/*.txt", "doc/a.txt"));
    EXPECT_FALSE(ignored("doc/*.txt", "doc/x/a.txt"));
    EXPECT_FALSE(ignored("doc/*.txt", "x/doc/a.txt"));
}

TEST(IgnoreRules, a_trailing_slash_means_folders) {
    EXPECT_TRUE(ignored("out/", "out", true));
    EXPECT_FALSE(ignored("out/", "out", false));
    EXPECT_TRUE(ignored("out/", "x/out", true));
}

TEST(IgnoreRules, the_last_match_wins) {
    EXPECT_FALSE(ignored("*.log\n!keep.log", "keep.log"));
    EXPECT_TRUE(ignored("!keep.log\n*.log", "keep.log"));
}

TEST(IgnoreRules, two_stars_cross_folders) {
    EXPECT_TRUE(ignored("**/foo", "foo"));
    EXPECT_TRUE(ignored("**/foo", "a/b/foo"));
    EXPECT_TRUE(ignored("a/**/b", "a/b"));
    EXPECT_TRUE(ignored("a/**/b", "a/x/y/b"));
    EXPECT_TRUE(ignored("abc/**", "abc/x/y"));
    EXPECT_FALSE(ignored("abc/**", "abc", true));
    EXPECT_FALSE(ignored("a/x**y/b", "a/x/y/b"));
}

TEST(IgnoreRules, comments_quotes_and_spaces) {
    EXPECT_FALSE(ignored("#a", "#a"));
    EXPECT_TRUE(ignored("\\#a", "#a"));
    EXPECT_TRUE(ignored("\\!a", "!a"));
    EXPECT_TRUE(ignored("a  ", "a"));
    EXPECT_TRUE(ignored("a\\ ", "a "));
    EXPECT_TRUE(ignored("a\r\n", "a"));
    EXPECT_TRUE(
        ignored("\xef\xbb\xbf"
                "a\n",
                "a"));
}

TEST(IgnoreRules, sets) {
    EXPECT_TRUE(ignored("[a-c]", "b"));
    EXPECT_FALSE(ignored("[!a-c]", "b"));
    EXPECT_TRUE(ignored("[^a-c]", "d"));
    EXPECT_TRUE(ignored("[[:digit:]x]", "7"));
    EXPECT_TRUE(ignored("[]-]", "]"));
    EXPECT_FALSE(ignored("a[", "a["));
}

TEST(IgnoreRules, inner_files_override_outer_ones) {
    auto outer = std::make_shared<IgnoreRules>(
        nullptr, "", std::vector{IgnorePatterns::parse("*.log\n/sub/only\n")});
    IgnoreRules inner(outer, "sub", {IgnorePatterns::parse("!a.log")});
    EXPECT_FALSE(inner.ignored("a.log", false));
    EXPECT_TRUE(inner.ignored("b.log", false));
    EXPECT_TRUE(inner.ignored("only", false));
}

/// A random tree with random .gitignore files: what the walk finds is what git does not ignore.
class AgainstGit : public testing::TestWithParam<unsigned> {
  protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "maru-ignore-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        root_ = name;
    }
    void TearDown() override { fs::remove_all(root_); }
    fs::path root_;
};

TEST_P(AgainstGit, the_walk_finds_what_git_does_not_ignore) {
    if (!find_program("git")) GTEST_SKIP() << "git is not installed";
    std::mt19937 random(GetParam());
    auto pick = [&](const std::vector<std::string>& from) { return from[random() % from.size()]; };
    const std::vector<std::string> names{"a", "b", "ab", "a.log", "b.txt", "build", "x y", "c-d"};
    const std::vector<std::string> pieces{"a",   "b",     "*",     "**",  "?",           "[ab]",
                                          "ab",  "*.log", "build", "a*",  "*b",          "[!a]",
                                          "x y", "c-d",   "\\a",   "***", "[[:alpha:]]", "b.txt"};
    std::vector<std::string> folders{""};
    std::map<std::string, bool> files;
    for (int i = 0; i < 8; ++i) {
        auto folder = pick(folders) + pick(names);
        if (files.contains(folder)) continue;
        fs::create_directories(root_ / folder);
        folders.push_back(folder + "/");
    }
    for (int i = 0; i < 40; ++i) {
        auto path = pick(folders) + pick(names);
        if (fs::exists(root_ / path)) continue;
        std::ofstream(root_ / path) << "x";
        files[path] = true;
    }
    for (int i = 0; i < 3; ++i) {
        std::string text;
        for (unsigned line = 0; line < 1 + random() % 4; ++line) {
            if (random() % 4 == 0) text += "!";
            if (random() % 4 == 0) text += "/";
            text += pick(pieces);
            while (random() % 3 == 0) text += "/" + pick(pieces);
            if (random() % 4 == 0) text += "/";
            text += "\n";
        }
        auto path = pick(folders) + ".gitignore";
        std::ofstream(root_ / path) << text;
        files[path] = true;
    }

    ChildOptions options{.environment = {{"PATH", ::getenv("PATH")},
                                         {"HOME", root_.string()},
                                         {"GIT_CONFIG_NOSYSTEM", "1"}},
                         .directory = root_.string()};
    ASSERT_EQ(run_child({"git", "init", "-q", "."}, options).exit_code, 0);
    auto listed = run_child({"git", "ls-files", "-z", "--others", "--exclude-standard"}, options);
    ASSERT_EQ(listed.exit_code, 0) << listed.output;
    std::vector<std::string> expected;
    for (auto path : split(listed.output, '\0'))
        if (!path.empty()) expected.emplace_back(path);
    std::ranges::sort(expected);

    std::vector<std::string> found;
    for (const auto& file : walk_code(root_).files) found.push_back(file.path);
    std::ranges::sort(found);
    std::string rules;
    for (const auto& folder : folders)
        if (std::ifstream in(root_ / (folder + ".gitignore")); in)
            rules += "[" + folder + "]\n" + std::string(std::istreambuf_iterator<char>(in), {});
    EXPECT_EQ(found, expected) << rules;
}

INSTANTIATE_TEST_SUITE_P(Seeds, AgainstGit, testing::Range(0u, 40u));

}  // namespace
}  // namespace maru::cli
