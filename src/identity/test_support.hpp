#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "identity/service.hpp"

namespace maru::identity {

/// A request's answer as a test looks at it.
struct Answer {
    unsigned status = 0;
    std::string body;
    net::Headers headers;

    template <class T>
    T as() const {
        return from_json<T>(body);
    }
    /// The cookie's secret out of Set-Cookie.
    std::string session_secret() const {
        std::string cookie(headers.get("Set-Cookie"));
        auto begin = cookie.find('=') + 1;
        return cookie.substr(begin, cookie.find(';') - begin);
    }
};

using HeaderList = std::initializer_list<std::pair<std::string, std::string>>;

/// The identity room on a database of its own, asked through the API as a client would. Passwords
/// are hashed with parameters that are weak and fast.
class IdentityTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "maru-identity-XXXXXX").string();
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        folder = pattern;
        options.passwords = {.memory_kib = 64, .passes = 1, .concurrent_max = 4, .waiting_max = 64};
        open();
        auto first = service->initialize();
        ASSERT_TRUE(first);
        service->finish_initialization();
        first_start = *first;
        admin = {{"Authorization", "Bearer " + first->admin_token}};
    }
    void TearDown() override {
        close();
        std::filesystem::remove_all(folder);
    }
    void open() {
        database = sql::Database::open({.file = folder / "maru.db"}, migrations);
        service = std::make_unique<Service>(*database, clock, options);
        api = std::make_unique<api::Api>(*service, clock);
        add_operations(*api, *service);
    }
    void close() {
        api.reset();
        service.reset();
        database.reset();
    }
    /// As after the end of the process and a new start.
    void restart() {
        close();
        open();
    }

    static net::Request request(std::string method, const std::string& path,
                                const net::Headers& headers = {}, std::string body = "") {
        net::Request made;
        made.method = std::move(method);
        made.target = path;
        auto question = path.find('?');
        made.path = path.substr(0, question);
        if (question != std::string::npos) {
            std::string pair = path.substr(question + 1);
            auto equals = pair.find('=');
            made.query.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
        }
        made.headers = headers;
        made.headers.set("Host", "maru.test:7000");
        made.remote_address = "192.0.2.7";
        made.body = std::move(body);
        return made;
    }
    Answer send(std::string method, const std::string& path, const net::Headers& headers = {},
                std::string body = "") {
        return send(request(std::move(method), "/api/v1" + path, headers, std::move(body)));
    }
    Answer send(net::Request made) {
        auto route = api->route(made);
        if (!route) return {.status = 404, .body = "no route", .headers = {}};
        net::Response response;
        if (route->kind == net::Route::Kind::direct)
            route->handle_direct(made, [&](net::Response given) { response = std::move(given); });
        else
            response = route->handle(made);
        return {response.status, std::get<std::string>(response.body), response.headers};
    }
    /// Asks the guard alone; returns the error's code, or "ok".
    std::string admit(api::Permission permission, const net::Headers& headers,
                      std::optional<std::string_view> project = std::nullopt,
                      std::string method = "GET") {
        try {
            service->admit(request(std::move(method), "/x", headers), permission, project);
            return "ok";
        } catch (const Error& error) {
            return std::string(to_string(error.code()));
        }
    }

    static net::Headers bearer(const std::string& token) {
        return {{"Authorization", "Bearer " + token}};
    }
    static net::Headers basic(const std::string& user, const std::string& password) {
        return {{"Authorization", "Basic " + to_base64(user + ":" + password)}};
    }
    static net::Headers cookie(const std::string& secret, const std::string& csrf = "") {
        net::Headers headers{{"Cookie", "theme=dark; maru_session=" + secret}};
        if (!csrf.empty()) headers.set("X-CSRF-Token", csrf);
        return headers;
    }
    void add_user(const std::string& name, const std::string& password = "a good password") {
        auto answer = send("POST", "/users", admin,
                           R"({"name":")" + name + R"(","password":")" + password + "\"}");
        ASSERT_EQ(answer.status, 200u) << answer.body;
    }
    Answer sign_in(const std::string& name, const std::string& password = "a good password") {
        return send("POST", "/session", {},
                    R"({"username":")" + name + R"(","password":")" + password + "\"}");
    }
    /// A token of that user's, by way of a session.
    std::string token_of(const std::string& user,
                         const std::string& fields = R"("scopes":["read","write"])") {
        auto session = sign_in(user);
        auto answer = send("POST", "/tokens",
                           cookie(session.session_secret(), session.as<Session>().csrf_token),
                           R"({"name":"laptop",)" + fields + "}");
        EXPECT_EQ(answer.status, 200u) << answer.body;
        return answer.status == 200 ? answer.as<CreatedToken>().secret : "";
    }
    void add_project(const std::string& name) {
        auto answer = send("POST", "/projects", admin, R"({"name":")" + name + "\"}");
        ASSERT_EQ(answer.status, 200u) << answer.body;
    }
    void set_member(const std::string& project, const std::string& user, const std::string& role) {
        auto answer = send("PUT", "/projects/" + project + "/members/" + user, admin,
                           R"({"role":")" + role + "\"}");
        ASSERT_EQ(answer.status, 200u) << answer.body;
    }
    std::int64_t count(const std::string& table) {
        return database
            ->read([&](sql::Connection& connection) {
                return connection.first("SELECT count(*) FROM " + table, {},
                                        [](const sql::Row& row) { return row.integer(0); });
            })
            .value();
    }
    std::vector<AuditEntry> audit() {
        return send("GET", "/audit", admin).as<api::Page<AuditEntry>>().items;
    }

    std::filesystem::path folder;
    ManualClock clock{parse_time("2026-11-22T12:00:00Z")};
    ServiceOptions options;
    std::unique_ptr<sql::Database> database;
    std::unique_ptr<Service> service;
    std::unique_ptr<api::Api> api;
    FirstStart first_start;
    net::Headers admin;
};

}  // namespace maru::identity
