#pragma once

#include <fmt/format.h>

#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace maru {

/// Canonical codes of gRPC (grpc.io/docs/guides/status-codes), the only classification of failures
/// that crosses a module's border. api/ maps them to HTTP, tracking/mlflow/ to MLflow's.
enum class ErrorCode {
    cancelled,
    unknown,
    invalid_argument,
    deadline_exceeded,
    not_found,
    already_exists,
    permission_denied,
    resource_exhausted,
    failed_precondition,
    aborted,
    out_of_range,
    unimplemented,
    internal,
    unavailable,
    data_loss,
    unauthenticated,
};

/// Returns the code as on the wire, for example "invalid_argument".
std::string_view to_string(ErrorCode code);
/// Parses what to_string returns; anything else is ErrorCode::unknown.
ErrorCode error_code_from(std::string_view text);

/// One offending place of a request: the field's path ("resources.gpus", "files[3].path") and what
/// is wrong.
struct ErrorDetail {
    std::string field;
    std::string message;
};

/// The one exception of domain code: what is wrong, with which value, and what would be right.
///
/// Never thrown for a bug (that is an assertion).
class Error : public std::exception {
  public:
    Error(ErrorCode code, std::string message, std::vector<ErrorDetail> details = {})
        : code_(code), message_(std::move(message)), details_(std::move(details)) {}

    ErrorCode code() const { return code_; }
    const std::string& message() const { return message_; }
    const std::vector<ErrorDetail>& details() const { return details_; }
    const char* what() const noexcept override { return message_.c_str(); }

  private:
    ErrorCode code_;
    std::string message_;
    std::vector<ErrorDetail> details_;
};

/// Throws an Error with a formatted message: `fail(ErrorCode::not_found, "job {} does not exist",
/// id)`.
template <class... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
    throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

/// Throws invalid_argument that names one field: `fail_field("name", "is longer than 250 bytes")`.
[[noreturn]] void fail_field(std::string_view field, std::string_view message);

/// Throws the Error that fits errno's value: "cannot open PATH: No such file or directory". A full
/// disk is resource_exhausted, a missing file not_found, a refused one permission_denied, all else
/// internal.
[[noreturn]] void fail_errno(int error, std::string_view what);

}  // namespace maru
