#include "identity/grants.hpp"

#include <algorithm>

#include "identity/roles.hpp"

namespace maru::identity {

namespace {

using api::Permission;
using api::ResourcePermission;

void combine(ResourcePermission& there, ResourcePermission more) {
    bool denied = there == ResourcePermission::DENY || more == ResourcePermission::DENY;
    there = denied ? ResourcePermission::DENY : std::max(there, more);
}

/// What a role says of each resource, before any grant.
ResourcePermission base_of(std::optional<Role> role) {
    if (!role) return ResourcePermission::DENY;
    return *role == Role::viewer ? ResourcePermission::READ : ResourcePermission::MANAGE;
}

api::Access::Rules rules_of(const Grants::Kind& grants, ResourcePermission base,
                            ResourcePermission needed) {
    api::Access::Rules rules{.otherwise = base, .single = {}, .needed = needed};
    if (grants.all == ResourcePermission::DENY) {
        rules.otherwise = ResourcePermission::DENY;
        return rules;
    }
    if (grants.all) rules.otherwise = std::max(base, *grants.all);
    for (const auto& [key, permission] : grants.single)
        rules.single[key] = permission == ResourcePermission::DENY
                                ? permission
                                : std::max(rules.otherwise, permission);
    return rules;
}

bool is_unlimited(const api::Access::Rules& rules) {
    return rules.otherwise == ResourcePermission::MANAGE &&
           std::ranges::all_of(rules.single, [](const auto& one) {
               return one.second == ResourcePermission::MANAGE;
           });
}

}  // namespace

void Grants::Kind::add(const GrantRow& grant) {
    if (grant.resource == kAllResources) {
        if (all)
            combine(*all, grant.permission);
        else
            all = grant.permission;
        return;
    }
    auto [there, is_new] = single.try_emplace(grant.resource, grant.permission);
    if (!is_new) combine(there->second, grant.permission);
}

std::shared_ptr<const api::Access> access_of(const Grants& grants, std::optional<Role> role,
                                             Permission permission) {
    if (role == Role::owner) return nullptr;
    // A job logs into an experiment; a version is made of a run that may be read.
    bool logs = permission == Permission::tracking_write || permission == Permission::jobs_write;
    auto access = std::make_shared<api::Access>();
    access->experiments = rules_of(grants.experiments, base_of(role),
                                   logs ? ResourcePermission::EDIT : ResourcePermission::READ);
    access->models = rules_of(grants.models, base_of(role),
                              permission == Permission::models_write ? ResourcePermission::EDIT
                                                                     : ResourcePermission::READ);
    access->is_member = role.has_value();
    access->may_create = role && *role >= Role::developer;
    bool unlimited =
        access->may_create && is_unlimited(access->experiments) && is_unlimited(access->models);
    if (unlimited) return nullptr;
    return access;
}

bool admits(const api::Access& access, Permission permission) {
    switch (permission) {
        case Permission::tracking_read:
        case Permission::tracking_write:
            return access.experiments.allows_any();
        case Permission::models_read:
        case Permission::models_write:
            return access.models.allows_any();
        case Permission::project_read:
            return !access.is_member;  // a guest has been given something here
        default:
            return false;
    }
}

}  // namespace maru::identity
