#include "blob/s3/credentials.hpp"

#include <cstdlib>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/text.hpp"

namespace maru::blob::s3 {
namespace {

constexpr std::size_t kFileBytesMax = 1 << 20;

std::optional<std::string> from_process(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0' ? std::optional<std::string>(value) : std::nullopt;
}

Credentials from_environment(const CredentialSource::Environment& environment) {
    for (std::string prefix : {"MARU_S3_", "AWS_"}) {
        auto value = [&](const char* name) { return environment((prefix + name).c_str()); };
        auto id = value("ACCESS_KEY_ID"), secret = value("SECRET_ACCESS_KEY");
        if (!id && !secret) continue;
        if (!id || !secret)
            fail(ErrorCode::failed_precondition,
                 "{}{} is not set; an access key id and its secret go together", prefix,
                 id ? "SECRET_ACCESS_KEY" : "ACCESS_KEY_ID");
        return {*id, *secret, value("SESSION_TOKEN").value_or("")};
    }
    fail(ErrorCode::failed_precondition,
         "there are no credentials for the object store; set MARU_S3_ACCESS_KEY_ID and "
         "MARU_S3_SECRET_ACCESS_KEY (or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), or give a "
         "file with --s3-credentials");
}

void replace_all(std::string& text, const std::string& secret) {
    if (secret.empty()) return;
    for (auto at = text.find(secret); at != text.npos; at = text.find(secret, at + 3))
        text.replace(at, secret.size(), "***");
}

}  // namespace

Credentials parse_credentials(std::string_view text, std::string_view profile,
                              std::string_view file_name) {
    Credentials found;
    bool inside = false, any = false;
    for (std::string_view line : split(text, '\n')) {
        line = trim(line);
        if (line.empty() || line.front() == '#' || line.front() == ';') continue;
        if (line.front() == '[') {
            inside = line.back() == ']' && trim(line.substr(1, line.size() - 2)) == profile;
            any |= inside;
            continue;
        }
        auto equals = line.find('=');
        if (!inside || equals == line.npos) continue;
        auto name = trim(line.substr(0, equals));
        auto value = trim(line.substr(equals + 1));
        if (name == "aws_access_key_id") found.access_key_id = value;
        if (name == "aws_secret_access_key") found.secret_access_key = value;
        if (name == "aws_session_token") found.session_token = value;
    }
    if (!any)
        fail(ErrorCode::failed_precondition, "{} has no profile [{}]; AWS_PROFILE names another",
             file_name, profile);
    for (const auto& [name, value] : {std::pair{"aws_access_key_id", &found.access_key_id},
                                      std::pair{"aws_secret_access_key", &found.secret_access_key}})
        if (value->empty())
            fail(ErrorCode::failed_precondition, "[{}] in {} has no {}", profile, file_name, name);
    return found;
}

CredentialSource::CredentialSource(std::filesystem::path file, Environment environment)
    : file_(std::move(file)) {
    if (file_.empty())
        fixed_ = from_environment(environment ? environment : from_process);
    else
        read_again_if_changed();
}

Credentials CredentialSource::get() const {
    return file_.empty() ? fixed_ : read_again_if_changed();
}

Credentials CredentialSource::read_again_if_changed() const {
    std::lock_guard lock(mutex_);
    std::error_code error;
    auto changed_at = std::filesystem::last_write_time(file_, error);
    if (error || changed_at != cached_at_) {
        auto profile = from_process("AWS_PROFILE").value_or("default");
        cached_ = parse_credentials(read_file(file_, kFileBytesMax), profile, file_.native());
        cached_at_ = changed_at;
    }
    return cached_;
}

std::string CredentialSource::without_secrets(std::string text) const {
    Credentials now;
    {
        std::lock_guard lock(mutex_);
        now = file_.empty() ? fixed_ : cached_;
    }
    for (const auto* secret : {&now.secret_access_key, &now.session_token, &now.access_key_id})
        replace_all(text, *secret);
    return text;
}

}  // namespace maru::blob::s3
