#include "blob/s3/answers.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "blob/s3_store.hpp"

namespace maru::blob::s3 {
namespace {

const ClientOptions kOptions{
    .endpoint = "https://s3.example.org", .region = "us-east-1", .bucket = "models"};

http::Answer refusal(unsigned status, const std::string& code, const std::string& message = "") {
    http::Answer answer;
    answer.status = status;
    answer.body = "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>" + message +
                  "</Message></Error>";
    return answer;
}

std::string explained(const http::Answer& answer) {
    return explain_refusal(answer, kOptions, "write", parse_time("2026-11-22T12:00:00Z"));
}

TEST(Refusals, say_what_to_do) {
    EXPECT_EQ(explained(refusal(404, "NoSuchBucket")),
              "there is no bucket \"models\" at https://s3.example.org; make it, or give another "
              "with --blobs");
    EXPECT_TRUE(explained(refusal(403, "SignatureDoesNotMatch")).contains("secret access key"));
    EXPECT_TRUE(explained(refusal(403, "AccessDenied")).contains("does not allow this server to"));
    auto skewed = refusal(403, "RequestTimeTooSkewed");
    skewed.headers["date"] = "Sun, 22 Nov 2026 12:20:00 GMT";
    EXPECT_TRUE(explained(skewed).contains("clock is 1200 seconds behind the store's"));
    auto elsewhere = refusal(301, "PermanentRedirect");
    elsewhere.headers["x-amz-bucket-region"] = "eu-west-1";
    EXPECT_TRUE(explained(elsewhere).ends_with("give --s3-region eu-west-1"));
    EXPECT_TRUE(explained({.failure = "connection refused"}).ends_with("connection refused"));
}

TEST(Refusals, are_passing_or_not) {
    EXPECT_TRUE(is_passing(refusal(503, "SlowDown")));
    EXPECT_TRUE(is_passing(refusal(500, "InternalError")));
    EXPECT_TRUE(is_passing(refusal(400, "RequestTimeout")));
    EXPECT_TRUE(is_passing(refusal(200, "InternalError")));  // a copy that failed late
    EXPECT_TRUE(is_passing({.failure = "connection reset"}));
    EXPECT_FALSE(is_passing({.failure = "bad certificate", .is_final = true}));
    EXPECT_FALSE(is_passing(refusal(403, "AccessDenied")));
    EXPECT_FALSE(is_passing(refusal(507, "XMinioStorageFull")));
    EXPECT_FALSE(is_passing({.status = 200, .body = "no XML"}));
}

TEST(S3Urls, name_a_bucket_and_a_prefix) {
    S3Options options;
    parse_s3_url("s3://bucket", options);
    EXPECT_EQ(options.bucket, "bucket");
    EXPECT_EQ(options.prefix, "");
    parse_s3_url("s3://bucket.name/a/b/", options);
    EXPECT_EQ(options.bucket, "bucket.name");
    EXPECT_EQ(options.prefix, "a/b");
    for (const char* wrong : {"s3://", "s3://a b/c", "bucket", "s3://bucket/../x", "s3:///x"})
        EXPECT_THROW(parse_s3_url(wrong, options), Error) << wrong;
}

}  // namespace
}  // namespace maru::blob::s3
