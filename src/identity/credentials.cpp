#include "identity/credentials.hpp"

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace maru::identity {

namespace {

UserAndPassword read_basic(std::string_view encoded) {
    std::string decoded;
    try {
        decoded = from_base64(encoded);
    } catch (const Error&) {
        // The message of from_base64 could quote the secret.
        fail(ErrorCode::unauthenticated,
             "the Authorization header is not valid base64 after Basic");
    }
    auto colon = decoded.find(':');
    if (colon == std::string::npos)
        fail(ErrorCode::unauthenticated,
             "the Authorization header holds no user:password after Basic");
    return {.user = decoded.substr(0, colon), .password = decoded.substr(colon + 1)};
}

std::string_view host_of_origin(std::string_view origin) {
    auto scheme = origin.find("://");
    return scheme == std::string_view::npos ? std::string_view() : origin.substr(scheme + 3);
}

}  // namespace

Credentials read_credentials(const net::RequestHead& head) {
    Credentials found;
    std::string_view header = trim(head.headers.get("Authorization"));
    if (header.empty()) {
        std::string_view cookie = head.cookie(kSessionCookie);
        if (!cookie.empty()) found.session = std::string(cookie);
        return found;
    }
    auto space = header.find(' ');
    std::string scheme = to_lower(header.substr(0, space));
    std::string_view value =
        space == std::string_view::npos ? std::string_view() : trim(header.substr(space + 1));
    if (value.empty() || (scheme != "bearer" && scheme != "basic"))
        fail(ErrorCode::unauthenticated,
             "the Authorization header must be \"Bearer TOKEN\" or \"Basic BASE64\"");
    if (scheme == "bearer") {
        found.token = std::string(value);
        return found;
    }
    UserAndPassword basic = read_basic(value);
    if (basic.password.starts_with(kTokenPrefix))
        found.token = std::move(basic.password);
    else
        found.basic = std::move(basic);
    return found;
}

bool is_safe_method(std::string_view method) {
    return method == "GET" || method == "HEAD";
}

std::string csrf_token_of(std::string_view session_secret) {
    return to_base64_url(hmac_sha256(session_secret, "maru csrf token"));
}

void refuse_cross_site(const net::RequestHead& head) {
    if (is_safe_method(head.method) && !head.headers.has("Upgrade")) return;
    std::string_view origin = head.headers.get("Origin");
    std::string_view site = head.headers.get("Sec-Fetch-Site");
    // Browsers that send Sec-Fetch-Site know better than a comparison with Host, which a reverse
    // proxy may have changed. "same-site" is not enough: another port of this host is the same
    // site.
    bool own = true;
    if (!site.empty())
        own = site == "same-origin" || site == "none";
    else if (!origin.empty())
        own = to_lower(host_of_origin(origin)) == to_lower(head.headers.get("Host"));
    if (!own)
        fail(ErrorCode::permission_denied,
             "a page of another site ({}) sent this request; only this server's own pages may",
             origin.empty() ? site : origin);
}

void check_csrf_token(const net::RequestHead& head, std::string_view session_secret) {
    std::string_view given = head.headers.get("X-CSRF-Token");
    if (given.empty())
        fail(ErrorCode::permission_denied,
             "the CSRF token is missing: requests with a session's cookie that change something "
             "need "
             "the header X-CSRF-Token with csrf_token of GET /api/v1/session");
    if (!equal_in_constant_time(given, csrf_token_of(session_secret)))
        fail(ErrorCode::permission_denied,
             "the CSRF token in X-CSRF-Token is not this session's; get it from GET "
             "/api/v1/session");
}

std::string session_cookie(std::string_view secret, std::int64_t age_max_s, bool encrypted) {
    return fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{}", kSessionCookie,
                       secret, age_max_s, encrypted ? "; Secure" : "");
}

std::string expired_session_cookie(bool encrypted) {
    return session_cookie("", 0, encrypted);
}

}  // namespace maru::identity
