#include "http/client.hpp"

#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>

#include "base/error.hpp"
#include "base/text.hpp"

namespace maru::http {
namespace {

constexpr long kConnectTimeoutMs = 5000;
constexpr std::size_t kIdleMax = 32;

struct Exchange {
    Answer& answer;
    const Request& request;
    std::string refusal = {};  // of the last address that was
};

std::size_t on_header(char* data, std::size_t, std::size_t size, void* target) {
    auto& answer = static_cast<Exchange*>(target)->answer;
    std::string_view line(data, size);
    // The head of an answer: an interim one (100 Continue) may have come before.
    if (line.starts_with("HTTP/")) answer.headers.clear();
    auto colon = line.find(':');
    if (colon != line.npos)
        answer.headers[to_lower(line.substr(0, colon))] = trim(line.substr(colon + 1));
    return size;
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* target) {
    auto& exchange = *static_cast<Exchange*>(target);
    auto& body = exchange.answer.body;
    std::size_t room = exchange.request.answer_bytes_max - body.size();
    body.append(data, std::min(room, size));
    if (size <= room) return size;
    exchange.answer.too_large = true;
    return 0;
}

curl_socket_t on_socket(void* target, curlsocktype, curl_sockaddr* to) {
    auto& exchange = *static_cast<Exchange*>(target);
    auto address = address_of(to->addr);
    auto refusal = address ? exchange.request.check_address(*address)
                           : std::optional<std::string>("it is no IP address");
    if (!refusal) return ::socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
    exchange.refusal = std::move(*refusal);
    return CURL_SOCKET_BAD;
}

int on_progress(void* target, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Exchange*>(target)->request.cancelled() ? 1 : 0;
}

bool is_final(CURLcode code) {
    switch (code) {
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_CERTPROBLEM:
            return true;
        default:
            return false;
    }
}

struct List {
    curl_slist* first = nullptr;
    ~List() { curl_slist_free_all(first); }
    void add(const char* text) {
        auto* longer = curl_slist_append(first, text);
        if (longer == nullptr) throw std::bad_alloc();
        first = longer;
    }
};

}  // namespace

Client::Client(std::filesystem::path ca_file) : ca_file_(std::move(ca_file)) {
    static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (started != CURLE_OK) fail(ErrorCode::internal, "cannot start libcurl");
}

Client::~Client() {
    for (void* handle : idle_) curl_easy_cleanup(handle);
}

void* Client::take() {
    {
        std::lock_guard lock(mutex_);
        if (!idle_.empty()) {
            void* handle = idle_.back();
            idle_.pop_back();
            return handle;
        }
    }
    void* handle = curl_easy_init();
    if (handle == nullptr) fail(ErrorCode::internal, "cannot start a request with libcurl");
    return handle;
}

void Client::give_back(void* handle) {
    {
        std::lock_guard lock(mutex_);
        if (idle_.size() < kIdleMax) {
            idle_.push_back(handle);
            return;
        }
    }
    curl_easy_cleanup(handle);
}

Answer Client::send(const Request& request) {
    Answer answer;
    Exchange exchange{answer, request};
    List headers;
    // libcurl's own ideas of these are neither signed nor wanted.
    for (const char* none : {"Expect:", "Accept:", "Content-Type:"}) headers.add(none);
    for (const auto& header : request.headers) headers.add(header.c_str());

    void* handle = take();
    curl_easy_reset(handle);  // keeps connections
    char reason[CURL_ERROR_SIZE] = "";
    auto set = [&](CURLoption option, auto value) { curl_easy_setopt(handle, option, value); };
    set(CURLOPT_ERRORBUFFER, reason);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
    set(CURLOPT_HTTPHEADER, headers.first);
    set(CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.silence_max.count()));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.time_max.count()));
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_BUFFERSIZE, 256L << 10);
    set(CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);
    set(CURLOPT_HEADERFUNCTION, on_header);
    set(CURLOPT_HEADERDATA, &exchange);
    set(CURLOPT_WRITEFUNCTION, on_body);
    set(CURLOPT_WRITEDATA, &exchange);
    if (request.check_address) {
        // Behind a proxy the address would be the proxy's.
        set(CURLOPT_PROXY, "");
        set(CURLOPT_OPENSOCKETFUNCTION, on_socket);
        set(CURLOPT_OPENSOCKETDATA, &exchange);
    }
    if (request.cancelled) {
        set(CURLOPT_NOPROGRESS, 0L);
        set(CURLOPT_XFERINFOFUNCTION, on_progress);
        set(CURLOPT_XFERINFODATA, &exchange);
    }
    if (!ca_file_.empty()) set(CURLOPT_CAINFO, ca_file_.c_str());
    if (request.method == "HEAD") {
        set(CURLOPT_NOBODY, 1L);
    } else if (request.method == "PUT" || request.method == "POST") {
        set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        // Without any, libcurl would read standard input.
        set(CURLOPT_POSTFIELDS, request.body.empty() ? "" : request.body.data());
    }
    set(CURLOPT_CUSTOMREQUEST, request.method == "HEAD" ? nullptr : request.method.c_str());

    CURLcode code = curl_easy_perform(handle);
    if (code == CURLE_OK || answer.too_large) {
        long status = 0;
        curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
        answer.status = static_cast<unsigned>(status);
    } else if (code == CURLE_COULDNT_CONNECT && !exchange.refusal.empty()) {
        answer.failure = exchange.refusal;
        answer.is_final = true;
    } else {
        answer.failure = *reason != '\0' ? reason : curl_easy_strerror(code);
        answer.is_final = is_final(code);
        answer.was_cancelled = code == CURLE_ABORTED_BY_CALLBACK;
    }
    give_back(handle);
    return answer;
}

std::optional<Url> parse_url(const std::string& text) {
    // curl takes "https:///x" for "https://x".
    if (text.substr(std::min(text.find(':'), text.size())).starts_with(":///")) return std::nullopt;
    std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
    if (!url) throw std::bad_alloc();
    // Of other schemes too, so that messages can name them.
    if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
        return std::nullopt;
    auto part = [&](CURLUPart which) {
        char* found = nullptr;
        if (curl_url_get(url.get(), which, &found, 0) != CURLUE_OK) return std::string();
        std::string copy = to_lower(found);
        curl_free(found);
        return copy;
    };
    Url parsed{part(CURLUPART_SCHEME), part(CURLUPART_HOST)};
    if (parsed.host.starts_with('[') && parsed.host.ends_with(']'))
        parsed.host = parsed.host.substr(1, parsed.host.size() - 2);
    return parsed;
}

}  // namespace maru::http
