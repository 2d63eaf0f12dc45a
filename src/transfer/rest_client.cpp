#include "transfer/rest_client.hpp"

#include <fcntl.h>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/files.hpp"
#include "transfer/rest_wire.hpp"

namespace maru::transfer {

RestClient::RestClient(std::string url, Credentials credentials)
    : url_(std::move(url)), credentials_(std::move(credentials)) {
    while (url_.ends_with('/')) url_.pop_back();
    auto slash = url_.find('/', url_.find("://") + 3);
    std::string origin = url_.substr(0, slash);
    if (slash != std::string::npos) prefix_ = url_.substr(slash);
    auto host = origin.find("://") + 3;
    if (auto at = origin.rfind('@'); at != std::string::npos && at > host) {
        auto user = origin.substr(host, at - host);
        auto colon = std::min(user.find(':'), user.size());
        credentials_.username = user.substr(0, colon);
        credentials_.password = colon < user.size() ? user.substr(colon + 1) : "";
        origin.erase(host, at + 1 - host);
        url_ = origin + prefix_;
    }
    client_ = net::Client::open(origin);
}

void RestClient::complete(net::ClientRequest& request) const {
    request.target = prefix_ + request.target;
    if (!credentials_.token.empty())
        request.headers.set("Authorization", "Bearer " + credentials_.token);
    else if (!credentials_.username.empty())
        request.headers.set("Authorization", "Basic " + to_base64(credentials_.username + ":" +
                                                                  credentials_.password));
    request.headers.set("User-Agent", "maru/" MARU_VERSION);
    request.timeout = std::chrono::minutes(5);
}

std::string RestClient::send(net::ClientRequest request) {
    auto target = request.target;
    complete(request);
    auto answer = client_->send(request);
    if (answer.status >= 300) fail_answer(answer.status, answer.body, target);
    return std::move(answer.body);
}

std::string RestClient::text(const std::string& target) {
    return send({.method = "GET", .target = target});
}

void RestClient::download(const std::string& target, const std::filesystem::path& file) {
    net::ClientRequest request{.method = "GET", .target = target};
    complete(request);
    FileDescriptor out(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!out) fail(ErrorCode::permission_denied, "{} can't be written", file.string());
    auto answer = client_->stream(request, [&](std::string_view bytes) {
        write_all(out.get(), bytes);
        return true;
    });
    if (answer.status >= 300) fail_answer(answer.status, "", target);
}

void RestClient::fail_answer(unsigned status, const std::string& body,
                             const std::string& target) const {
    wire::Problem problem;
    try {
        problem = from_json<wire::Problem>(body, {.ignore_unknown_fields = true});
    } catch (const Error&) {
        problem.message = fmt::format("HTTP status {}", status);
    }
    auto code = status == 401   ? ErrorCode::unauthenticated
                : status == 403 ? ErrorCode::permission_denied
                : status == 404 ? ErrorCode::not_found
                : status >= 502 ? ErrorCode::unavailable
                : status >= 500 ? ErrorCode::internal
                                : ErrorCode::invalid_argument;
    std::string hint = status == 401
                           ? "; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
                             "MLFLOW_TRACKING_TOKEN"
                           : "";
    fail(code, "{}{}: {}{}", url_, target.substr(0, target.find('?')), problem.message, hint);
}

}  // namespace maru::transfer
