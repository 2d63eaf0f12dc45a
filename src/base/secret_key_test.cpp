#include "base/secret_key.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/id.hpp"

namespace maru {
namespace {

struct Folder {
    std::filesystem::path path = std::filesystem::temp_directory_path() / ("maru-key-" + new_id());
    Folder() { std::filesystem::create_directories(path); }
    ~Folder() { std::filesystem::remove_all(path); }
};

TEST(SecretKey, ReadsWhatItSealedAlsoAfterARestart) {
    Folder folder;
    std::string sealed = SecretKey::load_or_make(folder.path / "key").seal("whsec", "webhook 1");
    EXPECT_EQ(sealed.find("whsec"), std::string::npos);
    SecretKey again = SecretKey::load_or_make(folder.path / "key");
    EXPECT_EQ(again.open(sealed, "webhook 1"), "whsec");
    EXPECT_NE(again.seal("whsec", "webhook 1"), sealed);
    EXPECT_EQ(again.open(again.seal("", "x"), "x"), "");
    struct stat status{};
    ASSERT_EQ(::stat((folder.path / "key").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST(SecretKey, RefusesWhatItDidNotSeal) {
    Folder folder;
    SecretKey key = SecretKey::load_or_make(folder.path / "key");
    SecretKey other = SecretKey::load_or_make(folder.path / "other");
    std::string sealed = key.seal("whsec", "webhook 1");
    std::string changed = sealed;
    changed[10] = changed[10] == 'A' ? 'B' : 'A';
    EXPECT_THROW(other.open(sealed, "webhook 1"), Error);
    EXPECT_THROW(key.open(sealed, "webhook 2"), Error);
    EXPECT_THROW(key.open(changed, "webhook 1"), Error);
    EXPECT_THROW(key.open("1:AAAA", "webhook 1"), Error);
    EXPECT_THROW(key.open("whsec", "webhook 1"), Error);
    write_file_atomically(folder.path / "none", "not a key\n");
    EXPECT_THROW(SecretKey::load_or_make(folder.path / "none"), Error);
}

}  // namespace
}  // namespace maru
