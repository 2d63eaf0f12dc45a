#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace maru {

/// Encrypts what must be read again (secrets that requests are signed with), so that a copy of the
/// database alone gives none away: AES-256-GCM under a key that is kept in a file of its own.
///
/// Lifetime: the server's. Threads: any. Example: secret_key_test.cpp.
class SecretKey {
  public:
    /// Reads the key, or makes one where there is none. The file is readable to its owner alone.
    /// Throws failed_precondition for a file that holds no key.
    static SecretKey load_or_make(const std::filesystem::path& file);

    /// Text that only `open` with the same `purpose` reads again; never twice the same.
    std::string seal(std::string_view secret, std::string_view purpose) const;
    /// Throws failed_precondition for what another key sealed, or for another purpose.
    std::string open(std::string_view sealed, std::string_view purpose) const;

  private:
    explicit SecretKey(std::string key) : key_(std::move(key)) {}
    std::string key_;
};

}  // namespace maru
