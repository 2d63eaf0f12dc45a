#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace maru::blob::s3 {

/// Who signs. Secrets: never logged, never part of an error.
struct Credentials {
    std::string access_key_id, secret_access_key;
    std::string session_token;  // of temporary credentials, else empty
};

using Fields = std::vector<std::pair<std::string, std::string>>;

/// What of a request is signed. Names and values as they are, not yet encoded.
struct SignedParts {
    std::string method;
    std::string path;  // "/bucket/key"
    Fields query;
    Fields headers;  // names in lower case, each once; with "host"
    std::string payload_sha256;
};

/// Where and when a signature counts.
struct SigningScope {
    std::string region;
    std::string service = "s3";
    std::string time;  // "20130524T000000Z"
};

/// The path as it is sent and signed: all but unreserved characters and '/' encoded, once.
std::string canonical_path(std::string_view path);
/// The query as it is sent and signed: encoded, sorted, "name=" where there is no value.
std::string canonical_query(const Fields& query);
/// AWS Signature Version 4: the text whose digest is signed.
std::string canonical_request(const SignedParts& parts);
/// The value of the header "Authorization". Pure; tested in signature_test.cpp with the examples
/// that AWS publishes.
std::string authorization(const SignedParts& parts, const Credentials& credentials,
                          const SigningScope& scope);

}  // namespace maru::blob::s3
