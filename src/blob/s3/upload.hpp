#pragma once

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/crypto.hpp"
#include "blob/blob_store.hpp"
#include "blob/s3/client.hpp"

namespace maru::blob::s3 {

/// Uploads in parts that could not be ended since the store did not answer: ended later.
class AbandonedUploads {
  public:
    /// Ends an upload now, or remembers it. Never throws.
    void abort(Client& client, const std::string& key, const std::string& upload) noexcept;
    /// Tries the remembered ones again, once. Never throws.
    void abort_again(Client& client) noexcept;

  private:
    std::mutex mutex_;
    std::vector<std::pair<std::string, std::string>> all_;
};

/// Sends bytes as they come, in parts, to a key of their own, keeping at most one part in memory;
/// what fits into one part is kept until `finish`.
class PartsUpload {
  public:
    PartsUpload(Client& client, AbandonedUploads& abandoned, std::string temporary_key,
                std::size_t part_bytes);
    /// Removes what was sent and not placed.
    ~PartsUpload();
    void write(std::string_view bytes);
    /// Makes the object, whose bytes are those written, durable under its name.
    void place(const std::string& key);
    std::int64_t size_bytes() const { return size_bytes_; }

  private:
    void send_part(std::string_view bytes);

    Client& client_;
    AbandonedUploads& abandoned_;
    const std::string temporary_key_;
    const std::size_t part_bytes_;
    std::string waiting_;
    std::string upload_;  // its id, while it is not complete
    std::vector<std::string> tags_;
    std::int64_t size_bytes_ = 0;
    bool is_complete_ = false;
};

}  // namespace maru::blob::s3
