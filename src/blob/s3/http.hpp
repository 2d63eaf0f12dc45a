#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace maru::blob::s3 {

struct HttpRequest {
    std::string method;
    std::string url;
    std::vector<std::string> headers;  // "name: value"
    std::string_view body;
    std::size_t answer_bytes_max = 64u << 20;
    /// Without a byte either way.
    std::chrono::seconds silence_max{30};
};

struct HttpAnswer {
    unsigned status = 0;                         // 0: none came
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
    std::string failure;     // why none came
    bool is_final = false;   // a failure that will not mend by itself: a certificate, a bad URL
    bool too_large = false;  // more than answer_bytes_max
};

/// Sends requests to one server with libcurl, over connections that are kept. Threads: any; each
/// call has a connection of its own.
class Http {
  public:
    explicit Http(std::filesystem::path ca_file);
    ~Http();
    HttpAnswer send(const HttpRequest& request);

  private:
    void* take();
    void give_back(void* handle);

    std::filesystem::path ca_file_;
    std::mutex mutex_;
    std::vector<void*> idle_;
};

}  // namespace maru::blob::s3
