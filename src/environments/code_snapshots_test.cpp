#include "environments/code_snapshots.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/files.hpp"
#include "base/id.hpp"
#include "base/json.hpp"

namespace maru::environments {
namespace {

using testing::HasSubstr;

CodeFile file(std::string path, std::int64_t size_bytes = 0) {
    return {.path = std::move(path),
            .sha256 = std::string(64, 'a'),
            .size_bytes = size_bytes,
            .executable = false};
}

std::string refusal(std::vector<CodeFile> files) {
    try {
        canonical_files(std::move(files));
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
        return error.message();
    }
    return "accepted";
}

TEST(CodeSnapshots, OrderDoesNotMatter) {
    auto one = canonical_files({file("b"), file("a/c"), file("a.py")});
    auto other = canonical_files({file("a.py"), file("b"), file("a/c")});
    EXPECT_EQ(to_json(one), to_json(other));
}

TEST(CodeSnapshots, PathsThatLeaveTheDirectoryAreRefused) {
    for (const char* path : {"../x", "/etc/passwd", "a/../../b", "a//b", "./a", "", "a/", "a\\b"})
        EXPECT_THAT(refusal({file("ok"), file(path)}), HasSubstr("files[1].path")) << path;
}

TEST(CodeSnapshots, APathStandsForOneThing) {
    EXPECT_THAT(refusal({file("a"), file("a")}), HasSubstr("\"a\" twice"));
    EXPECT_THAT(refusal({file("a"), file("a-b"), file("a/b/c")}),
                HasSubstr("\"a\" both as a file and as the folder of \"a/b/c\""));
}

TEST(CodeSnapshots, TooMuchIsRefusedBeforeItIsAddedUp) {
    EXPECT_THAT(refusal({file("a", INT64_MAX), file("b", INT64_MAX)}), HasSubstr("10 GiB"));
    EXPECT_THAT(refusal({file("a", -1)}), HasSubstr("size_bytes"));
    EXPECT_THAT(refusal(std::vector<CodeFile>(100'001, file("a"))), HasSubstr("at most 100000"));
}

TEST(CodeSnapshots, FilesAreCopiesThatAJobMayChange) {
    std::filesystem::path folder = testing::TempDir() + "code-" + new_id();
    auto blobs = blob::open_disk_store(folder / "blobs");
    auto stored = blobs->put("print('hello')\n");
    std::vector<CodeFile> files{{.path = "deep/er/run.py",
                                 .sha256 = stored.sha256,
                                 .size_bytes = stored.size_bytes,
                                 .executable = true},
                                {.path = "top.py",
                                 .sha256 = stored.sha256,
                                 .size_bytes = stored.size_bytes,
                                 .executable = false}};
    std::filesystem::create_directory(folder / "work");
    write_code(*blobs, files, folder / "work");
    write_code(*blobs, files, folder / "work");

    EXPECT_EQ(read_file(folder / "work/deep/er/run.py"), "print('hello')\n");
    struct stat status{};
    ASSERT_EQ(stat((folder / "work/deep/er/run.py").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0111, 0111u);
    EXPECT_EQ(status.st_nlink, 1u);
    ASSERT_EQ(stat((folder / "work/top.py").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0111, 0u);
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace maru::environments
