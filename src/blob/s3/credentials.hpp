#pragma once

#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "blob/s3/signature.hpp"

namespace maru::blob::s3 {

/// Finds the credentials that requests are signed with: those of a file in the format of
/// ~/.aws/credentials where one is given, read again whenever it has changed (temporary credentials
/// are renewed in it), else MARU_S3_ACCESS_KEY_ID, MARU_S3_SECRET_ACCESS_KEY and
/// MARU_S3_SESSION_TOKEN, else the same with AWS_ in front. Threads: any.
class CredentialSource {
  public:
    using Environment = std::function<std::optional<std::string>(const char* name)>;
    explicit CredentialSource(std::filesystem::path file, Environment environment = {});

    /// Throws failed_precondition that says where credentials may stand.
    Credentials get() const;
    /// Takes the secrets out of a text that others wrote.
    std::string without_secrets(std::string text) const;

  private:
    Credentials read_again_if_changed() const;

    std::filesystem::path file_;
    Credentials fixed_;
    mutable std::mutex mutex_;
    mutable Credentials cached_;
    mutable std::filesystem::file_time_type cached_at_{};
};

/// Reads [profile] of a file in the format of ~/.aws/credentials. Throws failed_precondition that
/// names the file and what it lacks, never a line of it.
Credentials parse_credentials(std::string_view text, std::string_view profile,
                              std::string_view file_name);

}  // namespace maru::blob::s3
