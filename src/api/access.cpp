#include "api/access.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "base/error.hpp"

namespace maru::api {

namespace {

[[noreturn]] void deny() {
    // MLflow's words, in which nothing says whether it exists.
    fail(ErrorCode::permission_denied, "Permission denied");
}

}  // namespace

ResourcePermission Access::Rules::on(std::int64_t key) const {
    auto found = single.find(key);
    return found == single.end() ? otherwise : found->second;
}

bool Access::Rules::allows_any() const {
    return otherwise >= needed ||
           std::ranges::any_of(single, [&](const auto& one) { return one.second >= needed; });
}

Access ReadingScope::reading() {
    const Access* current = Access::current();
    Access access = current != nullptr ? *current : Access{};
    for (auto kind : {ResourceKind::experiment, ResourceKind::registered_model})
        access.rules(kind).needed = ResourcePermission::READ;
    return access;
}

ReadingScope::ReadingScope()
    : access_(reading()), scope_(Access::current() != nullptr ? &access_ : nullptr) {}

bool may_access(ResourceKind kind, std::int64_t key) {
    const Access* access = Access::current();
    if (access == nullptr) return true;
    const auto& rules = access->rules(kind);
    return rules.on(key) >= rules.needed;
}

void require_access(ResourceKind kind, std::int64_t key) {
    if (!may_access(kind, key)) deny();
}

void require_access(ResourceKind kind, std::int64_t key, ResourcePermission least) {
    const Access* access = Access::current();
    if (access != nullptr && access->rules(kind).on(key) < least) deny();
}

void require_creation(ResourceKind kind) {
    const Access* access = Access::current();
    if (access == nullptr) return;
    if (!access->may_create)
        fail(ErrorCode::permission_denied,
             "adding experiments and models needs the role developer in the project");
    // Nobody makes what he could not use.
    if (access->rules(kind).otherwise < ResourcePermission::EDIT) deny();
}

void require_membership() {
    const Access* access = Access::current();
    if (access != nullptr && !access->is_member) deny();
}

void require_whole_project(std::string_view what) {
    if (Access::current() != nullptr)
        fail(ErrorCode::permission_denied,
             "{} needs a user whose permissions are the same in the whole project", what);
}

std::string access_condition(ResourceKind kind, std::string_view column) {
    const Access* access = Access::current();
    if (access == nullptr) return {};
    const auto& rules = access->rules(kind);
    bool rest = rules.otherwise >= rules.needed;
    std::vector<std::int64_t> exceptions;
    for (const auto& [key, permission] : rules.single)
        if ((permission >= rules.needed) != rest) exceptions.push_back(key);
    return fmt::format(" AND {} {}IN ({})", column, rest ? "NOT " : "",
                       fmt::join(exceptions, ", "));
}

}  // namespace maru::api
