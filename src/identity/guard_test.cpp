#include <chrono>

#include "identity/credentials.hpp"
#include "identity/roles.hpp"
#include "identity/test_support.hpp"

namespace maru::identity {
namespace {

using api::Permission;
using GuardTest = IdentityTest;

TEST(RolesTest, EveryPermissionIsGrantedBySomeRoleOrIsNotAboutAProject) {
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<Permission>>(
        [](auto enumerator) {
            Permission permission = enumerator.value;
            EXPECT_EQ(grants(Role::owner, permission), is_project_permission(permission))
                << enumerator.name;
            if (!is_project_permission(permission)) return;
            for (Role role : {Role::viewer, Role::developer, Role::owner})
                EXPECT_EQ(grants(role, permission), role >= least_role(permission))
                    << enumerator.name;
            std::string_view name = enumerator.name;
            if (name.ends_with("_read")) EXPECT_TRUE(is_read(permission, false)) << name;
            if (name.ends_with("_write")) EXPECT_FALSE(is_read(permission, true)) << name;
        });
    EXPECT_FALSE(is_read(Permission::endpoints_predict, true));
    EXPECT_FALSE(is_read(Permission::signed_in, false));
    EXPECT_TRUE(is_read(Permission::signed_in, true));
}

TEST_F(GuardTest, ReadsCredentialsInTheirForms) {
    EXPECT_EQ(admit(Permission::signed_in, {}), "unauthenticated");
    EXPECT_EQ(admit(Permission::anyone, {}), "ok");
    EXPECT_EQ(admit(Permission::anyone, bearer("maru_wrong")), "ok");
    EXPECT_EQ(admit(Permission::signed_in, admin), "ok");
    EXPECT_EQ(admit(Permission::signed_in,
                    {{"Authorization", "bearer   " + first_start.admin_token + " "}}),
              "ok");
    EXPECT_EQ(admit(Permission::signed_in, basic("anything", first_start.admin_token)), "ok");
    for (const auto* broken : {"Bearer", "Bearer ", "Digest x", "Basic !!!",
                               "Basic bm9jb2xvbg==", "maru_x", "Basic Og==", "Basic OnBhc3N3b3Jk"})
        EXPECT_EQ(admit(Permission::signed_in, {{"Authorization", broken}}), "unauthenticated")
            << broken;
    EXPECT_EQ(admit(Permission::signed_in, bearer(first_start.admin_token + "x")),
              "unauthenticated");
    // A wrong header is not made up for by a right cookie.
    add_user("ann");
    auto headers = cookie(sign_in("ann").session_secret());
    headers.set("Authorization", "Bearer maru_wrong");
    EXPECT_EQ(admit(Permission::signed_in, headers), "unauthenticated");
}

TEST_F(GuardTest, BasicWithAPasswordIsHashedOnceOnly) {
    close();
    options.passwords.memory_kib = 16 << 10;
    options.passwords.passes = 8;
    open();
    add_user("ann");
    auto time = [&] {
        auto begin = std::chrono::steady_clock::now();
        EXPECT_EQ(admit(Permission::signed_in, basic("ann", "a good password")), "ok");
        return std::chrono::steady_clock::now() - begin;
    };
    auto first = time();
    auto second = std::min({time(), time(), time()});
    EXPECT_LT(second * 10, first);
    EXPECT_EQ(admit(Permission::signed_in, basic("ann", "a bad password")), "unauthenticated");
    send("PATCH", "/users/ann", admin, R"({"password":"another password"})");
    EXPECT_EQ(admit(Permission::signed_in, basic("ann", "a good password")), "unauthenticated");
    EXPECT_EQ(admit(Permission::signed_in, basic("ann", "another password")), "ok");
}

TEST_F(GuardTest, RolesDecideInAProject) {
    add_project("vision");
    for (const auto* name : {"vera", "dave", "olga", "xena"}) add_user(name);
    set_member("vision", "vera", "viewer");
    set_member("vision", "dave", "developer");
    set_member("vision", "olga", "owner");
    auto as = [&](const std::string& user, Permission permission, const char* project = "vision") {
        return admit(permission, basic(user, "a good password"), project);
    };
    EXPECT_EQ(as("vera", Permission::jobs_read), "ok");
    EXPECT_EQ(as("vera", Permission::jobs_write), "permission_denied");
    EXPECT_EQ(as("vera", Permission::endpoints_predict), "permission_denied");
    EXPECT_EQ(as("dave", Permission::jobs_write), "ok");
    EXPECT_EQ(as("dave", Permission::project_administer), "permission_denied");
    EXPECT_EQ(as("dave", Permission::audit_read), "permission_denied");
    EXPECT_EQ(as("olga", Permission::project_administer), "ok");
    EXPECT_EQ(as("olga", Permission::administer), "permission_denied");
    EXPECT_EQ(as("xena", Permission::jobs_read), "not_found");
    EXPECT_EQ(as("xena", Permission::signed_in), "not_found");
    EXPECT_EQ(as("vera", Permission::jobs_read, "default"), "not_found");
    EXPECT_EQ(as("vera", Permission::jobs_read, "nowhere"), "not_found");
    EXPECT_EQ(admit(Permission::project_administer, admin, "vision"), "ok");
    EXPECT_EQ(admit(Permission::jobs_write, admin, "nowhere"), "not_found");
    EXPECT_EQ(admit(Permission::anyone, {}, "vision"), "ok");
    // What is not there and what may not be seen are told in the same words.
    auto hidden = send("GET", "/projects/vision", bearer(token_of("xena")));
    auto absent = send("GET", "/projects/absent", bearer(token_of("xena")));
    EXPECT_EQ(hidden.status, 404u);
    EXPECT_NE(
        hidden.body.find("project \\\"vision\\\" does not exist, or you are not a member of it"),
        std::string::npos);
    EXPECT_NE(
        absent.body.find("project \\\"absent\\\" does not exist, or you are not a member of it"),
        std::string::npos);
}

TEST_F(GuardTest, ChangesOfRolesCountAtOnce) {
    add_project("vision");
    add_user("ann");
    std::string token = token_of("ann");
    auto write = [&] { return admit(Permission::jobs_write, bearer(token), "vision"); };
    EXPECT_EQ(write(), "not_found");
    set_member("vision", "ann", "developer");
    EXPECT_EQ(write(), "ok");
    set_member("vision", "ann", "viewer");
    EXPECT_EQ(write(), "permission_denied");
    send("PATCH", "/users/ann", admin, R"({"admin":true})");
    EXPECT_EQ(write(), "ok");
    EXPECT_EQ(admit(Permission::administer, bearer(token)), "ok");
    send("PATCH", "/users/ann", admin, R"({"admin":false})");
    EXPECT_EQ(admit(Permission::administer, bearer(token)), "permission_denied");
    EXPECT_EQ(send("DELETE", "/projects/vision/members/ann", admin).status, 200u);
    EXPECT_EQ(write(), "not_found");
    restart();
    EXPECT_EQ(write(), "not_found");
    EXPECT_EQ(admit(Permission::signed_in, bearer(token)), "ok");
}

TEST_F(GuardTest, AReadTokenReadsOnly) {
    add_project("vision");
    add_user("ann");
    set_member("vision", "ann", "owner");
    auto token = bearer(token_of("ann", R"("scopes":["read"])"));
    EXPECT_EQ(admit(Permission::jobs_read, token, "vision"), "ok");
    EXPECT_EQ(admit(Permission::tracking_read, token, "vision", "POST"),
              "ok");  // MLflow searches with POST
    EXPECT_EQ(admit(Permission::audit_read, token, "vision"), "ok");
    EXPECT_EQ(admit(Permission::jobs_write, token, "vision", "POST"), "permission_denied");
    EXPECT_EQ(admit(Permission::endpoints_predict, token, "vision"), "permission_denied");
    EXPECT_EQ(admit(Permission::project_administer, token, "vision", "DELETE"),
              "permission_denied");
    EXPECT_EQ(admit(Permission::signed_in, token), "ok");
    EXPECT_EQ(admit(Permission::signed_in, token, {}, "POST"), "permission_denied");
    EXPECT_EQ(send("POST", "/tokens", token, R"({"name":"x","scopes":["read","write"]})").status,
              403u);
}

TEST_F(GuardTest, ABoundTokenWorksInItsProjectOnly) {
    add_project("vision");
    add_project("speech");
    std::string body = R"({"name":"ci","scopes":["read","write"],"project":"vision"})";
    auto token = bearer(send("POST", "/tokens", admin, body).as<CreatedToken>().secret);
    EXPECT_EQ(admit(Permission::jobs_write, token, "vision"), "ok");
    EXPECT_EQ(admit(Permission::project_administer, token, "vision"), "ok");
    EXPECT_EQ(admit(Permission::jobs_read, token, "speech"), "permission_denied");
    EXPECT_EQ(admit(Permission::administer, token), "permission_denied");
    EXPECT_EQ(admit(Permission::signed_in, token), "ok");
    EXPECT_EQ(admit(Permission::signed_in, token, {}, "POST"), "permission_denied");
    EXPECT_EQ(send("GET", "/audit", token).status, 403u);
    EXPECT_EQ(send("GET", "/audit?project=speech", token).status, 403u);
    EXPECT_EQ(send("GET", "/audit?project=vision", token).status, 200u);
    auto projects = send("GET", "/projects", token).as<api::Page<Project>>().items;
    ASSERT_EQ(projects.size(), 1u);
    EXPECT_EQ(projects[0].name, "vision");
    EXPECT_EQ(send("GET", "/session", token).as<Session>().projects.size(), 1u);
    EXPECT_EQ(send("GET", "/tokens", token).as<api::Page<Token>>().items.size(), 1u);
}

TEST_F(GuardTest, WithoutAProjectInThePathTheHeaderOrTheTokenOrTheDefaultNamesIt) {
    add_project("vision");
    auto project = [&](net::Headers headers) {
        return service->admit(request("GET", "/x", headers), Permission::tracking_read, {})
            .in_project()
            .name;
    };
    EXPECT_EQ(project(admin), "default");
    auto headers = admin;
    headers.set("X-MLFLOW-WORKSPACE", "vision");
    EXPECT_EQ(project(headers), "vision");
    headers.set("X-MLFLOW-WORKSPACE", "nowhere");
    EXPECT_EQ(admit(Permission::tracking_read, headers), "not_found");
    // A client that names two would log into one that it does not mean.
    EXPECT_EQ(admit(Permission::tracking_read, headers, "default"), "invalid_argument");
    headers.set("X-MLFLOW-WORKSPACE", "vision");
    EXPECT_EQ(admit(Permission::tracking_read, headers, "vision"), "ok");
    std::string token = service->issue_workload_token("w", service->project("vision").id, "admin");
    EXPECT_EQ(project(bearer(token)), "vision");
}

TEST_F(GuardTest, AWorkloadHasADevelopersRightsAtMost) {
    add_project("vision");
    add_user("ann");
    set_member("vision", "ann", "viewer");
    std::string id = service->project("vision").id;
    auto of_admin = bearer(service->issue_workload_token("w1", id, "admin"));
    auto of_viewer = bearer(service->issue_workload_token("w2", id, "ann"));
    auto context =
        service->admit(request("POST", "/x", of_admin), Permission::tracking_write, "vision");
    EXPECT_EQ(context.workload_id, "w1");
    EXPECT_EQ(context.user, "admin");
    EXPECT_FALSE(context.admin);
    EXPECT_EQ(admit(Permission::jobs_write, of_admin, "vision"), "ok");
    EXPECT_EQ(admit(Permission::project_administer, of_admin, "vision"), "permission_denied");
    EXPECT_EQ(admit(Permission::audit_read, of_admin, "vision"), "permission_denied");
    EXPECT_EQ(admit(Permission::administer, of_admin), "permission_denied");
    EXPECT_EQ(admit(Permission::jobs_read, of_admin, "default"), "permission_denied");
    EXPECT_EQ(admit(Permission::tracking_read, of_viewer, "vision"), "ok");
    EXPECT_EQ(admit(Permission::tracking_write, of_viewer, "vision"), "permission_denied");
    for (auto [path, body] :
         {std::pair("/tokens", R"({"name":"x","scopes":["read"]})"),
          std::pair("/users", R"({"name":"x"})"), std::pair("/projects", R"({"name":"x"})"),
          std::pair("/session/password", R"({"new_password":"another password"})")})
        EXPECT_EQ(send("POST", path, of_admin, body).status, 403u) << path;
    EXPECT_EQ(send("PUT", "/projects/vision/members/ann", of_admin, R"({"role":"owner"})").status,
              403u);

    database->write(
        [&](sql::Connection& connection) { service->revoke_workload_tokens(connection, "w1"); });
    EXPECT_EQ(admit(Permission::tracking_read, of_admin, "vision"), "unauthenticated");
    EXPECT_EQ(admit(Permission::tracking_read, of_viewer, "vision"), "ok");
    restart();
    EXPECT_EQ(admit(Permission::tracking_read, of_admin, "vision"), "unauthenticated");
    EXPECT_EQ(admit(Permission::tracking_read, of_viewer, "vision"), "ok");
    EXPECT_EQ(send("DELETE", "/projects/vision/members/ann", admin).status, 200u);
    EXPECT_EQ(admit(Permission::tracking_read, of_viewer, "vision"), "not_found");
}

TEST_F(GuardTest, WorkloadTokensAreIssuedInTheCallersTransaction) {
    std::string id = service->project("default").id;
    std::string token = database->write([&](sql::Connection& connection) {
        return service->issue_workload_token(connection, "w", id, "admin");
    });
    EXPECT_EQ(admit(Permission::jobs_read, bearer(token), "default"), "ok");
    std::string lost;
    EXPECT_THROW(database->write([&](sql::Connection& connection) {
        lost = service->issue_workload_token(connection, "w2", id, "admin");
        fail(ErrorCode::aborted, "undone");
    }),
                 Error);
    restart();
    EXPECT_EQ(admit(Permission::jobs_read, bearer(lost), "default"), "unauthenticated");
    EXPECT_THROW(service->issue_workload_token("w", "nowhere", "admin"), Error);
    EXPECT_THROW(service->issue_workload_token("w", id, "nobody"), Error);
}

TEST_F(GuardTest, AdmissionRunsNoSql) {
    add_user("ann");
    std::string token = token_of("ann");
    // With the only writer held, and readers not asked, admission still answers.
    database->write([&](sql::Connection&) {
        EXPECT_EQ(admit(Permission::signed_in, bearer(token)), "ok");
        EXPECT_EQ(admit(Permission::signed_in, bearer("maru_unknown")), "unauthenticated");
        EXPECT_EQ(admit(Permission::jobs_read, bearer(token), "default"), "not_found");
    });
}

}  // namespace
}  // namespace maru::identity
