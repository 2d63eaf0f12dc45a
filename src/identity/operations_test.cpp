#include "base/id.hpp"
#include "identity/test_support.hpp"

namespace maru::identity {
namespace {

using OperationsTest = IdentityTest;

TEST_F(OperationsTest, UsersAreCreatedListedAndChanged) {
    add_user("ann");
    auto created =
        send("POST", "/users", admin, R"({"name":"bob","display_name":"Bob B","admin":true})");
    ASSERT_EQ(created.status, 200u) << created.body;
    auto bob = created.as<User>();
    EXPECT_TRUE(is_id(bob.id));
    EXPECT_TRUE(bob.admin);
    EXPECT_FALSE(bob.has_password);
    EXPECT_EQ(bob.display_name, "Bob B");
    EXPECT_EQ(created.body.find("argon2"), std::string::npos);
    EXPECT_EQ(send("POST", "/users", admin, R"({"name":"bob"})").status, 409u);

    auto changed =
        send("PATCH", "/users/bob", admin, R"({"display_name":"Robert","admin":false})").as<User>();
    EXPECT_EQ(changed.display_name, "Robert");
    EXPECT_FALSE(changed.admin);
    EXPECT_EQ(send("PATCH", "/users/nobody", admin, "{}").status, 404u);

    auto list = send("GET", "/users", admin).as<api::Page<User>>();
    ASSERT_EQ(list.items.size(), 3u);
    EXPECT_EQ(list.items[0].name, "admin");
    EXPECT_EQ(list.items[2].display_name, "Robert");
    restart();
    EXPECT_EQ(to_json(send("GET", "/users", admin).as<api::Page<User>>()), to_json(list));
}

TEST_F(OperationsTest, ListsArePaged) {
    for (const auto* name : {"ann", "bob", "cid", "dan"}) add_user(name);
    std::vector<std::string> names;
    std::string path = "/users?page_size=2";
    // The test's requests carry one query pair each, so the pages come through the service.
    ListUsers asked{.page_size = 2};
    for (;;) {
        auto page = service->list_users(asked);
        EXPECT_LE(page.items.size(), 2u);
        for (const auto& user : page.items) names.push_back(user.name);
        if (!page.next_page_token) break;
        asked.page_token = *page.next_page_token;
    }
    EXPECT_EQ(names, (std::vector<std::string>{"admin", "ann", "bob", "cid", "dan"}));
    EXPECT_EQ(send("GET", path, admin).as<api::Page<User>>().items.size(), 2u);
    EXPECT_EQ(send("GET", "/users?page_size=-1", admin).status, 400u);
    EXPECT_EQ(send("GET", "/users?page_token=%21", admin).status, 400u);
    EXPECT_EQ(send("GET", "/tokens?page_token=xx", admin).status, 400u);
}

TEST_F(OperationsTest, TheLastAdminStays) {
    EXPECT_EQ(send("PATCH", "/users/admin", admin, R"({"disabled":true})").status, 400u);
    EXPECT_EQ(send("PATCH", "/users/admin", admin, R"({"admin":false})").status, 400u);
    add_user("ann");
    send("PATCH", "/users/ann", admin, R"({"admin":true})");
    EXPECT_EQ(send("PATCH", "/users/admin", admin, R"({"admin":false})").status, 200u);
    EXPECT_EQ(send("GET", "/users", admin).status, 403u);
}

TEST_F(OperationsTest, OnlyAdminsManageUsers) {
    add_user("ann");
    auto ann = bearer(token_of("ann"));
    EXPECT_EQ(send("GET", "/users", ann).status, 403u);
    EXPECT_EQ(send("POST", "/users", ann, R"({"name":"eve","admin":true})").status, 403u);
    EXPECT_EQ(send("PATCH", "/users/ann", ann, R"({"admin":true})").status, 403u);
    EXPECT_EQ(send("GET", "/audit", ann).status, 403u);
    EXPECT_EQ(send("GET", "/users").status, 401u);
}

TEST_F(OperationsTest, BadInputIsRefusedWithItsField) {
    add_project("vision");
    add_user("ann");
    std::string token_id = new_id(), long_text(5000, 'x');
    struct Case {
        std::string method, path, body;
        unsigned status;
        std::string word;
    };
    for (const auto& [method, path, body, status, word] : std::vector<Case>{
             {"POST", "/users", R"({})", 400, "name"},
             {"POST", "/users", R"({"name":"Ann"})", 400, "name"},
             {"POST", "/users", R"({"name":"bob","password":"short"})", 400, "password"},
             {"POST", "/users", R"({"name":"bob","password":")" + std::string(1025, 'x') + "\"}",
              400, "password"},
             {"POST", "/users", R"({"name":"bob","display_name":")" + long_text + "\"}", 400,
              "display_name"},
             {"POST", "/users", R"({"name":"bob","admin":"yes"})", 400, "admin"},
             {"PATCH", "/users/ann", R"({"password":"short"})", 400, "password"},
             {"PATCH", "/users/ann", R"({"disabled":1})", 400, "disabled"},
             {"POST", "/tokens", R"({"scopes":["read"]})", 400, "name"},
             {"POST", "/tokens", R"({"name":"a"})", 400, "scopes"},
             {"POST", "/tokens", R"({"name":"a","scopes":[]})", 400, "scopes"},
             {"POST", "/tokens", R"({"name":"a","scopes":["write"]})", 400, "scopes"},
             {"POST", "/tokens", R"({"name":"a","scopes":["all"]})", 400, "scopes"},
             {"POST", "/tokens", R"({"name":"a","scopes":["read"],"expires_in_s":0})", 400,
              "expires_in_s"},
             {"POST", "/tokens", R"({"name":"a","scopes":["read"],"expires_in_s":9999999999999})",
              400, "expires"},
             {"POST", "/tokens", R"({"name":"a","scopes":["read"],"project":"absent"})", 404,
              "absent"},
             {"POST", "/tokens", R"({"name":"a b","scopes":["read"]})", 400, "name"},
             {"DELETE", "/tokens/xyz", "", 400, "id"},
             {"DELETE", "/tokens/" + token_id, "", 404, token_id},
             {"POST", "/projects", R"({"name":"-"})", 400, "name"},
             {"POST", "/projects", R"({"name":"vision"})", 409, "vision"},
             {"POST", "/projects", R"({"name":"p","description":")" + long_text + "\"}", 400,
              "description"},
             {"GET", "/projects/absent", "", 404, "absent"},
             {"DELETE", "/projects/absent", "", 404, "absent"},
             {"DELETE", "/projects/default", "", 400, "default"},
             {"PUT", "/projects/vision/members/ann", R"({})", 400, "role"},
             {"PUT", "/projects/vision/members/ann", R"({"role":"king"})", 400, "role"},
             {"PUT", "/projects/vision/members/nobody", R"({"role":"viewer"})", 404, "nobody"},
             {"DELETE", "/projects/vision/members/ann", "", 404, "ann"},
             {"GET", "/projects/absent/members", "", 404, "absent"},
             {"GET", "/audit?project=absent", "", 404, "absent"},
             {"GET", "/audit?page_size=x", "", 400, "page_size"},
             {"POST", "/session/password", R"({"new_password":"short"})", 400, "new_password"}}) {
        auto answer = send(method, path, admin, body);
        EXPECT_EQ(answer.status, status) << method << path << body.substr(0, 80) << answer.body;
        EXPECT_NE(answer.body.find(word), std::string::npos) << path << answer.body;
    }
    EXPECT_EQ(count("users"), 2);
    EXPECT_EQ(count("projects"), 2);
}

TEST_F(OperationsTest, ATokenShowsItsSecretOnce) {
    auto created =
        send("POST", "/tokens", admin,
             R"({"name":"ci","scopes":["read","write"],"project":"default","expires_in_s":3600})");
    ASSERT_EQ(created.status, 200u) << created.body;
    EXPECT_EQ(created.headers.get("Cache-Control"), "no-store");
    auto token = created.as<CreatedToken>();
    EXPECT_TRUE(token.secret.starts_with("maru_"));
    EXPECT_GE(token.secret.size(), 5u + 43u);
    EXPECT_EQ(token.project, "default");
    EXPECT_EQ(token.expires_at, clock.now() + std::chrono::hours(1));
    auto listed = send("GET", "/tokens", admin);
    EXPECT_EQ(listed.headers.get("Cache-Control"), "no-store");
    EXPECT_EQ(listed.body.find(token.secret), std::string::npos);
    EXPECT_EQ(listed.body.find(sha256_hex(token.secret)), std::string::npos);
    auto items = listed.as<api::Page<Token>>().items;
    ASSERT_EQ(items.size(), 2u);
    EXPECT_EQ(items[0].name, "ci");
    EXPECT_EQ(items[0].scopes, (std::vector{Scope::read, Scope::write}));
    EXPECT_FALSE(items[0].last_used_at);

    EXPECT_EQ(admit(api::Permission::signed_in, bearer(token.secret)), "ok");
    clock.advance(std::chrono::hours(1));
    EXPECT_EQ(admit(api::Permission::signed_in, bearer(token.secret)), "unauthenticated");
}

TEST_F(OperationsTest, ARevokedTokenIsRefusedAtOnce) {
    add_user("ann");
    add_user("bob");
    std::string token = token_of("ann");
    auto bob = bearer(token_of("bob"));
    std::string id = send("GET", "/tokens", bearer(token)).as<api::Page<Token>>().items.at(0).id;
    EXPECT_EQ(send("DELETE", "/tokens/" + id, bob).status, 404u);  // another's
    EXPECT_EQ(admit(api::Permission::signed_in, bearer(token)), "ok");
    EXPECT_EQ(send("DELETE", "/tokens/" + id, bearer(token)).status, 200u);
    EXPECT_EQ(admit(api::Permission::signed_in, bearer(token)), "unauthenticated");
    EXPECT_EQ(send("DELETE", "/tokens/" + id, bob).status, 404u);

    std::string of_bob = send("GET", "/tokens", bob).as<api::Page<Token>>().items.at(0).id;
    EXPECT_EQ(send("DELETE", "/tokens/" + of_bob, admin).status, 200u);  // an admin may
    EXPECT_EQ(admit(api::Permission::signed_in, bob), "unauthenticated");
    restart();
    EXPECT_EQ(admit(api::Permission::signed_in, bob), "unauthenticated");
}

TEST_F(OperationsTest, ATokenThatExpiresMakesNoneThatOutlivesIt) {
    auto brief = bearer(send("POST", "/tokens", admin,
                             R"({"name":"a","scopes":["read","write"],"expires_in_s":60})")
                            .as<CreatedToken>()
                            .secret);
    EXPECT_EQ(send("POST", "/tokens", brief, R"({"name":"b","scopes":["read"]})").status, 403u);
    EXPECT_EQ(send("POST", "/tokens", brief, R"({"name":"b","scopes":["read"],"expires_in_s":61})")
                  .status,
              403u);
    EXPECT_EQ(send("POST", "/tokens", brief, R"({"name":"b","scopes":["read"],"expires_in_s":60})")
                  .status,
              200u);
}

TEST_F(OperationsTest, LastUseIsSavedFromTimeToTime) {
    add_user("ann");
    std::string token = token_of("ann");
    auto saved = [&] {
        return database->read([&](sql::Connection& connection) {
            return connection
                .first("SELECT last_used_at FROM tokens WHERE secret_sha256 = $1",
                       {sha256_hex(token)},
                       [](const sql::Row& row) { return row.optional_time(0); })
                .value();
        });
    };
    admit(api::Permission::signed_in, bearer(token));
    EXPECT_EQ(saved(), std::nullopt);
    const Time used = clock.now();
    EXPECT_EQ(send("GET", "/tokens", bearer(token)).as<api::Page<Token>>().items.at(0).last_used_at,
              used);
    service->maintain();
    EXPECT_EQ(saved(), used);
    clock.advance(std::chrono::seconds(59));
    admit(api::Permission::signed_in, bearer(token));
    service->maintain();
    EXPECT_EQ(saved(), used);
    clock.advance(std::chrono::seconds(1));
    admit(api::Permission::signed_in, bearer(token));
    restart();  // an orderly end saves too
    EXPECT_EQ(saved(), clock.now());
}

TEST_F(OperationsTest, ProjectsHaveSmallNumbersThatNeverComeBack) {
    EXPECT_EQ(service->project("default").number, 1);
    add_project("vision");
    EXPECT_EQ(service->project("vision").number, 2);
    EXPECT_EQ(send("DELETE", "/projects/vision", admin).status, 200u);
    EXPECT_THROW(service->project("vision"), Error);
    add_project("vision");
    auto vision = service->project("vision");
    EXPECT_EQ(vision.number, 3);
    EXPECT_EQ(service->project_by_id(vision.id)->name, "vision");
    EXPECT_FALSE(service->project_by_id("nothing"));
    EXPECT_EQ(service->all_projects().size(), 2u);
    restart();
    EXPECT_EQ(service->project("vision").number, 3);
}

TEST_F(OperationsTest, ACreatorOwnsHisProject) {
    add_user("ann");
    auto ann = bearer(token_of("ann"));
    auto created = send("POST", "/projects", ann, R"({"name":"mine","description":"d"})");
    ASSERT_EQ(created.status, 200u) << created.body;
    EXPECT_EQ(created.as<Project>().role, Role::owner);
    EXPECT_EQ(send("GET", "/projects/mine", ann).as<Project>().description, "d");
    EXPECT_EQ(send("GET", "/projects", ann).as<api::Page<Project>>().items.size(), 1u);
    EXPECT_EQ(send("GET", "/projects", admin).as<api::Page<Project>>().items.size(), 2u);
    EXPECT_EQ(service->role_in(service->project("mine").id,
                               send("GET", "/session", ann).as<Session>().user.id),
              Role::owner);

    EXPECT_EQ(send("DELETE", "/projects/mine/members/ann", ann).status, 400u);  // the last owner
    EXPECT_EQ(send("PUT", "/projects/mine/members/ann", ann, R"({"role":"viewer"})").status, 400u);
    add_user("bob");
    EXPECT_EQ(send("PUT", "/projects/mine/members/bob", ann, R"({"role":"owner"})").status, 200u);
    auto members = send("GET", "/projects/mine/members", ann).as<api::Page<Member>>().items;
    ASSERT_EQ(members.size(), 2u);
    EXPECT_EQ(members[1].user, "bob");
    EXPECT_EQ(members[1].role, Role::owner);
    EXPECT_EQ(send("DELETE", "/projects/mine/members/ann", ann).status, 200u);
    EXPECT_EQ(send("GET", "/projects/mine", ann).status, 404u);
}

TEST_F(OperationsTest, OwnersDescribeTheirProject) {
    add_project("vision");
    add_user("ann");
    set_member("vision", "ann", "developer");
    auto changed = send("PATCH", "/projects/vision", admin, R"({"description":"images"})");
    EXPECT_EQ(changed.as<Project>().description, "images");
    EXPECT_EQ(send("PATCH", "/projects/vision", admin, "{}").status, 400u);
    EXPECT_EQ(
        send("PATCH", "/projects/vision", bearer(token_of("ann")), R"({"description":"x"})").status,
        403u);
    restart();
    EXPECT_EQ(send("GET", "/projects/vision", admin).as<Project>().description, "images");
}

TEST_F(OperationsTest, AProjectThatIsNotEmptyStays) {
    add_project("vision");
    bool empty = false;
    std::string asked;
    std::vector<std::string> removed;
    service->add_project_room(
        {.contents =
             [&](sql::Connection& connection, const std::string& id) {
                 asked = id;
                 connection.execute("UPDATE projects SET description = 'seen' WHERE id = $1", {id});
                 return empty ? std::vector<std::string>() : std::vector<std::string>{"3 jobs"};
             },
         .running = {},
         .remove = [&](const api::ProjectRef& project) { removed.push_back(project.name); }});
    std::string id = service->project("vision").id;
    auto token = bearer(service->issue_workload_token("w", id, "admin"));
    auto refused = send("DELETE", "/projects/vision", admin);
    EXPECT_EQ(refused.status, 400u);
    EXPECT_NE(refused.body.find("it has 3 jobs"), std::string::npos);
    EXPECT_EQ(service->remove_deleted_projects(), 0);
    EXPECT_EQ(asked, id);
    EXPECT_EQ(send("GET", "/projects/vision", admin).as<Project>().description, "");
    empty = true;
    EXPECT_EQ(send("DELETE", "/projects/vision", admin).status, 200u);
    EXPECT_EQ(admit(api::Permission::jobs_read, token, "vision"), "unauthenticated");
    EXPECT_EQ(send("GET", "/projects/vision", admin).status, 404u);
    EXPECT_EQ(service->remove_deleted_projects(), 1);
    EXPECT_EQ(service->remove_deleted_projects(), 0);
    EXPECT_EQ(removed, std::vector<std::string>{"vision"});
    // What was on its way when the project went is removed a day later.
    clock.advance(std::chrono::hours(25));
    EXPECT_EQ(service->remove_deleted_projects(), 0);
    EXPECT_EQ(service->remove_deleted_projects(), 0);
    EXPECT_EQ(removed.size(), 2u);
}

TEST_F(OperationsTest, APurgeTakesWhatThereIsButNotWhatRuns) {
    add_project("vision");
    bool running = true, breaks = true;
    int removed = 0;
    ProjectRoom room{
        .contents = [](sql::Connection&,
                       const std::string&) { return std::vector<std::string>{"3 jobs"}; },
        .running = [&](sql::Connection&, const std::string&) -> std::optional<std::string> {
            return running ? std::optional<std::string>("job x has not ended") : std::nullopt;
        },
        .remove =
            [&](const api::ProjectRef&) {
                if (breaks) fail(ErrorCode::unavailable, "the disk is full");
                ++removed;
            }};
    service->add_project_room(room);
    auto refused = send("DELETE", "/projects/vision?purge=true", admin);
    EXPECT_EQ(refused.status, 400u);
    EXPECT_NE(refused.body.find("job x has not ended"), std::string::npos);
    running = false;
    EXPECT_EQ(send("DELETE", "/projects/vision", admin).status, 400u);
    EXPECT_EQ(send("DELETE", "/projects/vision?purge=true", admin).status, 200u);
    EXPECT_EQ(send("GET", "/projects/vision", admin).status, 404u);
    EXPECT_THROW(service->remove_deleted_projects(), Error);
    restart();
    service->add_project_room(room);
    breaks = false;
    EXPECT_EQ(service->remove_deleted_projects(), 1);
    EXPECT_EQ(removed, 1);
}

TEST_F(OperationsTest, TheFirstStartCanBeInterrupted) {
    EXPECT_FALSE(service->initialize());
    close();
    std::filesystem::remove_all(folder);
    std::filesystem::create_directory(folder);
    open();
    auto first = service->initialize();
    restart();  // killed before the secrets were handed over
    auto second = service->initialize();
    ASSERT_TRUE(first && second);
    EXPECT_FALSE(service->has_admin_token(first->admin_token));
    EXPECT_TRUE(service->has_admin_token(second->admin_token));
    EXPECT_EQ(
        send("POST", "/session/link", {}, R"({"token":")" + first->sign_in_token + "\"}").status,
        401u);
    EXPECT_EQ(
        send("POST", "/session/link", {}, R"({"token":")" + second->sign_in_token + "\"}").status,
        200u);
    EXPECT_EQ(count("users"), 1);
    EXPECT_EQ(count("projects"), 1);
    EXPECT_EQ(count("tokens"), 1);
    service->finish_initialization();
    service->finish_initialization();
    restart();
    EXPECT_FALSE(service->initialize());

    std::string third = service->replace_admin_token();  // the key file was lost
    EXPECT_FALSE(service->has_admin_token(second->admin_token));
    EXPECT_TRUE(service->has_admin_token(third));
    EXPECT_EQ(send("GET", "/users", bearer(third)).status, 200u);
    EXPECT_FALSE(service->has_admin_token(""));
    restart();
    EXPECT_TRUE(service->has_admin_token(third));
}

}  // namespace
}  // namespace maru::identity
