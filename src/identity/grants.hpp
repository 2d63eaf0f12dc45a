#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/access.hpp"
#include "api/operation.hpp"
#include "identity/types.hpp"

namespace maru::identity {

/// In place of a resource's key: all of its kind.
inline constexpr std::int64_t kAllResources = -1;

/// A permission that a resource role holds.
struct GrantRow {
    std::int64_t id = 0;
    api::ResourceKind kind = api::ResourceKind::experiment;
    std::int64_t resource = kAllResources;
    api::ResourcePermission permission = api::ResourcePermission::READ;
};

/// A named set of permissions in a project, and who has it. What is given to one user directly is a
/// role of his own, as in MLflow.
struct ResourceRoleRow {
    std::int64_t id = 0;
    std::string project_id, name;
    std::optional<std::string> description;
    std::optional<std::string> owner_id;  // of a user's own role: him
    std::vector<GrantRow> grants;
    std::map<std::string, std::int64_t> users;  // user id, number of the assignment
};

/// What all of a user's roles in a project together say: of several permissions on one resource a
/// DENY counts, else the most.
struct Grants {
    struct Kind {
        std::optional<api::ResourcePermission> all;
        std::map<std::int64_t, api::ResourcePermission> single;
        void add(const GrantRow& grant);
    };
    Kind experiments, models;
};

/// What somebody with this role, or none, and these grants may do with resources in a request that
/// needs `permission`; null where no limits follow from it. Owners have none.
std::shared_ptr<const api::Access> access_of(const Grants& grants, std::optional<Role> role,
                                             api::Permission permission);
/// True if `permission` is about resources that grants are given on, and the access allows it on
/// one of them.
bool admits(const api::Access& access, api::Permission permission);

}  // namespace maru::identity
