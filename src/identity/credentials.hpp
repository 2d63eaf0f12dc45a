#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/http.hpp"

namespace maru::identity {

inline constexpr std::string_view kSessionCookie = "maru_session";
inline constexpr std::string_view kTokenPrefix = "maru_";

struct UserAndPassword {
    std::string user, password;
};

/// What a request brings to prove who sends it; at most one of them.
struct Credentials {
    std::optional<std::string>
        token;  // Bearer, or Basic with a token as password (MLflow's clients)
    std::optional<UserAndPassword> basic;
    std::optional<std::string>
        session;  // the cookie's secret; only without an Authorization header
};

/// Reads Authorization (RFC 6750, RFC 7617) or the session cookie. Throws unauthenticated for an
/// Authorization header that is neither Bearer nor Basic, or is broken.
Credentials read_credentials(const net::RequestHead& head);

bool is_safe_method(std::string_view method);

/// The session's CSRF token: derived from its secret, so that none has to be kept.
std::string csrf_token_of(std::string_view session_secret);

/// Throws permission_denied for a request that another site made a browser send: one that changes
/// something, or opens a WebSocket, with Sec-Fetch-Site or Origin that is not our own.
void refuse_cross_site(const net::RequestHead& head);

/// Throws permission_denied unless X-CSRF-Token is the session's.
void check_csrf_token(const net::RequestHead& head, std::string_view session_secret);

/// Set-Cookie for a new session, and one that ends it.
std::string session_cookie(std::string_view secret, std::int64_t age_max_s, bool encrypted);
std::string expired_session_cookie(bool encrypted);

}  // namespace maru::identity
