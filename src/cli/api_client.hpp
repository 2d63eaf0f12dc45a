#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "api/operation.hpp"
#include "base/error.hpp"
#include "net/client.hpp"

namespace maru::cli {

struct CallOptions {
    /// Makes a repeated POST count once (Idempotency-Key).
    std::string idempotency_key;
    std::chrono::milliseconds timeout{60'000};
};

/// Calls the server's operations as they are declared, over one kept connection.
///
/// Threads: one at a time; a second thread needs a client of its own. Errors: what the server
/// answers comes out as maru::Error with its code, message and details; unavailable where it can't
/// be reached. Example: api_client_test.cpp.
class ApiClient {
  public:
    /// `url` as normalize_url returns it; a path in it goes before every target.
    ApiClient(std::string url, std::string token);
    virtual ~ApiClient();

    template <class Request, class Response>
    Response call(const api::Operation<Request, Response>& operation, const Request& request,
                  const CallOptions& options = {}) {
        auto answer = perform(operation.method, operation.path, reflection::type_of<Request>(),
                              &request, &initial<Request>(), options);
        if constexpr (std::is_same_v<Response, api::Raw> || std::is_same_v<Response, api::Nothing>)
            return {};
        else
            return decode<Response>(answer.body);
    }

    /// Sends a file as the body of an operation that takes bytes.
    template <class Request, class Response>
    Response upload(const api::Operation<Request, Response>& operation, const Request& request,
                    const std::filesystem::path& file) {
        auto prepared = make(operation.method, operation.path, reflection::type_of<Request>(),
                             &request, &initial<Request>(), {});
        prepared.headers.set("Content-Type", "application/octet-stream");
        prepared.body.clear();
        prepared.body_file = file;
        return decode<Response>(send(std::move(prepared)).body);
    }

    /// The bytes that an operation with a Raw answer gives.
    template <class Request>
    std::string fetch(const api::Operation<Request, api::Raw>& operation, const Request& request,
                      net::Headers headers = {}) {
        return send(make(operation.method, operation.path, reflection::type_of<Request>(), &request,
                         &initial<Request>(), std::move(headers)))
            .body;
    }

    /// Hands on the bytes of an operation with a Raw answer as they come, until `receive` returns
    /// false.
    template <class Request>
    void stream(const api::Operation<Request, api::Raw>& operation, const Request& request,
                std::chrono::milliseconds timeout,
                const std::function<bool(std::string_view)>& receive) {
        auto prepared = make(operation.method, operation.path, reflection::type_of<Request>(),
                             &request, &initial<Request>(), {{"Accept", "text/event-stream"}});
        prepared.timeout = timeout;
        stream(std::move(prepared), receive);
    }

    /// Sends a request whose target is below the server's URL ("/p/default/..."), with the token.
    net::ClientResponse send(net::ClientRequest request);

    const std::string& url() const { return url_; }
    const std::string& token() const { return token_; }

  protected:
    /// Puts a request on the wire; tests replace it.
    virtual net::ClientResponse transfer(const net::ClientRequest& request);

  private:
    template <class Request>
    static const Request& initial() {
        static const Request request{};
        return request;
    }
    template <class Response>
    static Response decode(std::string_view body) {
        try {
            return from_json<Response>(body, {.ignore_unknown_fields = true});
        } catch (const Error& error) {
            fail(ErrorCode::internal,
                 "the server's answer is not what this client expects ({}); are both of the same "
                 "version?",
                 error.message());
        }
    }

    net::ClientRequest make(api::Method method, std::string_view path, const reflection::Type& type,
                            const void* request, const void* initial, net::Headers headers);
    net::ClientResponse perform(api::Method method, std::string_view path,
                                const reflection::Type& type, const void* request,
                                const void* initial, const CallOptions& options);
    void stream(net::ClientRequest request, const std::function<bool(std::string_view)>& receive);
    void complete(net::ClientRequest& request) const;
    net::Client& connection();

    std::string url_, origin_, prefix_, token_;
    std::unique_ptr<net::Client> connection_;
};

/// The Error in an answer with a status of 400 or more.
Error error_from(const net::ClientResponse& response);

/// Every item of a list, page by page.
template <class Request, class Item>
std::vector<Item> fetch_all(ApiClient& client,
                            const api::Operation<Request, api::Page<Item>>& operation,
                            Request request) {
    std::vector<Item> items;
    do {
        auto page = client.call(operation, request);
        items.insert(items.end(), std::make_move_iterator(page.items.begin()),
                     std::make_move_iterator(page.items.end()));
        request.page_token = page.next_page_token.value_or("");
    } while (!request.page_token.empty());
    return items;
}

}  // namespace maru::cli
