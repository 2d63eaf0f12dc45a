#include "blob/s3/answers.hpp"

#include <fmt/format.h>

#include <pugixml.hpp>
#include <set>

namespace maru::blob::s3 {
namespace {

std::string header(const http::Answer& answer, const std::string& name) {
    auto found = answer.headers.find(name);
    return found == answer.headers.end() ? "" : found->second;
}

/// "Sun, 22 Nov 2026 22:19:42 GMT".
std::optional<Time> parse_http_date(const std::string& text) {
    std::tm fields{};
    if (::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &fields) == nullptr)
        return std::nullopt;
    return Time(std::chrono::seconds(::timegm(&fields)));
}

std::string clock_difference(const http::Answer& answer, Time now) {
    auto theirs = parse_http_date(header(answer, "date"));
    if (!theirs) return "this machine's clock is wrong";
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - *theirs).count();
    return fmt::format("this machine's clock is {} seconds {} the store's",
                       seconds < 0 ? -seconds : seconds, seconds < 0 ? "behind" : "ahead of");
}

}  // namespace

RefusalCode refusal_code(const http::Answer& answer) {
    pugi::xml_document document;
    if (answer.body.empty() ||
        !document.load_buffer(answer.body.data(), answer.body.size(), pugi::parse_default))
        return {};
    auto error = document.child("Error");
    return {error.child_value("Code"), error.child_value("Message")};
}

bool is_passing(const http::Answer& answer) {
    if (answer.status == 0) return !answer.is_final;
    if (answer.status == 429 || answer.status == 408 ||
        (answer.status >= 500 && answer.status != 501 && answer.status != 507))
        return true;
    static const std::set<std::string, std::less<>> kPassing{
        "RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable", "OperationAborted"};
    return answer.status >= 200 && kPassing.contains(refusal_code(answer).code);
}

std::string explain_refusal(const http::Answer& answer, const ClientOptions& options,
                            std::string_view action, Time now) {
    auto store = fmt::format("the object store at {}", options.endpoint);
    if (answer.status == 0) return fmt::format("{} does not answer: {}", store, answer.failure);
    auto [code, message] = refusal_code(answer);
    if (code == "InvalidAccessKeyId")
        return fmt::format("{} does not know the access key id that this server has", store);
    if (code == "SignatureDoesNotMatch")
        return fmt::format(
            "{} refuses this server's signature: the secret access key is wrong, or the region, "
            "which is {}",
            store, options.region);
    if (code == "ExpiredToken" || code == "InvalidToken" || code == "TokenRefreshRequired")
        return fmt::format("{} refuses this server's session token ({}); renew the credentials",
                           store, code);
    if (code == "RequestTimeTooSkewed" || code == "RequestExpired")
        return fmt::format("{} refuses requests since {}; set it by NTP", store,
                           clock_difference(answer, now));
    if (code == "NoSuchBucket")
        return fmt::format("there is no bucket \"{}\" at {}; make it, or give another with --blobs",
                           options.bucket, options.endpoint);
    auto region = header(answer, "x-amz-bucket-region");
    if (!region.empty() && region != options.region)
        return fmt::format("the bucket \"{}\" is in the region {}, not in {}; give --s3-region {}",
                           options.bucket, region, options.region, region);
    if (answer.status == 301 || answer.status == 307 || code == "PermanentRedirect")
        return fmt::format("the bucket \"{}\" is not at {}; give its --s3-endpoint and --s3-region",
                           options.bucket, options.endpoint);
    if (answer.status == 401 || answer.status == 403)
        return fmt::format(
            "{} does not allow this server to {}{}; its credentials need to get, put, delete and "
            "list objects in the bucket \"{}\"",
            store, action, code.empty() ? "" : " (" + code + ")", options.bucket);
    return fmt::format("{} answered {}{} to {}{}", store, answer.status,
                       code.empty() ? "" : " " + code, action,
                       message.empty() ? "" : ": " + message);
}

}  // namespace maru::blob::s3
