#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "blob/s3/credentials.hpp"
#include "http/client.hpp"

namespace maru::blob::s3 {

struct ClientOptions {
    std::string endpoint;  // "https://HOST[:PORT]"; a path in it goes before the bucket
    std::string region;
    std::string bucket;
    bool virtual_host = false;  // https://BUCKET.HOST instead of https://HOST/BUCKET
    std::filesystem::path ca_file, credentials_file;
    /// Of one request, with growing pauses between, where the store does not answer or is
    /// overloaded.
    int attempts = 5;
};

struct Listed {
    std::string key;
    std::int64_t size_bytes = 0;
    Time changed_at;
};

/// Speaks S3 with one bucket: signs, tries again, and says what is wrong. Threads: any.
///
/// Throws not_found where an object is missing, resource_exhausted where the store is full, else
/// unavailable with words for whoever runs the server, without secrets.
class Client {
  public:
    explicit Client(ClientOptions options);

    std::optional<std::int64_t> size_bytes(const std::string& key);
    void put(const std::string& key, std::string_view bytes);
    /// Whole; resource_exhausted over `bytes_max`.
    std::string get(const std::string& key, std::size_t bytes_max);
    std::string get_range(const std::string& key, std::int64_t offset, std::int64_t size);
    /// Whether it was there or not.
    void remove(const std::string& key);
    void copy(const std::string& from, const std::string& to, std::int64_t size_bytes);
    void list(const std::string& prefix, const std::function<void(const Listed&)>& visit);

    /// An upload in parts; nothing is there until `complete`.
    std::string begin_upload(const std::string& key);
    /// Returns the part's tag. Parts count from 1.
    std::string put_part(const std::string& key, const std::string& upload, int part,
                         std::string_view bytes);
    void complete_upload(const std::string& key, const std::string& upload,
                         const std::vector<std::string>& tags, std::int64_t size_bytes);
    /// Once, without trying again.
    void abort_upload(const std::string& key, const std::string& upload);
    void list_uploads(
        const std::string& prefix,
        const std::function<void(const std::string& key, const std::string& upload)>& visit);

    const ClientOptions& options() const { return options_; }

  private:
    struct Request {
        std::string method;
        std::string key;
        Fields query = {};
        Fields headers = {};  // in lower case
        std::string_view body = {};
        std::size_t answer_bytes_max = 64u << 20;
        std::chrono::seconds silence_max{30};
        bool once = false;
    };
    /// Returns 2xx and 404 of an object; throws everything else.
    http::Answer send(const Request& request);
    http::Answer send_once(const Request& request);
    [[noreturn]] void refuse(const Request& request, const http::Answer& answer) const;

    ClientOptions options_;
    std::string scheme_, host_, base_path_;
    CredentialSource credentials_;
    http::Client http_;
};

}  // namespace maru::blob::s3
