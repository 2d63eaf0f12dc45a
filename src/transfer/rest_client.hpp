#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "base/error.hpp"
#include "base/json.hpp"
#include "net/client.hpp"
#include "transfer/source.hpp"

namespace maru::transfer {

/// Asks an MLflow tracking server, at any path. Threads: one at a time. Errors: what the server
/// says, with its address; unavailable where it can't be reached; invalid_argument where what
/// answers is no MLflow server.
class RestClient {
  public:
    RestClient(std::string url, Credentials credentials);

    template <class T>
    T get(const std::string& target) {
        return decode<T>(text(target), target);
    }
    template <class T>
    T post(const std::string& target, const std::string& body) {
        net::ClientRequest request{.method = "POST", .target = target, .body = body};
        request.headers.set("Content-Type", "application/json");
        return decode<T>(send(std::move(request)), target);
    }
    /// The answer's body as it is.
    std::string text(const std::string& target);
    void download(const std::string& target, const std::filesystem::path& file);

    const std::string& url() const { return url_; }
    const Credentials& credentials() const { return credentials_; }

  private:
    template <class T>
    T decode(const std::string& body, const std::string& target) {
        try {
            return from_json<T>(body,
                                {.ignore_unknown_fields = true, .numbers_from_strings = true});
        } catch (const Error& error) {
            fail(ErrorCode::invalid_argument,
                 "{}{} does not answer as an MLflow tracking server does ({})", url_, target,
                 error.message());
        }
    }
    std::string send(net::ClientRequest request);
    void complete(net::ClientRequest& request) const;
    [[noreturn]] void fail_answer(unsigned status, const std::string& body,
                                  const std::string& target) const;

    std::string url_, prefix_;
    Credentials credentials_;
    std::unique_ptr<net::Client> client_;
};

}  // namespace maru::transfer
