#include <gtest/gtest.h>

#include <fstream>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "blob/blob_store.hpp"

namespace maru::blob {

class DiskStoreTest : public testing::Test {
  protected:
    ~DiskStoreTest() override { std::filesystem::remove_all(folder_); }
    std::size_t files_below(const std::filesystem::path& folder) const {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
            count += entry.is_regular_file();
        return count;
    }
    std::filesystem::path folder_ =
        std::filesystem::temp_directory_path() / ("maru-blob-" + new_id());
    std::unique_ptr<BlobStore> store_ = open_disk_store(folder_);
};

TEST_F(DiskStoreTest, keeps_objects_under_their_digest) {
    auto stored = store_->put("abc");
    EXPECT_EQ(stored.sha256, sha256_hex("abc"));
    EXPECT_EQ(stored.size_bytes, 3);
    EXPECT_EQ(store_->put("abc").sha256, stored.sha256);
    EXPECT_EQ(files_below(folder_), 1u);
    EXPECT_EQ(open_disk_store(folder_)->get(stored.sha256), "abc");
    EXPECT_THROW(store_->get(stored.sha256, 2), Error);
}

TEST_F(DiskStoreTest, keeps_nothing_of_a_broken_upload) {
    auto upload = store_->upload();
    upload->write("abc");
    EXPECT_THROW(upload->finish(sha256_hex("abd")), Error);
    upload.reset();
    store_->upload()->write("given up");
    EXPECT_EQ(files_below(folder_), 0u);
}

TEST_F(DiskStoreTest, refuses_names_that_are_no_digests) {
    EXPECT_THROW(store_->contains("../../etc/passwd"), Error);
    EXPECT_THROW(store_->get(sha256_hex("missing")), Error);
}

TEST_F(DiskStoreTest, materializes_files_that_are_read_only) {
    auto stored = store_->put("#!/bin/sh\n");
    store_->materialize(stored.sha256, folder_ / "plain", false);
    store_->materialize(stored.sha256, folder_ / "script", true);
    auto permissions = [&](const char* name) {
        return std::filesystem::status(folder_ / name).permissions();
    };
    using std::filesystem::perms;
    EXPECT_EQ(permissions("plain") & perms::owner_write, perms::none);
    EXPECT_EQ(permissions("script") & perms::owner_exec, perms::owner_exec);
}

}  // namespace maru::blob
