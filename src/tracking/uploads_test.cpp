#include "tracking/uploads.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tracking/test_support.hpp"

namespace maru::tracking {
namespace {

class Bytes final : public net::BodyReader {
  public:
    explicit Bytes(std::string bytes) : bytes_(std::move(bytes)) {}
    std::string read() override { return std::exchange(bytes_, {}); }
    std::optional<std::int64_t> content_length() const override { return std::nullopt; }

  private:
    std::string bytes_;
};

struct UploadsTest : testing::Test {
    TestBed bed;
    std::unique_ptr<Uploads> uploads = open();
    const std::string path = "0/run/artifacts/model.bin";

    std::filesystem::path folder() const { return bed.folder / "uploads"; }
    std::unique_ptr<Uploads> open() {
        return std::make_unique<Uploads>(*bed.database, *bed.service, bed.clock, folder());
    }
    std::string send(const StartedUpload& upload, std::int64_t number, const std::string& bytes) {
        Bytes body(bytes);
        return uploads->write_part(upload.id, number, upload.secret, body);
    }
    void complete(const StartedUpload& upload, const std::vector<UploadedPart>& parts) {
        uploads->complete(bed.project, path, upload.id, parts);
    }
    std::string content() {
        return bed.blobs->get(bed.service->find_artifact(bed.project, path).sha256);
    }
    std::size_t files() const {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder()))
            count += entry.is_regular_file() ? 1 : 0;
        return count;
    }
    static ErrorCode code_of(const std::function<void()>& call) {
        try {
            call();
        } catch (const Error& error) {
            return error.code();
        }
        return ErrorCode::unknown;
    }
};

TEST_F(UploadsTest, PartsInAnyOrderAreJoinedAndFreed) {
    auto upload = uploads->start(bed.project, path, 3);
    auto third = send(upload, 3, "ghi"), first = send(upload, 1, "abc");
    send(upload, 2, "old");
    auto second = send(upload, 2, "def");
    EXPECT_EQ(files(), 3U);
    complete(upload, {{1, first}, {2, "\"" + second + "\""}, {3, third}});
    EXPECT_EQ(content(), "abcdefghi");
    EXPECT_EQ(files(), 0U);
    complete(upload, {{1, first}});  // a client that missed the answer
    EXPECT_EQ(content(), "abcdefghi");
}

TEST_F(UploadsTest, SurviveARestartAndWhatACrashLeft) {
    auto upload = uploads->start(bed.project, path, 2);
    send(upload, 1, "abc");
    uploads.reset();
    std::filesystem::create_directories(folder() / "0123456789abcdef0123456789abcdef");
    bed.open();
    uploads = open();
    EXPECT_FALSE(std::filesystem::exists(folder() / "0123456789abcdef0123456789abcdef"));
    send(upload, 2, "def");
    complete(upload, {{1, ""}, {2, ""}});
    EXPECT_EQ(content(), "abcdef");
}

TEST_F(UploadsTest, RefuseWrongSecretsPartsAndTags) {
    auto upload = uploads->start(bed.project, path, 2);
    Bytes body("x");
    EXPECT_EQ(code_of([&] { uploads->write_part(upload.id, 1, "wrong", body); }),
              ErrorCode::permission_denied);
    EXPECT_EQ(code_of([&] { send(upload, 3, "x"); }), ErrorCode::invalid_argument);
    send(upload, 1, "abc");
    EXPECT_EQ(code_of([&] { complete(upload, {{1, "other"}}); }), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of([&] { complete(upload, {{1, ""}, {2, ""}}); }), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of([&] { complete(upload, {}); }), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of([&] { uploads->complete("other", path, upload.id, {{1, ""}}); }),
              ErrorCode::not_found);
    EXPECT_EQ(code_of([&] { uploads->start(bed.project, "../x", 1); }),
              ErrorCode::invalid_argument);
    EXPECT_EQ(code_of([&] { uploads->start(bed.project, path, 0); }), ErrorCode::invalid_argument);
}

TEST_F(UploadsTest, AbortedAndExpiredOnesFreeTheirSpace) {
    auto aborted = uploads->start(bed.project, path, 1);
    send(aborted, 1, "abc");
    uploads->abort(bed.project, path, aborted.id);
    EXPECT_EQ(files(), 0U);
    EXPECT_EQ(code_of([&] { send(aborted, 1, "x"); }), ErrorCode::permission_denied);
    uploads->abort(bed.project, path, aborted.id);

    auto expired = uploads->start(bed.project, path, 1);
    send(expired, 1, "abc");
    bed.clock.advance(std::chrono::hours(25));
    EXPECT_EQ(code_of([&] { complete(expired, {{1, ""}}); }), ErrorCode::not_found);
    uploads->remove_expired();
    EXPECT_EQ(files(), 0U);
}

}  // namespace
}  // namespace maru::tracking
