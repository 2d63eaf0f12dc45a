// The examples that AWS publishes: those of "Authenticating Requests: Using the Authorization
// Header" in the API reference of Amazon S3, and cases of the general test suite of Signature
// Version 4.
#include "blob/s3/signature.hpp"

#include <gtest/gtest.h>

#include "base/crypto.hpp"

namespace maru::blob::s3 {
namespace {

const std::string kEmpty = sha256_hex("");

struct S3Examples : testing::Test {
    Credentials credentials{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
    SigningScope scope{"us-east-1", "s3", "20130524T000000Z"};

    std::string signature(std::string method, std::string path, Fields query, Fields headers,
                          std::string payload_sha256 = kEmpty) const {
        headers.emplace_back("host", "examplebucket.s3.amazonaws.com");
        headers.emplace_back("x-amz-content-sha256", payload_sha256);
        headers.emplace_back("x-amz-date", scope.time);
        auto value = authorization({std::move(method), std::move(path), std::move(query),
                                    std::move(headers), std::move(payload_sha256)},
                                   credentials, scope);
        return value.substr(value.rfind('=') + 1);
    }
};

TEST_F(S3Examples, get_an_object) {
    EXPECT_EQ(signature("GET", "/test.txt", {}, {{"range", "bytes=0-9"}}),
              "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST_F(S3Examples, put_an_object) {
    EXPECT_EQ(signature("PUT", "/test$file.text", {},
                        {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                         {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                        sha256_hex("Welcome to Amazon S3.")),
              "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST_F(S3Examples, get_a_bucket_setting) {
    EXPECT_EQ(signature("GET", "/", {{"lifecycle", ""}}, {}),
              "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

TEST_F(S3Examples, list_objects) {
    EXPECT_EQ(signature("GET", "/", {{"prefix", "J"}, {"max-keys", "2"}}, {}),
              "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

struct SuiteExamples : testing::Test {
    Credentials credentials{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
    SigningScope scope{"us-east-1", "service", "20150830T123600Z"};

    std::string signature(Fields query) const {
        auto value = authorization({"GET",
                                    "/",
                                    std::move(query),
                                    {{"x-amz-date", scope.time}, {"host", "example.amazonaws.com"}},
                                    kEmpty},
                                   credentials, scope);
        return value.substr(value.rfind('=') + 1);
    }
};

TEST_F(SuiteExamples, vanilla) {
    EXPECT_EQ(signature({}), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

TEST_F(SuiteExamples, query_in_another_order) {
    EXPECT_EQ(signature({{"Param2", "value2"}, {"Param1", "value1"}}),
              "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
}

TEST(CanonicalRequests, encode_once_and_fold_spaces) {
    EXPECT_EQ(canonical_path("/b/a b/\u00e9+~"), "/b/a%20b/%C3%A9%2B~");
    EXPECT_EQ(canonical_query({{"uploads", ""}, {"key", "a/b=c"}}), "key=a%2Fb%3Dc&uploads=");
    EXPECT_EQ(canonical_request({"GET", "/", {}, {{"host", "  a   b "}}, "HASH"}),
              "GET\n/\n\nhost:a b\n\nhost\nHASH");
}

}  // namespace
}  // namespace maru::blob::s3
