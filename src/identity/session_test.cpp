#include <thread>

#include "identity/credentials.hpp"
#include "identity/test_support.hpp"

namespace maru::identity {
namespace {

using SessionTest = IdentityTest;

TEST_F(SessionTest, SignInSetsACookieThatWorks) {
    add_user("ann");
    auto answer = sign_in("ann");
    ASSERT_EQ(answer.status, 200u) << answer.body;
    std::string cookie_header(answer.headers.get("Set-Cookie"));
    EXPECT_NE(cookie_header.find("HttpOnly"), std::string::npos);
    EXPECT_NE(cookie_header.find("SameSite=Lax"), std::string::npos);
    EXPECT_EQ(cookie_header.find("Secure"), std::string::npos);
    EXPECT_EQ(answer.headers.get("Cache-Control"), "no-store");
    auto session = answer.as<Session>();
    EXPECT_EQ(session.user.name, "ann");
    EXPECT_TRUE(session.user.has_password);
    EXPECT_FALSE(session.csrf_token.empty());
    EXPECT_TRUE(session.projects.empty());

    auto again = send("GET", "/session", cookie(answer.session_secret()));
    EXPECT_EQ(again.status, 200u);
    EXPECT_EQ(again.as<Session>().csrf_token, session.csrf_token);
    EXPECT_EQ(again.headers.get("Cache-Control"), "no-store");
    EXPECT_EQ(send("GET", "/session").status, 401u);
}

TEST_F(SessionTest, TheCookieIsSecureOverTls) {
    add_user("ann");
    auto made = request("POST", "/api/v1/session", {},
                        R"({"username":"ann","password":"a good password"})");
    made.encrypted = true;
    EXPECT_NE(send(made).headers.get("Set-Cookie").find("; Secure"), std::string_view::npos);
}

TEST_F(SessionTest, SecretsAreKeptAsDigestsOnly) {
    add_user("ann");
    std::string secret = sign_in("ann").session_secret();
    std::string token = token_of("ann");
    auto stored = database->read([](sql::Connection& connection) {
        std::string all;
        for (auto statement :
             {"SELECT secret_sha256 FROM sessions", "SELECT secret_sha256 FROM tokens",
              "SELECT secret_sha256 FROM sign_in_links", "SELECT password_hash FROM users"})
            connection.query(statement, {}, [&](const sql::Row& row) {
                if (!row.is_null(0)) all += row.string(0) + "\n";
            });
        return all;
    });
    EXPECT_EQ(stored.find(secret), std::string::npos);
    EXPECT_EQ(stored.find(token), std::string::npos);
    EXPECT_EQ(stored.find(first_start.sign_in_token), std::string::npos);
    EXPECT_EQ(stored.find("a good password"), std::string::npos);
    EXPECT_NE(stored.find("$argon2id$"), std::string::npos);
    EXPECT_NE(stored.find(sha256_hex(secret)), std::string::npos);
}

TEST_F(SessionTest, WrongUnknownDisabledAndPasswordlessAreTheSameAnswer) {
    add_user("ann");
    add_user("eve");
    send("PATCH", "/users/eve", admin, R"({"disabled":true})");
    auto wrong = sign_in("ann", "not the password");
    auto message = [](const Answer& answer) {
        return answer.body.substr(0, answer.body.find("request_id"));
    };
    EXPECT_EQ(wrong.status, 401u);
    EXPECT_FALSE(wrong.headers.has("Set-Cookie"));
    for (const auto& other : {sign_in("nobody"), sign_in("eve"), sign_in("admin"), sign_in("")}) {
        EXPECT_EQ(other.status, 401u);
        EXPECT_EQ(message(other), message(wrong));
    }
}

TEST_F(SessionTest, TooManyFailuresAreRefusedEvenWithTheRightPassword) {
    add_user("ann");
    for (int i = 0; i < 10; ++i) EXPECT_EQ(sign_in("ann", "wrong password").status, 401u);
    auto refused = sign_in("ann");
    EXPECT_EQ(refused.status, 429u) << refused.body;
    auto elsewhere = request("POST", "/api/v1/session", {},
                             R"({"username":"ann","password":"a good password"})");
    elsewhere.remote_address = "192.0.2.8";
    EXPECT_EQ(send(elsewhere).status, 200u);
    clock.advance(std::chrono::minutes(5));
    EXPECT_EQ(sign_in("ann").status, 200u);
}

TEST_F(SessionTest, ASessionEndsWhenIdleAndAtItsAge) {
    add_user("ann");
    std::string secret = sign_in("ann").session_secret();
    for (int day = 0; day < 4; ++day) {
        clock.advance(std::chrono::days(6));
        EXPECT_EQ(send("GET", "/session", cookie(secret)).status, 200u) << day;
    }
    clock.advance(std::chrono::days(6));  // used, but 30 days old
    EXPECT_EQ(send("GET", "/session", cookie(secret)).status, 401u);

    secret = sign_in("ann").session_secret();
    clock.advance(std::chrono::days(7));
    EXPECT_EQ(send("GET", "/session", cookie(secret)).status, 401u);
    service->maintain();
    EXPECT_EQ(count("sessions"), 0);
}

TEST_F(SessionTest, UseOfASessionOutlivesARestart) {
    add_user("ann");
    std::string secret = sign_in("ann").session_secret();
    clock.advance(std::chrono::days(6));
    send("GET", "/session", cookie(secret));
    restart();
    clock.advance(std::chrono::days(6));
    EXPECT_EQ(send("GET", "/session", cookie(secret)).status, 200u);
}

TEST_F(SessionTest, ChangesNeedTheCsrfTokenOfTheSession) {
    add_user("ann");
    auto own = sign_in("ann"), other = sign_in("ann");
    auto create = [&](const net::Headers& headers) {
        return send("POST", "/tokens", headers, R"({"name":"a","scopes":["read"]})").status;
    };
    std::string csrf = own.as<Session>().csrf_token;
    EXPECT_EQ(create(cookie(own.session_secret())), 403u);
    EXPECT_EQ(create(cookie(own.session_secret(), "x")), 403u);
    EXPECT_EQ(create(cookie(own.session_secret(), other.as<Session>().csrf_token)), 403u);
    EXPECT_EQ(create(cookie(own.session_secret(), csrf)), 200u);
    EXPECT_EQ(send("DELETE", "/session", cookie(own.session_secret())).status, 403u);
    auto missing = send("DELETE", "/session", cookie(own.session_secret()));
    EXPECT_NE(missing.body.find("CSRF"), std::string::npos);  // the portal looks for the word
}

TEST_F(SessionTest, OtherSitesAreRefused) {
    add_user("ann");
    auto session = sign_in("ann");
    auto create = [&](HeaderList extra) {
        auto headers = cookie(session.session_secret(), session.as<Session>().csrf_token);
        for (const auto& [name, value] : extra) headers.set(name, value);
        return send("POST", "/tokens", headers, R"({"name":"a","scopes":["read"]})").status;
    };
    EXPECT_EQ(create({{"Sec-Fetch-Site", "cross-site"}}), 403u);
    EXPECT_EQ(create({{"Sec-Fetch-Site", "same-site"}}), 403u);
    EXPECT_EQ(create({{"Origin", "https://evil.test"}}), 403u);
    EXPECT_EQ(create({{"Origin", "null"}}), 403u);
    EXPECT_EQ(create({{"Origin", "http://maru.test:7001"}}), 403u);
    EXPECT_EQ(create({{"Origin", "http://maru.test:7000"}}), 200u);
    EXPECT_EQ(create({{"Sec-Fetch-Site", "same-origin"}}), 200u);
    // Signing someone in under another's account is refused too, and so are WebSockets.
    EXPECT_EQ(send("POST", "/session", {{"Origin", "https://evil.test"}},
                   R"({"username":"ann","password":"a good password"})")
                  .status,
              403u);
    auto headers = cookie(session.session_secret());
    headers.set("Origin", "https://evil.test");
    EXPECT_EQ(admit(api::Permission::signed_in, headers), "ok");
    headers.set("Upgrade", "websocket");
    EXPECT_EQ(admit(api::Permission::signed_in, headers), "permission_denied");
}

TEST_F(SessionTest, SignOutEndsTheSessionAtOnce) {
    add_user("ann");
    auto session = sign_in("ann");
    auto headers = cookie(session.session_secret(), session.as<Session>().csrf_token);
    auto out = send("DELETE", "/session", headers);
    EXPECT_EQ(out.status, 200u) << out.body;
    EXPECT_NE(out.headers.get("Set-Cookie").find("Max-Age=0"), std::string_view::npos);
    EXPECT_EQ(send("GET", "/session", headers).status, 401u);
    restart();
    EXPECT_EQ(send("GET", "/session", headers).status, 401u);
}

TEST_F(SessionTest, ChangingOnesPasswordEndsTheOtherSessions) {
    add_user("ann");
    auto own = sign_in("ann"), other = sign_in("ann");
    auto headers = cookie(own.session_secret(), own.as<Session>().csrf_token);
    auto change = [&](std::string body) {
        return send("POST", "/session/password", headers, std::move(body));
    };
    EXPECT_EQ(change(R"({"new_password":"another password"})").status, 400u);
    auto wrong = change(R"({"current_password":"wrong secret","new_password":"another password"})");
    EXPECT_EQ(wrong.status, 400u);
    EXPECT_NE(wrong.body.find("current_password"), std::string::npos);
    EXPECT_EQ(wrong.body.find("wrong secret"), std::string::npos);
    EXPECT_EQ(change(R"({"current_password":"a good password","new_password":"short"})").status,
              400u);
    auto good =
        change(R"({"current_password":"a good password","new_password":"another password"})");
    EXPECT_EQ(good.status, 200u) << good.body;
    EXPECT_EQ(send("GET", "/session", headers).status, 200u);
    EXPECT_EQ(send("GET", "/session", cookie(other.session_secret())).status, 401u);
    EXPECT_EQ(sign_in("ann").status, 401u);
    EXPECT_EQ(sign_in("ann", "another password").status, 200u);
}

TEST_F(SessionTest, DisablingEndsSessionsAndTokensAtOnce) {
    add_user("ann");
    std::string secret = sign_in("ann").session_secret(), token = token_of("ann");
    EXPECT_EQ(admit(api::Permission::signed_in, cookie(secret)), "ok");
    EXPECT_EQ(admit(api::Permission::signed_in, basic("ann", "a good password")), "ok");
    send("PATCH", "/users/ann", admin, R"({"disabled":true})");
    EXPECT_EQ(admit(api::Permission::signed_in, cookie(secret)), "unauthenticated");
    EXPECT_EQ(admit(api::Permission::signed_in, bearer(token)), "unauthenticated");
    EXPECT_EQ(admit(api::Permission::signed_in, basic("ann", "a good password")),
              "unauthenticated");
    send("PATCH", "/users/ann", admin, R"({"disabled":false})");
    EXPECT_EQ(admit(api::Permission::signed_in, cookie(secret)), "unauthenticated");
    EXPECT_EQ(admit(api::Permission::signed_in, bearer(token)), "ok");
}

TEST_F(SessionTest, AUserKeepsNoMoreThanAHundredSessions) {
    add_user("ann");
    std::string first = sign_in("ann").session_secret();
    for (int i = 0; i < 100; ++i) {
        clock.advance(std::chrono::milliseconds(1));
        sign_in("ann");
    }
    EXPECT_EQ(count("sessions"), 100);
    EXPECT_EQ(send("GET", "/session", cookie(first)).status, 401u);
}

TEST_F(SessionTest, ALinkWorksOnce) {
    auto use = [&](const std::string& token) {
        return send("POST", "/session/link", {}, R"({"token":")" + token + "\"}");
    };
    auto first = use(first_start.sign_in_token);
    ASSERT_EQ(first.status, 200u) << first.body;
    EXPECT_EQ(first.as<Session>().user.name, "admin");
    EXPECT_EQ(send("GET", "/session", cookie(first.session_secret())).status, 200u);
    EXPECT_EQ(use(first_start.sign_in_token).status, 401u);
    EXPECT_EQ(use("nonsense").status, 401u);

    std::string late = service->create_sign_in_link("admin");
    clock.advance(std::chrono::hours(24));
    EXPECT_EQ(use(late).status, 401u);
    EXPECT_THROW(service->create_sign_in_link("nobody"), Error);

    add_user("ann");
    std::string disabled = service->create_sign_in_link("ann");
    send("PATCH", "/users/ann", admin, R"({"disabled":true})");
    EXPECT_EQ(use(disabled).status, 401u);
}

TEST_F(SessionTest, OfTwoUsesOfALinkAtOnceOneWins) {
    for (int round = 0; round < 10; ++round) {
        std::string token = service->create_sign_in_link("admin");
        std::atomic<int> won = 0;
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&] {
                auto answer = send("POST", "/session/link", {}, R"({"token":")" + token + "\"}");
                if (answer.status == 200) ++won;
            });
        for (auto& thread : threads) thread.join();
        EXPECT_EQ(won, 1);
    }
}

TEST_F(SessionTest, WithoutAuthenticationEveryoneIsTheAdmin) {
    close();
    options.auth = AuthMode::none;
    open();
    auto answer = send("GET", "/session");
    ASSERT_EQ(answer.status, 200u);
    EXPECT_EQ(answer.as<Session>().user.name, "admin");
    EXPECT_EQ(answer.as<Session>().auth, AuthMode::none);
    EXPECT_EQ(answer.as<Session>().projects.size(), 1u);
    EXPECT_EQ(send("POST", "/users", {}, R"({"name":"ann"})").status, 200u);
    EXPECT_EQ(send("POST", "/users", {{"Origin", "https://evil.test"}}, R"({"name":"eve"})").status,
              403u);
    EXPECT_EQ(send("GET", "/users", bearer("maru_unknown")).status, 200u);
    std::string token =
        service->issue_workload_token("w1", service->project("default").id, "admin");
    EXPECT_EQ(service->admit(request("GET", "/x", bearer(token)), api::Permission::jobs_read, {})
                  .workload_id,
              "w1");
}

TEST_F(SessionTest, MalformedRequestsNameTheirFields) {
    struct Case {
        std::string path, body, field;
    };
    for (const auto& [path, body, field] :
         std::vector<Case>{{"/session", "{}", "username"},
                           {"/session", R"({"username":"ann"})", "password"},
                           {"/session", R"({"username":1,"password":"x"})", "username"},
                           {"/session", R"({"username":"ann","password":"x","extra":1})", "extra"},
                           {"/session", "not json", "JSON"},
                           {"/session/link", "{}", "token"}}) {
        auto answer = send("POST", path, {}, body);
        EXPECT_EQ(answer.status, 400u) << path << body;
        EXPECT_NE(answer.body.find(field), std::string::npos) << answer.body;
    }
}

}  // namespace
}  // namespace maru::identity
