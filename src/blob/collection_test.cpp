#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "blob/blob_store.hpp"

namespace maru::blob {
namespace {

constexpr CollectOptions kNoGrace{.grace = std::chrono::milliseconds(0)};
const References kNothing = [](const VisitDigest&) {};

class CollectionTest : public testing::Test {
  protected:
    ~CollectionTest() override { std::filesystem::remove_all(folder_); }
    std::filesystem::path folder_ =
        std::filesystem::temp_directory_path() / ("maru-blob-" + new_id());
    std::unique_ptr<BlobStore> store_ = open_disk_store(folder_);
};

TEST_F(CollectionTest, removes_what_nobody_names_and_says_how_much) {
    auto kept = store_->put("kept"), gone = store_->put("garbage");
    References references = [&](const VisitDigest& visit) { visit(kept.sha256); };
    CollectOptions dry = kNoGrace;
    dry.dry_run = true;
    auto counted = store_->collect(references, dry);
    EXPECT_TRUE(store_->contains(gone.sha256));
    auto removed = store_->collect(references, kNoGrace);
    EXPECT_FALSE(store_->contains(gone.sha256));
    EXPECT_EQ(store_->get(kept.sha256), "kept");
    for (const auto& result : {counted, removed}) {
        EXPECT_EQ(result.objects_removed, 1);
        EXPECT_EQ(result.bytes_removed, 7);
        EXPECT_EQ(result.objects_kept, 1);
        EXPECT_EQ(result.bytes_kept, 4);
    }
}

TEST_F(CollectionTest, what_is_new_or_held_stays) {
    auto young = store_->put("young");
    store_->collect(kNothing, {});
    EXPECT_TRUE(store_->contains(young.sha256));

    auto hold = store_->hold(young.sha256);
    auto again = store_->hold(young.sha256);
    again.reset();
    store_->collect(kNothing, kNoGrace);
    EXPECT_TRUE(store_->contains(young.sha256));
    hold.reset();
    store_->collect(kNothing, kNoGrace);
    EXPECT_FALSE(store_->contains(young.sha256));
    EXPECT_THROW(store_->hold(young.sha256), Error);
}

TEST_F(CollectionTest, an_upload_that_finds_its_object_there_holds_it) {
    auto stored = store_->put("same bytes");
    auto upload = store_->upload();
    upload->write("same bytes");
    upload->finish();
    store_->collect(kNothing, kNoGrace);
    EXPECT_TRUE(store_->contains(stored.sha256));
}

TEST_F(CollectionTest, an_object_that_is_found_while_the_collector_reads_rows_stays) {
    auto stored = store_->put("found again");
    store_->collect(
        [&](const VisitDigest&) {
            // Its row is committed after the collector has read the rows.
            auto upload = store_->upload();
            upload->write("found again");
            upload->finish();
        },
        kNoGrace);
    EXPECT_TRUE(store_->contains(stored.sha256));
}

TEST_F(CollectionTest, nothing_goes_where_the_rows_cannot_be_read) {
    auto stored = store_->put("named");
    EXPECT_THROW(
        store_->collect([](const VisitDigest&) { fail(ErrorCode::internal, "broken"); }, kNoGrace),
        Error);
    EXPECT_TRUE(store_->contains(stored.sha256));
}

// Writers upload the same few contents again and again, "commit" a row and drop it, while a
// collector without any grace goes round: no committed row may ever name what is not there.
TEST_F(CollectionTest, uploads_beside_the_collector_lose_nothing) {
    std::mutex mutex;
    std::multiset<std::string> rows;
    std::atomic<int> lost = 0, left = 4;
    std::vector<std::jthread> threads;
    for (int writer = 0; writer < 4; ++writer)
        threads.emplace_back([&, writer] {
            for (int round = 0; round < 150; ++round) {
                auto upload = store_->upload();
                upload->write(fmt::format("content {}", (round + writer) % 3));
                auto stored = upload->finish();
                std::multiset<std::string>::iterator row;
                {
                    std::lock_guard lock(mutex);
                    row = rows.insert(stored.sha256);
                }
                upload.reset();
                lost += !store_->contains(stored.sha256);
                std::this_thread::yield();
                lost += !store_->contains(stored.sha256);
                std::lock_guard lock(mutex);
                rows.erase(row);
            }
            --left;
        });
    auto collect = [&] {
        return store_->collect(
            [&](const VisitDigest& visit) {
                std::lock_guard lock(mutex);
                for (const auto& row : rows) visit(row);
            },
            kNoGrace);
    };
    while (left > 0) collect();
    threads.clear();
    EXPECT_EQ(lost, 0);
    // Whether a round found an object without a row is chance; now none has one.
    EXPECT_EQ(collect().objects_kept, 0);
}

}  // namespace
}  // namespace maru::blob
