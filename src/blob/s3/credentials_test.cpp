#include "blob/s3/credentials.hpp"

#include <gtest/gtest.h>

#include <map>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/id.hpp"

namespace maru::blob::s3 {
namespace {

CredentialSource with(std::map<std::string, std::string> variables) {
    return CredentialSource("", [variables](const char* name) -> std::optional<std::string> {
        auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
}

TEST(CredentialSources, prefer_our_own_variables) {
    auto source = with({{"AWS_ACCESS_KEY_ID", "aws"},
                        {"AWS_SECRET_ACCESS_KEY", "aws-secret"},
                        {"MARU_S3_ACCESS_KEY_ID", "maru"},
                        {"MARU_S3_SECRET_ACCESS_KEY", "maru-secret"},
                        {"MARU_S3_SESSION_TOKEN", "token"}});
    EXPECT_EQ(source.get().access_key_id, "maru");
    EXPECT_EQ(source.get().session_token, "token");
    EXPECT_EQ(source.without_secrets("maru-secret and token, twice: token"),
              "*** and ***, twice: ***");
    EXPECT_EQ(
        with({{"AWS_ACCESS_KEY_ID", "a"}, {"AWS_SECRET_ACCESS_KEY", "b"}}).get().secret_access_key,
        "b");
}

TEST(CredentialSources, say_what_is_missing) {
    EXPECT_THROW(with({}), Error);
    try {
        with({{"AWS_ACCESS_KEY_ID", "a"}});
        FAIL();
    } catch (const Error& error) {
        EXPECT_TRUE(error.message().starts_with("AWS_SECRET_ACCESS_KEY is not set"));
    }
}

TEST(CredentialSources, read_a_file_again_when_it_has_changed) {
    auto file = std::filesystem::temp_directory_path() / ("maru-credentials-" + new_id());
    write_file_atomically(file,
                          "# mine\n[other]\naws_access_key_id = x\n[default]\n"
                          "aws_access_key_id = one\naws_secret_access_key=two=2\n");
    CredentialSource source(file);
    EXPECT_EQ(source.get().access_key_id, "one");
    EXPECT_EQ(source.get().secret_access_key, "two=2");
    write_file_atomically(file,
                          "[default]\naws_access_key_id = three\n"
                          "aws_secret_access_key = four\naws_session_token = five\n");
    std::filesystem::last_write_time(
        file, std::filesystem::last_write_time(file) + std::chrono::seconds(5));
    EXPECT_EQ(source.get().session_token, "five");
    std::filesystem::remove(file);
    EXPECT_THROW(source.get(), Error);
}

TEST(CredentialFiles, never_show_their_lines) {
    try {
        parse_credentials("[default]\naws_access_key_id = id\nsecret = hidden\n", "default",
                          "FILE");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.message(), "[default] in FILE has no aws_secret_access_key");
    }
    EXPECT_THROW(parse_credentials("[a]\n", "b", "FILE"), Error);
}

}  // namespace
}  // namespace maru::blob::s3
