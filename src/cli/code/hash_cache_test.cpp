#include "cli/code/hash_cache.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "base/crypto.hpp"
#include "base/error.hpp"

namespace maru::cli {
namespace {

namespace fs = std::filesystem;

class HashCacheTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "maru-hash-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
        root_ = folder_ / "tree";
        fs::create_directories(root_);
    }
    void TearDown() override { fs::remove_all(folder_); }

    void write(const std::string& name, const std::string& content) {
        std::ofstream(root_ / name, std::ios::binary) << content;
    }
    /// A file as a walk might meet it; times are made up, since a real change time can't be set.
    LocalFile describe(const std::string& name, std::int64_t modified_ns = 1) {
        LocalFile file{
            .path = name, .modified_ns = modified_ns, .changed_ns = modified_ns, .inode = 7};
        file.size_bytes = static_cast<std::int64_t>(fs::file_size(root_ / name));
        return file;
    }
    std::string digest(const LocalFile& file) {
        HashCache cache(folder_ / "cache", root_);
        auto found = cache.digest(root_, file);
        cache.save();
        return found.sha256;
    }
    fs::path folder_, root_;
};

TEST_F(HashCacheTest, an_unchanged_file_is_not_read_again) {
    write("a", "one");
    EXPECT_EQ(digest(describe("a")), sha256_hex("one"));
    write("a", "two");  // with the same size and times only the cache can answer
    EXPECT_EQ(digest(describe("a")), sha256_hex("one"));
    EXPECT_EQ(digest(describe("a", 2)), sha256_hex("two"));
}

TEST_F(HashCacheTest, what_was_just_written_is_not_remembered) {
    write("a", "one");
    auto now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                      std::chrono::system_clock::now().time_since_epoch())
                      .count();
    auto file = describe("a", now_ns);
    EXPECT_EQ(digest(file), sha256_hex("one"));
    write("a", "two");
    EXPECT_EQ(digest(file), sha256_hex("two"));
}

TEST_F(HashCacheTest, a_broken_cache_counts_as_none) {
    write("a", "one");
    EXPECT_EQ(digest(describe("a")), sha256_hex("one"));
    for (const auto& entry : fs::directory_iterator(folder_ / "cache" / "hashes"))
        std::ofstream(entry.path()) << "maru hash cache 1\nbroken\t\tx\n";
    EXPECT_EQ(digest(describe("a")), sha256_hex("one"));
}

TEST_F(HashCacheTest, without_a_folder_nothing_is_kept) {
    write("a", "one");
    HashCache cache({}, root_);
    EXPECT_EQ(cache.digest(root_, describe("a")).size_bytes, 3);
    cache.save();
    EXPECT_THROW(cache.digest(root_, {.path = "gone"}), Error);
}

}  // namespace
}  // namespace maru::cli
