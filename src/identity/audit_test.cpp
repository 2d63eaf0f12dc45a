#include <thread>

#include "identity/test_support.hpp"

namespace maru::identity {
namespace {

class AuditTest : public IdentityTest {
  protected:
    void SetUp() override {
        IdentityTest::SetUp();
        database->write([](sql::Connection& connection) {
            connection.execute("CREATE TABLE things (name TEXT PRIMARY KEY)");
        });
    }
    api::AuditRecord record() const {
        return {.user = "admin",
                .operation = "things.create",
                .project_id = service->project("default").id,
                .resource = "/things",
                .outcome = {},
                .remote_address = "192.0.2.7",
                .at = clock.now()};
    }
    void add_thing(const std::string& name) {
        database->write([&](sql::Connection& connection) {
            connection.execute("INSERT INTO things VALUES ($1)", {name});
        });
    }
    api::Context context() {
        return service->admit(request("POST", "/x", admin), api::Permission::signed_in, {});
    }
    /// The outcomes of things.create, the newest first.
    std::vector<std::string> outcomes() {
        std::vector<std::string> found;
        for (const auto& entry : audit())
            if (entry.operation == "things.create") found.push_back(entry.outcome);
        return found;
    }
    static std::string code_of(const std::function<void()>& call) {
        try {
            call();
            return "ok";
        } catch (const Error& error) {
            return std::string(to_string(error.code()));
        }
    }
};

TEST_F(AuditTest, AnEntryIsInTheTransactionOfItsChange) {
    service->audited(record(), [&] {
        EXPECT_EQ(count("audit_entries"), 0);
        add_thing("a");
        EXPECT_EQ(count("audit_entries"), 1);
        add_thing("b");  // a second write of the same call
        return net::Response::json("{}");
    });
    auto entries = audit();
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_EQ(entries[0].user, "admin");
    EXPECT_EQ(entries[0].operation, "things.create");
    EXPECT_EQ(entries[0].project, "default");
    EXPECT_EQ(entries[0].outcome, "ok");
    EXPECT_EQ(entries[0].remote_address, "192.0.2.7");
    EXPECT_EQ(entries[0].at, clock.now());
}

TEST_F(AuditTest, AChangeWhoseEntryCannotBeWrittenIsUndone) {
    auto bad = record();
    database->write(
        [](sql::Connection& connection) { connection.execute("DROP TABLE audit_entries"); });
    EXPECT_NE(code_of([&] {
                  service->audited(bad, [&] {
                      add_thing("a");
                      return net::Response::json("{}");
                  });
              }),
              "ok");
    EXPECT_EQ(count("things"), 0);
}

TEST_F(AuditTest, AFailureIsAnEntryWithItsCode) {
    add_thing("a");
    EXPECT_EQ(code_of([&] {
                  service->audited(record(), [&] {
                      add_thing("a");
                      return net::Response();
                  });
              }),
              "already_exists");
    EXPECT_EQ(outcomes(), std::vector<std::string>{"already_exists"});
    EXPECT_THROW(
        service->audited(record(), []() -> net::Response { throw std::runtime_error("x"); }),
        std::runtime_error);
    service->audited(record(), [] { return net::Response::json("{}", 404); });
    service->audited(record(), [] { return net::Response::json("{}"); });  // nothing to change
    EXPECT_EQ(outcomes(),
              (std::vector<std::string>{"ok", "http_404", "internal", "already_exists"}));
}

TEST_F(AuditTest, FailuresOfOneUserDoNotFillTheLog) {
    for (int i = 0; i < 100; ++i)
        code_of([&] {
            service->audited(record(), []() -> net::Response { fail(ErrorCode::not_found, "no"); });
        });
    EXPECT_EQ(count("audit_entries"), 60);
    auto nobody = record();
    nobody.user.clear();
    code_of([&] {
        service->audited(nobody, []() -> net::Response { fail(ErrorCode::not_found, "no"); });
    });
    EXPECT_EQ(count("audit_entries"), 60);
}

TEST_F(AuditTest, OperationsAndSignInsLeaveTheirEntries) {
    add_user("ann");
    add_project("vision");
    set_member("vision", "ann", "owner");
    sign_in("ann", "a wrong password");
    sign_in("nobody", "a wrong password");
    auto session = sign_in("ann");
    send("DELETE", "/session", cookie(session.session_secret(), session.as<Session>().csrf_token));
    std::vector<std::string> lines;
    for (const auto& entry : audit())
        lines.push_back(entry.user + " " + entry.operation + " " + entry.project.value_or("-") +
                        " " + entry.resource + " " + entry.outcome);
    EXPECT_EQ(lines, (std::vector<std::string>{
                         "ann session.delete - ann ok",
                         "ann session.create - ann ok",
                         "ann session.create - ann unauthenticated",
                         "admin members.set vision /api/v1/projects/vision/members/ann ok",
                         "admin projects.create - /api/v1/projects/vision ok",
                         "admin users.create - /api/v1/users/ann ok",
                     }));
    // Owners see their project's part, also under a token; what a deleted project was called stays.
    auto token = bearer(token_of("ann"));
    auto own = send("GET", "/audit?project=vision", token);
    ASSERT_EQ(own.status, 200u) << own.body;
    EXPECT_EQ(own.as<api::Page<AuditEntry>>().items.size(), 2u);
    EXPECT_EQ(send("GET", "/audit?project=default", token).status, 404u);
    EXPECT_EQ(send("DELETE", "/projects/vision", admin).status, 200u);
    EXPECT_EQ(audit().at(0).project, "vision");
}

TEST_F(AuditTest, TheLogIsPaged) {
    for (int i = 0; i < 25; ++i)
        service->audited(record(), [&] {
            add_thing(std::to_string(i));
            return net::Response();
        });
    std::vector<std::string> ids;
    auto made = request("GET", "/x", admin);
    auto context = service->admit(made, api::Permission::signed_in, {});
    context.request = &made;
    ListAudit asked{.page_size = 10};
    for (;;) {
        auto page = service->list_audit(context, asked);
        for (const auto& entry : page.items) ids.push_back(entry.id);
        if (!page.next_page_token) break;
        asked.page_token = *page.next_page_token;
    }
    EXPECT_EQ(ids.size(), 25u);
    EXPECT_TRUE(std::is_sorted(ids.rbegin(), ids.rend()));
}

class IdempotencyTest : public AuditTest {
  protected:
    net::Response create(
        const std::string& key, const std::string& digest, const std::string& name,
        std::function<void()> after = [] {}) {
        return service->idempotent(context(), key, "things.create", digest, [&] {
            return service->audited(record(), [&] {
                add_thing(name);
                after();
                return net::Response::json("{\"name\":\"" + name + "\"}");
            });
        });
    }
};

TEST_F(IdempotencyTest, AReplayGetsTheSameAnswerAndChangesNothing) {
    auto first = create("k1", "d1", "a");
    auto second = create("k1", "d1", "a");
    EXPECT_EQ(std::get<std::string>(first.body), std::get<std::string>(second.body));
    EXPECT_EQ(second.status, 200u);
    EXPECT_EQ(second.headers.get("Content-Type"), "application/json");
    EXPECT_EQ(count("things"), 1);
    EXPECT_EQ(outcomes().size(), 1u);
    restart();
    EXPECT_EQ(std::get<std::string>(create("k1", "d1", "a").body),
              std::get<std::string>(first.body));
    EXPECT_EQ(code_of([&] { create("k1", "d2", "b"); }), "failed_precondition");
    EXPECT_EQ(code_of([&] { create("bad key", "d", "c"); }), "invalid_argument");
    EXPECT_EQ(code_of([&] { create(std::string(256, 'k'), "d", "c"); }), "invalid_argument");
    create("", "d", "c");
    EXPECT_EQ(count("things"), 2);
}

TEST_F(IdempotencyTest, AFailedRequestMayBeTriedAgain) {
    add_thing("a");
    EXPECT_EQ(code_of([&] { create("k1", "d1", "a"); }), "already_exists");
    EXPECT_EQ(count("idempotency_keys"), 0);
    EXPECT_EQ(outcomes(), std::vector<std::string>{"already_exists"});
    database->write([](sql::Connection& connection) { connection.execute("DELETE FROM things"); });
    EXPECT_EQ(code_of([&] { create("k1", "d1", "a"); }), "ok");
}

TEST_F(IdempotencyTest, AnAnswerThatWasLostIsNotMadeTwice) {
    EXPECT_THROW(
        create("k1", "d1", "a", [] { throw std::runtime_error("killed after the commit"); }),
        std::runtime_error);
    EXPECT_EQ(code_of([&] { create("k1", "d1", "a"); }), "aborted");
    EXPECT_EQ(count("things"), 1);
}

TEST_F(IdempotencyTest, OfTheSameRequestAtOnceOneRuns) {
    std::string inner;
    create("k1", "d1", "a",
           [&] { std::thread([&] { inner = code_of([&] { create("k1", "d1", "a"); }); }).join(); });
    EXPECT_EQ(inner, "aborted");
    EXPECT_EQ(count("things"), 1);
}

TEST_F(IdempotencyTest, KeysAreForgottenAfterADay) {
    create("k1", "d1", "a");
    clock.advance(std::chrono::hours(24));
    EXPECT_EQ(code_of([&] { create("k1", "d2", "b"); }), "ok");
    clock.advance(std::chrono::hours(24));
    service->maintain();
    EXPECT_EQ(count("idempotency_keys"), 0);
}

TEST_F(IdempotencyTest, SecretsAreNotKept) {
    auto headers = admin;
    headers.set("Idempotency-Key", "k1");
    std::string body = R"({"name":"ci","scopes":["read"]})";
    auto first = send("POST", "/tokens", headers, body);
    ASSERT_EQ(first.status, 200u) << first.body;
    auto second = send("POST", "/tokens", headers, body);
    EXPECT_EQ(second.status, 409u) << second.body;
    EXPECT_EQ(count("tokens"), 2);  // the server's and this one
    // Users have keys of their own.
    add_user("ann");
    headers = bearer(token_of("ann"));
    headers.set("Idempotency-Key", "k1");
    EXPECT_EQ(send("POST", "/projects", headers, R"({"name":"p"})").status, 200u);
    EXPECT_EQ(send("POST", "/projects", headers, R"({"name":"p"})").status, 200u);
}

}  // namespace
}  // namespace maru::identity
