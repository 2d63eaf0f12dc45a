#include "identity/permissions.hpp"

#include "identity/test_support.hpp"

namespace maru::identity {
namespace {

using api::Permission;
using api::ResourceKind;
using api::ResourcePermission;

class PermissionsTest : public IdentityTest {
  protected:
    void SetUp() override {
        IdentityTest::SetUp();
        add_user("ada");
        project = service->project("default").id;
        start();
    }
    void start() {
        // Experiments and models are called by their numbers here.
        permissions = std::make_unique<Permissions>(
            *service,
            ResourceNames{
                .find = [](auto&, auto,
                           auto& text) { return std::optional(std::int64_t{std::stoll(text)}); },
                .name = [](auto&, auto, auto key) { return std::optional(std::to_string(key)); }});
    }
    void give(const std::string& resource, ResourcePermission permission) {
        permissions->give("ada", experiment(resource), permission, true);
    }
    Resource experiment(const std::string& text) {
        return permissions->resource(project, ResourceKind::experiment, text);
    }
    void make_member(const std::string& role) {
        auto set =
            send("PUT", "/projects/default/members/ada", admin, R"({"role":")" + role + "\"}");
        ASSERT_EQ(set.status, 200u) << set.body;
    }
    api::Context admit(Permission permission) {
        return service->admit(request("GET", "/x", basic("ada", "a good password")), permission,
                              "default");
    }
    /// What ada may do with an experiment, as a request of hers would see it.
    ResourcePermission on(std::int64_t key) {
        auto access = admit(Permission::tracking_read).access;
        return access ? access->experiments.on(key) : ResourcePermission::MANAGE;
    }

    std::unique_ptr<Permissions> permissions;
    std::string project;
};

TEST_F(PermissionsTest, NobodyHasLimitsWhereNothingWasGiven) {
    make_member("developer");
    EXPECT_EQ(admit(Permission::tracking_read).access, nullptr);
    give("1", ResourcePermission::DENY);
    EXPECT_NE(admit(Permission::tracking_read).access, nullptr);
    permissions->take("ada", experiment("1"));
    EXPECT_EQ(admit(Permission::tracking_read).access, nullptr);
}

TEST_F(PermissionsTest, TheMostCountsUnlessOneDenies) {
    make_member("viewer");
    give("1", ResourcePermission::EDIT);
    give("2", ResourcePermission::DENY);
    EXPECT_EQ(on(1), ResourcePermission::EDIT);
    EXPECT_EQ(on(2), ResourcePermission::DENY);
    EXPECT_EQ(on(3), ResourcePermission::READ);
    give("*", ResourcePermission::MANAGE);
    EXPECT_EQ(on(1), ResourcePermission::MANAGE);
    EXPECT_EQ(on(2), ResourcePermission::DENY);
    EXPECT_EQ(on(3), ResourcePermission::MANAGE);
    give("*", ResourcePermission::DENY);
    EXPECT_EQ(on(1), ResourcePermission::DENY);
    EXPECT_EQ(on(3), ResourcePermission::DENY);
}

TEST_F(PermissionsTest, LessThanTheRoleTakesNothingAway) {
    make_member("developer");
    give("1", ResourcePermission::READ);
    EXPECT_EQ(on(1), ResourcePermission::MANAGE);
    EXPECT_EQ(admit(Permission::tracking_write).access, nullptr);
}

TEST_F(PermissionsTest, OwnersAndAdministratorsHaveNoLimits) {
    make_member("owner");
    give("1", ResourcePermission::DENY);
    EXPECT_EQ(admit(Permission::tracking_read).access, nullptr);
    permissions->give("admin", experiment("*"), ResourcePermission::DENY, false);
    EXPECT_EQ(
        service->admit(request("GET", "/x", admin), Permission::tracking_write, "default").access,
        nullptr);
}

TEST_F(PermissionsTest, AGuestEntersForWhatHeWasGiven) {
    auto credentials = basic("ada", "a good password");
    EXPECT_EQ(IdentityTest::admit(Permission::tracking_read, credentials, "default"), "not_found");
    give("1", ResourcePermission::READ);
    EXPECT_EQ(IdentityTest::admit(Permission::tracking_read, credentials, "default"), "ok");
    EXPECT_EQ(IdentityTest::admit(Permission::project_read, credentials, "default"), "ok");
    for (auto permission : {Permission::tracking_write, Permission::models_read,
                            Permission::jobs_read, Permission::project_administer})
        EXPECT_EQ(IdentityTest::admit(permission, credentials, "default"), "permission_denied");
    auto access = admit(Permission::tracking_read).access;
    ASSERT_NE(access, nullptr);
    EXPECT_FALSE(access->is_member);
    EXPECT_FALSE(access->may_create);
    EXPECT_EQ(access->experiments.on(2), ResourcePermission::DENY);
    EXPECT_EQ(send("GET", "/projects/default", credentials).as<Project>().role, Role::guest);
    EXPECT_EQ(send("GET", "/projects/default/members", credentials).status, 403u);
    give("1", ResourcePermission::EDIT);
    EXPECT_EQ(IdentityTest::admit(Permission::tracking_write, credentials, "default"), "ok");
}

TEST_F(PermissionsTest, RolesCountForThoseWhoHaveThem) {
    auto role = permissions->create_role(project, "labelling", std::nullopt);
    auto grant = permissions->add_permission(role->id, experiment("7"), ResourcePermission::EDIT);
    permissions->assign(role->id, "ada");
    EXPECT_EQ(on(7), ResourcePermission::EDIT);
    permissions->update_permission(grant.id, ResourcePermission::READ);
    EXPECT_EQ(on(7), ResourcePermission::READ);
    permissions->unassign(role->id, "ada");
    EXPECT_EQ(
        IdentityTest::admit(Permission::tracking_read, basic("ada", "a good password"), "default"),
        "not_found");
    permissions->assign(role->id, "ada");
    permissions->delete_role(role->id);
    EXPECT_TRUE(permissions->roles_of("ada").empty());
}

TEST_F(PermissionsTest, WhatWasGivenOutlivesARestart) {
    make_member("developer");
    give("1", ResourcePermission::DENY);
    auto role = permissions->create_role(project, "readers", "those who read");
    permissions->assign(role->id, "ada");
    permissions.reset();
    restart();
    start();
    EXPECT_EQ(on(1), ResourcePermission::DENY);
    EXPECT_EQ(permissions->roles_of("ada").size(), 2u);
    EXPECT_EQ(permissions->role(role->id)->description, "those who read");
}

TEST_F(PermissionsTest, AProjectIsDeletedWithItsPermissions) {
    ASSERT_EQ(send("POST", "/projects", admin, R"({"name":"other","description":""})").status,
              200u);
    auto other = service->project("other").id;
    permissions->give("ada", permissions->resource(other, ResourceKind::experiment, "1"),
                      ResourcePermission::READ, false);
    ASSERT_EQ(send("DELETE", "/projects/other", admin).status, 200u);
    EXPECT_TRUE(permissions->roles().empty());
}

TEST(AccessCondition, NamesWhatIsLeftOutOrIn) {
    EXPECT_EQ(api::access_condition(ResourceKind::experiment, "e.id"), "");
    api::Access access;
    access.experiments = {.otherwise = ResourcePermission::READ,
                          .single = {{2, ResourcePermission::DENY}, {3, ResourcePermission::EDIT}},
                          .needed = ResourcePermission::READ};
    access.models = {.otherwise = ResourcePermission::DENY,
                     .single = {{4, ResourcePermission::READ}, {5, ResourcePermission::DENY}},
                     .needed = ResourcePermission::READ};
    api::Access::Scope scope(&access);
    EXPECT_EQ(api::access_condition(ResourceKind::experiment, "e.id"), " AND e.id NOT IN (2)");
    EXPECT_EQ(api::access_condition(ResourceKind::registered_model, "m.number"),
              " AND m.number IN (4)");
    EXPECT_FALSE(api::may_access(ResourceKind::experiment, 2));
    EXPECT_THROW(api::require_access(ResourceKind::experiment, 1, ResourcePermission::EDIT), Error);
}

}  // namespace
}  // namespace maru::identity
