#include "base/error.hpp"

#include <array>
#include <cerrno>
#include <system_error>

namespace maru {
namespace {

constexpr std::array<std::string_view, 16> kNames = {
    "cancelled",
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "unavailable",
    "data_loss",
    "unauthenticated",
};

}  // namespace

std::string_view to_string(ErrorCode code) {
    return kNames[static_cast<std::size_t>(code)];
}

ErrorCode error_code_from(std::string_view text) {
    for (std::size_t i = 0; i < kNames.size(); ++i)
        if (kNames[i] == text) return static_cast<ErrorCode>(i);
    return ErrorCode::unknown;
}

void fail_field(std::string_view field, std::string_view message) {
    throw Error(ErrorCode::invalid_argument, fmt::format("{}: {}", field, message),
                {{std::string(field), std::string(message)}});
}

void fail_errno(int error, std::string_view what) {
    ErrorCode code = ErrorCode::internal;
    switch (error) {
        case ENOENT:
        case ENOTDIR:
            code = ErrorCode::not_found;
            break;
        case EACCES:
        case EPERM:
        case EROFS:
            code = ErrorCode::permission_denied;
            break;
        case ENOSPC:
        case EDQUOT:
        case EMFILE:
        case ENFILE:
        case ENOMEM:
            code = ErrorCode::resource_exhausted;
            break;
        case EEXIST:
            code = ErrorCode::already_exists;
            break;
        default:
            break;
    }
    throw Error(code, fmt::format("{}: {}", what, std::generic_category().message(error)));
}

}  // namespace maru
