#include "cli/code/walk.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "base/error.hpp"

namespace maru::cli {
namespace {

namespace fs = std::filesystem;

class WalkTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "maru-walk-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        root_ = fs::canonical(name);
    }
    void TearDown() override { fs::remove_all(root_); }

    void write(const std::string& path, const std::string& content = "x") {
        fs::create_directories((root_ / path).parent_path());
        std::ofstream(root_ / path) << content;
    }
    std::vector<std::string> paths(const fs::path& below = "", const WalkOptions& options = {}) {
        std::vector<std::string> list;
        for (const auto& file : walk_code(root_ / below, options).files) list.push_back(file.path);
        return list;
    }
    using Paths = std::vector<std::string>;
    fs::path root_;
};

TEST_F(WalkTest, lists_files_by_path_without_git) {
    write("b/c.py", "12345");
    write("a.py");
    write(".git/config");
    write("b/.git/config");
    fs::permissions(root_ / "a.py", fs::perms::owner_exec, fs::perm_options::add);
    auto tree = walk_code(root_);
    ASSERT_EQ(tree.files.size(), 2u);
    EXPECT_EQ(tree.files[0].path, "a.py");
    EXPECT_TRUE(tree.files[0].executable);
    EXPECT_EQ(tree.files[1].path, "b/c.py");
    EXPECT_FALSE(tree.files[1].executable);
    EXPECT_EQ(tree.files[1].size_bytes, 5);
    EXPECT_EQ(tree.size_bytes, 6);
}

TEST_F(WalkTest, maruignore_goes_after_gitignore) {
    write(".gitignore", "*.csv\n");
    write(".maruignore", "!small.csv\n*.md\n");
    write("small.csv");
    write("large.csv");
    write("notes.md");
    EXPECT_EQ(paths(), (Paths{".gitignore", ".maruignore", "small.csv"}));
}

TEST_F(WalkTest, rules_of_the_repository_above_count) {
    write(".git/info/exclude", "secret\n");
    write(".gitignore", "*.log\n/sub/only\n");
    write("sub/a.log");
    write("sub/only");
    write("sub/secret");
    write("sub/deep/kept.py");
    EXPECT_EQ(paths("sub"), (Paths{"deep/kept.py"}));
    EXPECT_EQ(paths("sub/deep"), (Paths{"kept.py"}));
}

TEST_F(WalkTest, a_folder_that_is_itself_ignored_keeps_its_files) {
    write(".git/config");
    write(".gitignore", "build/\n");
    write("build/a.py");
    EXPECT_EQ(paths("build"), (Paths{"a.py"}));
    EXPECT_EQ(paths(), (Paths{".gitignore"}));
}

TEST_F(WalkTest, links_to_files_travel_and_others_are_named) {
    write("data/real.txt", "123");
    fs::create_symlink("data/real.txt", root_ / "link.txt");
    fs::create_symlink("data", root_ / "folder");
    fs::create_symlink("nowhere", root_ / "broken");
    fs::create_symlink("/etc/passwd", root_ / "outside");
    ASSERT_EQ(::mkfifo((root_ / "pipe").c_str(), 0600), 0);
    auto tree = walk_code(root_);
    ASSERT_EQ(tree.files.size(), 2u);
    EXPECT_EQ(tree.files[1].path, "link.txt");
    EXPECT_EQ(tree.files[1].size_bytes, 3);
    EXPECT_EQ(tree.left_out.size(), 4u);
}

TEST_F(WalkTest, secrets_of_our_own_stay) {
    write(".config/maru/config.toml");
    write("data/maru.db");
    write("data/keys/admin.token");
    write("data/blobs/00/x");
    write("a.py");
    EXPECT_EQ(paths("", {.never = {root_ / ".config/maru"}}), (Paths{"a.py"}));
}

TEST_F(WalkTest, too_much_is_refused) {
    write("a", "12345");
    write("b", "12345");
    EXPECT_EQ(paths("", {.files_max = 2, .bytes_max = 10}).size(), 2u);
    for (const auto& options : {WalkOptions{.files_max = 1}, WalkOptions{.bytes_max = 9}}) {
        try {
            walk_code(root_, options);
            FAIL();
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::resource_exhausted);
            EXPECT_NE(error.message().find(".maruignore"), std::string::npos);
        }
    }
}

}  // namespace
}  // namespace maru::cli
