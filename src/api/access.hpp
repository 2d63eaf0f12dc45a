#pragma once

#include <boost/describe/enum.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/carried.hpp"

namespace maru::api {

/// What single permissions are given on.
enum class ResourceKind { experiment, registered_model };
BOOST_DESCRIBE_ENUM(ResourceKind, experiment, registered_model)

/// What somebody may do with one of them, from least to most; MLflow's names.
enum class ResourcePermission {
    DENY,    // nothing, whatever else he may do
    READ,    // look at it
    USE,     // the same here; MLflow knows it
    EDIT,    // log, change, add to it
    MANAGE,  // delete it, and say who may do what with it
};
BOOST_DESCRIBE_ENUM(ResourcePermission, DENY, READ, USE, EDIT, MANAGE)

/// What the caller of a request may do with single experiments and registered models of its
/// project. There is one only for callers whose rights are not the same on all of them; for
/// everybody else, and for the server's own work, there is none, and checks cost nothing.
///
/// The guard makes it, Api sets it for the time of the handler (a Scope), and the rooms ask
/// where they find a resource: `require` for one, `condition` for a list. An experiment's key is
/// its id, a model's its number. Threads: immutable; follows the work, see base/carried.hpp.
/// tests/api/test_permissions.py asks every operation and route.
class Access {
  public:
    struct Rules {
        ResourcePermission otherwise = ResourcePermission::DENY;
        std::map<std::int64_t, ResourcePermission> single;
        ResourcePermission needed = ResourcePermission::READ;  // by what the request is for

        ResourcePermission on(std::int64_t key) const;
        /// True if there is one, or may be one, on which it is allowed.
        bool allows_any() const;
    };
    Rules experiments, models;
    /// Whether the caller has a role in the project; else he sees what he was given and no more.
    bool is_member = true;
    /// Whether he may add experiments and models.
    bool may_create = true;

    Rules& rules(ResourceKind kind) {
        return kind == ResourceKind::experiment ? experiments : models;
    }
    const Rules& rules(ResourceKind kind) const {
        return kind == ResourceKind::experiment ? experiments : models;
    }

    /// The one of the request that is worked on, or null: no limits.
    static const Access* current() { return static_cast<const Access*>(Carried::get()); }

    class Scope {
      public:
        explicit Scope(const Access* access) : scope_(access) {}

      private:
        Carried::Scope scope_;
    };
};

/// Lets what a changing request looks at on the way be found by those who may only read it.
class ReadingScope {
  public:
    ReadingScope();

  private:
    static Access reading();
    Access access_;
    Carried::Scope scope_;
};

/// True if the current caller may do with it what his request is for.
bool may_access(ResourceKind kind, std::int64_t key);
/// Throws permission_denied unless he may.
void require_access(ResourceKind kind, std::int64_t key);
void require_access(ResourceKind kind, std::int64_t key, ResourcePermission least);
/// Throws permission_denied for who may not add experiments, or models.
void require_creation(ResourceKind kind);
/// Throws permission_denied for who is no member of the project.
void require_membership();
/// Throws permission_denied for who has limits of his own, where nothing finer is decided.
void require_whole_project(std::string_view what);
/// " AND COLUMN NOT IN (...)", or what else leaves out of a list what the caller may not see; empty
/// without limits. `column` holds keys.
std::string access_condition(ResourceKind kind, std::string_view column);

}  // namespace maru::api
