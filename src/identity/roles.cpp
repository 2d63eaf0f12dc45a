#include "identity/roles.hpp"

#include <cassert>

namespace maru::identity {

namespace {

using api::Permission;

struct Rule {
    Permission permission;
    Role least;
    bool read;
};

constexpr Rule kRules[] = {
    {Permission::project_read, Role::viewer, true},
    {Permission::jobs_read, Role::viewer, true},
    {Permission::environments_read, Role::viewer, true},
    {Permission::tracking_read, Role::viewer, true},
    {Permission::models_read, Role::viewer, true},
    {Permission::endpoints_read, Role::viewer, true},
    {Permission::jobs_write, Role::developer, false},
    {Permission::code_write, Role::developer, false},
    {Permission::environments_write, Role::developer, false},
    {Permission::tracking_write, Role::developer, false},
    {Permission::models_write, Role::developer, false},
    {Permission::endpoints_write, Role::developer, false},
    {Permission::endpoints_predict, Role::developer, false},
    {Permission::project_administer, Role::owner, false},
    {Permission::audit_read, Role::owner, true},
};

const Rule* rule_of(Permission permission) {
    for (const Rule& rule : kRules)
        if (rule.permission == permission) return &rule;
    return nullptr;
}

}  // namespace

bool grants(Role role, Permission permission) {
    const Rule* rule = rule_of(permission);
    return rule != nullptr && role >= rule->least;
}

bool is_project_permission(Permission permission) {
    return permission != Permission::anyone && permission != Permission::signed_in &&
           permission != Permission::administer;
}

Role least_role(Permission permission) {
    const Rule* rule = rule_of(permission);
    assert(rule != nullptr && "a permission that no role grants");
    return rule != nullptr ? rule->least : Role::owner;
}

bool is_read(Permission permission, bool safe) {
    const Rule* rule = rule_of(permission);
    if (rule == nullptr || permission == Permission::project_administer) return safe;
    return rule->read;
}

}  // namespace maru::identity
