#include "blob/s3/client.hpp"

#include <fmt/chrono.h>

#include <pugixml.hpp>
#include <random>
#include <thread>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "blob/s3/answers.hpp"

namespace maru::blob::s3 {
namespace {

constexpr std::chrono::milliseconds kFirstPause{200};
constexpr std::chrono::milliseconds kLongestPause{5000};
// Servers copy and put together while the client waits, and not all of them keep the line warm.
constexpr std::chrono::seconds kServerSideWork{600};
constexpr std::int64_t kCopyAtOnceMax = 5LL << 30;
constexpr std::int64_t kCopyPartBytes = 512LL << 20;

/// A random part of a time that doubles: many that fail at once shall not come back at once.
std::chrono::milliseconds pause_before(int attempt) {
    thread_local std::minstd_rand random(std::random_device{}());
    auto most = std::min(kLongestPause, kFirstPause * (1 << std::min(attempt, 10)));
    return std::chrono::milliseconds(
        std::uniform_int_distribution<std::int64_t>(most.count() / 2, most.count())(random));
}

std::string signing_time() {
    return fmt::format("{:%Y%m%dT%H%M%SZ}", fmt::gmtime(std::time(nullptr)));
}

pugi::xml_document parse(const http::Answer& answer) {
    pugi::xml_document document;
    if (!document.load_buffer(answer.body.data(), answer.body.size()))
        fail(ErrorCode::unavailable, "the object store's answer is not XML");
    return document;
}

std::string header(const http::Answer& answer, const std::string& name) {
    auto found = answer.headers.find(name);
    return found == answer.headers.end() ? "" : found->second;
}

std::string_view verb(const std::string& method) {
    return method == "GET" || method == "HEAD" ? "read" : method == "DELETE" ? "delete" : "write";
}

}  // namespace

Client::Client(ClientOptions options)
    : options_(std::move(options)),
      credentials_(options_.credentials_file),
      http_(options_.ca_file) {
    std::string_view rest = options_.endpoint;
    auto separator = rest.find("://");
    scheme_ = to_lower(rest.substr(0, separator));
    if (separator == rest.npos || (scheme_ != "http" && scheme_ != "https"))
        fail_field("--s3-endpoint",
                   fmt::format("\"{}\" is no URL; expected one such as https://s3.example.org",
                               options_.endpoint));
    rest.remove_prefix(separator + 3);
    while (rest.ends_with('/')) rest.remove_suffix(1);
    auto slash = std::min(rest.find('/'), rest.size());
    host_ = rest.substr(0, slash);
    base_path_ = rest.substr(slash);
    if (host_.empty() || host_.find('@') != host_.npos || base_path_.find('?') != base_path_.npos)
        fail_field("--s3-endpoint", "is not SCHEME://HOST[:PORT]; credentials do not go into it");
    if (options_.virtual_host)
        host_ = options_.bucket + "." + host_;
    else
        base_path_ += "/" + options_.bucket;
}

http::Answer Client::send_once(const Request& request) {
    SignedParts parts{.method = request.method,
                      .path = base_path_ + (request.key.empty() ? "" : "/" + request.key),
                      .query = request.query,
                      .headers = request.headers,
                      .payload_sha256 = sha256_hex(request.body)};
    if (parts.path.empty()) parts.path = "/";
    SigningScope scope{.region = options_.region, .time = signing_time()};
    Credentials credentials = credentials_.get();
    parts.headers.emplace_back("host", host_);
    parts.headers.emplace_back("x-amz-content-sha256", parts.payload_sha256);
    parts.headers.emplace_back("x-amz-date", scope.time);
    if (!credentials.session_token.empty())
        parts.headers.emplace_back("x-amz-security-token", credentials.session_token);
    http::Request sent{.method = request.method,
                       .url = scheme_ + "://" + host_ + canonical_path(parts.path),
                       .headers = {},
                       .body = request.body,
                       .answer_bytes_max = request.answer_bytes_max,
                       .silence_max = request.silence_max};
    if (!request.query.empty()) sent.url += "?" + canonical_query(request.query);
    for (const auto& [name, value] : parts.headers)
        if (name != "host") sent.headers.push_back(name + ": " + value);
    sent.headers.push_back("authorization: " + authorization(parts, credentials, scope));
    return http_.send(sent);
}

http::Answer Client::send(const Request& request) {
    http::Answer answer;
    for (int attempt = 0;; ++attempt) {
        answer = send_once(request);
        if (!is_passing(answer) || request.once || attempt + 1 >= options_.attempts) break;
        std::this_thread::sleep_for(pause_before(attempt));
    }
    bool missing = answer.status == 404 && refusal_code(answer).code != "NoSuchBucket";
    // A copy that failed after its head was sent is a 200 with an error in it.
    bool refused_late = answer.status == 200 &&
                        (request.method == "PUT" || request.method == "POST") &&
                        !refusal_code(answer).code.empty();
    if (missing || (answer.status >= 200 && answer.status < 300 && !refused_late)) return answer;
    refuse(request, answer);
}

void Client::refuse(const Request& request, const http::Answer& answer) const {
    auto now = SystemClock().now();
    auto text =
        credentials_.without_secrets(explain_refusal(answer, options_, verb(request.method), now));
    auto code = refusal_code(answer).code;
    bool full = answer.status == 507 || code == "QuotaExceeded" || code == "XMinioStorageFull";
    throw Error(full ? ErrorCode::resource_exhausted : ErrorCode::unavailable, text);
}

namespace {
[[noreturn]] void missing(const std::string& key) {
    fail(ErrorCode::not_found, "the object {} does not exist in the object store", key);
}
}  // namespace

std::optional<std::int64_t> Client::size_bytes(const std::string& key) {
    auto answer = send({.method = "HEAD", .key = key});
    if (answer.status == 404) return std::nullopt;
    auto size = parse_int(header(answer, "content-length"));
    if (!size) fail(ErrorCode::unavailable, "the object store does not tell the size of {}", key);
    return *size;
}

void Client::put(const std::string& key, std::string_view bytes) {
    auto answer = send({.method = "PUT", .key = key, .body = bytes});
    if (answer.status == 404) missing(key);
}

std::string Client::get(const std::string& key, std::size_t bytes_max) {
    auto answer = send({.method = "GET", .key = key, .answer_bytes_max = bytes_max});
    if (answer.status == 404) missing(key);
    if (answer.too_large)
        fail(ErrorCode::resource_exhausted, "the object {} is larger than {} bytes", key,
             bytes_max);
    return std::move(answer.body);
}

std::string Client::get_range(const std::string& key, std::int64_t offset, std::int64_t size) {
    auto answer =
        send({.method = "GET",
              .key = key,
              .headers = {{"range", fmt::format("bytes={}-{}", offset, offset + size - 1)}},
              .answer_bytes_max = static_cast<std::size_t>(size)});
    if (answer.status == 404) missing(key);
    if (answer.too_large || static_cast<std::int64_t>(answer.body.size()) != size)
        fail(ErrorCode::data_loss, "the object store sent {} bytes of {}, not the {} from {} on",
             answer.too_large ? "more" : std::to_string(answer.body.size()), key, size, offset);
    return std::move(answer.body);
}

void Client::remove(const std::string& key) {
    send({.method = "DELETE", .key = key});
}

void Client::copy(const std::string& from, const std::string& to, std::int64_t size_bytes) {
    auto source = canonical_path("/" + options_.bucket + "/" + from);
    if (size_bytes <= kCopyAtOnceMax) {
        auto answer = send({.method = "PUT",
                            .key = to,
                            .headers = {{"x-amz-copy-source", source}},
                            .silence_max = kServerSideWork});
        if (answer.status == 404) missing(from);
        return;
    }
    auto upload = begin_upload(to);
    try {
        std::vector<std::string> tags;
        for (std::int64_t at = 0; at < size_bytes; at += kCopyPartBytes) {
            auto last = std::min(at + kCopyPartBytes, size_bytes) - 1;
            auto answer = send(
                {.method = "PUT",
                 .key = to,
                 .query = {{"partNumber", std::to_string(tags.size() + 1)}, {"uploadId", upload}},
                 .headers = {{"x-amz-copy-source", source},
                             {"x-amz-copy-source-range", fmt::format("bytes={}-{}", at, last)}},
                 .silence_max = kServerSideWork});
            if (answer.status == 404) missing(from);
            tags.emplace_back(parse(answer).first_child().child_value("ETag"));
        }
        complete_upload(to, upload, tags, size_bytes);
    } catch (...) {
        abort_upload(to, upload);
        throw;
    }
}

void Client::list(const std::string& prefix, const std::function<void(const Listed&)>& visit) {
    std::string token;
    do {
        Fields query{{"list-type", "2"}, {"prefix", prefix}};
        if (!token.empty()) query.emplace_back("continuation-token", token);
        auto document = parse(send({.method = "GET", .key = "", .query = std::move(query)}));
        auto result = document.child("ListBucketResult");
        for (auto object : result.children("Contents"))
            visit({object.child_value("Key"), object.child("Size").text().as_llong(),
                   parse_time(object.child_value("LastModified"))});
        bool more = std::string_view(result.child_value("IsTruncated")) == "true";
        token = more ? result.child_value("NextContinuationToken") : "";
    } while (!token.empty());
}

std::string Client::begin_upload(const std::string& key) {
    auto answer = send({.method = "POST", .key = key, .query = {{"uploads", ""}}});
    std::string id = parse(answer).child("InitiateMultipartUploadResult").child_value("UploadId");
    if (id.empty()) fail(ErrorCode::unavailable, "the object store does not begin an upload");
    return id;
}

std::string Client::put_part(const std::string& key, const std::string& upload, int part,
                             std::string_view bytes) {
    auto answer = send({.method = "PUT",
                        .key = key,
                        .query = {{"partNumber", std::to_string(part)}, {"uploadId", upload}},
                        .body = bytes});
    if (answer.status == 404)
        fail(ErrorCode::unavailable, "the object store has lost an upload: send it again");
    return header(answer, "etag");
}

void Client::complete_upload(const std::string& key, const std::string& upload,
                             const std::vector<std::string>& tags, std::int64_t size_bytes) {
    pugi::xml_document document;
    auto root = document.append_child("CompleteMultipartUpload");
    root.append_attribute("xmlns") = "http://s3.amazonaws.com/doc/2006-03-01/";
    for (std::size_t i = 0; i < tags.size(); ++i) {
        auto part = root.append_child("Part");
        part.append_child("PartNumber").text() = static_cast<unsigned>(i + 1);
        part.append_child("ETag").text() = tags[i].c_str();
    }
    std::ostringstream body;
    document.save(body, "", pugi::format_raw);
    auto answer = send({.method = "POST",
                        .key = key,
                        .query = {{"uploadId", upload}},
                        .body = body.view(),
                        .silence_max = kServerSideWork});
    // Completed by an attempt whose answer was lost: the object tells.
    if (answer.status == 404 && this->size_bytes(key) != size_bytes)
        fail(ErrorCode::unavailable, "the object store has lost an upload: send it again");
}

void Client::abort_upload(const std::string& key, const std::string& upload) {
    send({.method = "DELETE", .key = key, .query = {{"uploadId", upload}}, .once = true});
}

void Client::list_uploads(
    const std::string& prefix,
    const std::function<void(const std::string& key, const std::string& upload)>& visit) {
    std::string key_marker, id_marker;
    bool more = true;
    while (more) {
        Fields query{{"uploads", ""}, {"prefix", prefix}};
        if (!key_marker.empty())
            query.insert(query.end(),
                         {{"key-marker", key_marker}, {"upload-id-marker", id_marker}});
        auto document = parse(send({.method = "GET", .key = "", .query = std::move(query)}));
        auto result = document.child("ListMultipartUploadsResult");
        for (auto upload : result.children("Upload"))
            visit(upload.child_value("Key"), upload.child_value("UploadId"));
        std::string next = result.child_value("NextKeyMarker");
        more = std::string_view(result.child_value("IsTruncated")) == "true" && !next.empty();
        key_marker = std::move(next);
        id_marker = result.child_value("NextUploadIdMarker");
    }
}

}  // namespace maru::blob::s3
