#include "blob/s3/signature.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/crypto.hpp"
#include "base/text.hpp"

namespace maru::blob::s3 {
namespace {

Fields sorted(Fields fields) {
    std::ranges::sort(fields);
    return fields;
}

std::string signed_names(const Fields& headers) {
    std::string names;
    for (const auto& [name, value] : headers) names += (names.empty() ? "" : ";") + name;
    return names;
}

/// Leading and trailing spaces go, those in the middle become one.
std::string canonical_value(std::string_view value) {
    std::string out;
    for (char c : trim(value))
        if (c != ' ' || !out.ends_with(' ')) out += c;
    return out;
}

}  // namespace

std::string canonical_path(std::string_view path) {
    return path.empty() ? "/" : percent_encode(path, "/");
}

std::string canonical_query(const Fields& query) {
    Fields encoded;
    for (const auto& [name, value] : query)
        encoded.emplace_back(percent_encode(name), percent_encode(value));
    std::string out;
    for (const auto& [name, value] : sorted(std::move(encoded)))
        out += (out.empty() ? "" : "&") + name + "=" + value;
    return out;
}

std::string canonical_request(const SignedParts& parts) {
    Fields headers = sorted(parts.headers);
    std::string lines;
    for (const auto& [name, value] : headers) lines += name + ":" + canonical_value(value) + "\n";
    return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", parts.method, canonical_path(parts.path),
                       canonical_query(parts.query), lines, signed_names(headers),
                       parts.payload_sha256);
}

std::string authorization(const SignedParts& parts, const Credentials& credentials,
                          const SigningScope& scope) {
    auto date = scope.time.substr(0, 8);
    auto scope_text = fmt::format("{}/{}/{}/aws4_request", date, scope.region, scope.service);
    auto text = fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", scope.time, scope_text,
                            sha256_hex(canonical_request(parts)));
    auto key = hmac_sha256("AWS4" + credentials.secret_access_key, date);
    for (std::string_view step : {std::string_view(scope.region), std::string_view(scope.service),
                                  std::string_view("aws4_request")})
        key = hmac_sha256(key, step);
    return fmt::format("AWS4-HMAC-SHA256 Credential={}/{},SignedHeaders={},Signature={}",
                       credentials.access_key_id, scope_text, signed_names(sorted(parts.headers)),
                       to_hex(hmac_sha256(key, text)));
}

}  // namespace maru::blob::s3
