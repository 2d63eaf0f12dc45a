#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/address.hpp"

/// Requests to servers of others, over libcurl: TLS, proxies, connections that are kept. What the
/// command line and the reverse proxy send goes to maru's own servers, through net/.
namespace maru::http {

/// Why a request may not be sent to an address, or nothing.
using AddressCheck = std::function<std::optional<std::string>(const Address&)>;

struct Request {
    std::string method;
    std::string url;
    std::vector<std::string> headers;  // "name: value"
    std::string_view body;
    std::size_t answer_bytes_max = 64u << 20;
    /// Without a byte either way.
    std::chrono::seconds silence_max{30};
    /// For all of it; 0: no limit.
    std::chrono::milliseconds time_max{0};
    /// Asked of each address that is about to be connected to, after names were resolved: no name
    /// can point elsewhere between the check and the connection. Goes around proxies.
    AddressCheck check_address;
    /// Asked about every second; true gives the request up.
    std::function<bool()> cancelled;
};

struct Answer {
    unsigned status = 0;                         // 0: none came
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;                            // its beginning, if it is too large
    std::string failure;                         // why none came
    bool is_final = false;   // a failure that will not mend by itself: a certificate, a bad URL
    bool too_large = false;  // more than answer_bytes_max
    bool was_cancelled = false;
};

/// Sends requests with libcurl, over connections that are kept. Redirects are not followed.
/// Threads: any; each call has a connection of its own. A connection that one request made may
/// serve another: requests of one client share one `check_address`.
class Client {
  public:
    /// `ca_file`: who vouches for servers; empty: the system's.
    explicit Client(std::filesystem::path ca_file = {});
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    Answer send(const Request& request);

  private:
    void* take();
    void give_back(void* handle);

    std::filesystem::path ca_file_;
    std::mutex mutex_;
    std::vector<void*> idle_;
};

struct Url {
    std::string scheme, host;  // in lower case; a host without an address's brackets
};
/// Nothing for what is no absolute URL.
std::optional<Url> parse_url(const std::string& text);

}  // namespace maru::http
