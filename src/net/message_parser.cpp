#include "net/message_parser.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.hpp"
#include "base/text.hpp"

namespace maru::net {

namespace http = boost::beast::http;

namespace {

constexpr std::size_t kInitialBytes = 8 << 10;
constexpr std::size_t kKeptBytes = 16 << 10;
// What one line of chunked framing may take before it is refused.
constexpr std::size_t kChunkHeaderBytesMax = 4 << 10;

bool equals_ignoring_case(std::string_view a, std::string_view b) {
    return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

}  // namespace

void ReadBuffer::consume(std::size_t count) {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
}

void ReadBuffer::reserve(std::size_t count) {
    if (capacity_ - end_ >= count) return;
    std::size_t used = size();
    if (capacity_ - used >= count) {
        std::memmove(data_.get(), data_.get() + begin_, used);
    } else {
        std::size_t capacity = std::max({kInitialBytes, capacity_ * 2, used + count});
        auto larger = std::make_unique_for_overwrite<char[]>(capacity);
        if (used) std::memcpy(larger.get(), data_.get() + begin_, used);
        data_ = std::move(larger);
        capacity_ = capacity;
    }
    begin_ = 0;
    end_ = used;
}

void ReadBuffer::shrink() {
    if (!empty() || capacity_ <= kKeptBytes) return;
    data_.reset();
    capacity_ = begin_ = end_ = 0;
}

template <bool is_request>
MessageParser<is_request>::MessageParser(std::size_t header_bytes_max)
    : header_bytes_max_(header_bytes_max) {
    Base::header_limit(static_cast<std::uint32_t>(header_bytes_max));
    Base::body_limit(boost::none);
}

template <bool is_request>
auto MessageParser<is_request>::feed(ReadBuffer& buffer) -> Outcome {
    pieces_.clear();
    bool was_in_header = in_header_;
    while (!Base::is_done()) {
        std::string_view view = buffer.view();
        if (view.empty()) return Outcome::more;
        error_code error;
        std::size_t used = Base::put(boost::asio::const_buffer(view.data(), view.size()), error);
        buffer.consume(used);
        if (was_in_header) header_bytes_ += used;
        if (error == http::error::need_more) {
            if (in_header_ && header_bytes_ + buffer.size() > header_bytes_max_)
                return Outcome::headers_too_large;
            if (!in_header_ && used == 0 && pieces_.empty() &&
                buffer.size() > kChunkHeaderBytesMax) {
                error_ = "a chunk's header is too long";
                return Outcome::bad;
            }
            return Outcome::more;
        }
        if (error == http::error::header_limit) return Outcome::headers_too_large;
        if (error) {
            error_ = error.message();
            return Outcome::bad;
        }
        if (was_in_header && header_bytes_ > header_bytes_max_) return Outcome::headers_too_large;
        // The caller decides from the header what becomes of the body.
        if (was_in_header && !in_header_) break;
    }
    return Base::is_done() ? Outcome::done : Outcome::more;
}

template <bool is_request>
void MessageParser<is_request>::on_request_impl(http::verb, string_view method_text,
                                                string_view target_text, int http_version,
                                                error_code&) {
    method.assign(method_text.data(), method_text.size());
    target.assign(target_text.data(), target_text.size());
    version = http_version;
}

template <bool is_request>
void MessageParser<is_request>::on_response_impl(int code, string_view reason_text,
                                                 int http_version, error_code&) {
    status = static_cast<unsigned>(code);
    reason.assign(reason_text.data(), reason_text.size());
    version = http_version;
}

template <bool is_request>
void MessageParser<is_request>::on_field_impl(http::field, string_view name, string_view value,
                                              error_code&) {
    if (in_header_) headers.add({name.data(), name.size()}, {value.data(), value.size()});
}

template <bool is_request>
std::size_t MessageParser<is_request>::on_body_impl(string_view body, error_code&) {
    if (!body.empty()) pieces_.emplace_back(body.data(), body.size());
    return body.size();
}

template <bool is_request>
std::size_t MessageParser<is_request>::on_chunk_body_impl(std::uint64_t, string_view body,
                                                          error_code&) {
    if (!body.empty()) pieces_.emplace_back(body.data(), body.size());
    return body.size();
}

template class MessageParser<true>;
template class MessageParser<false>;

std::optional<std::string> parse_target(RequestHead& head) {
    std::string_view text = head.target;
    if (text == "*" && head.method == "OPTIONS") {
        head.path = "*";
        return std::nullopt;
    }
    // RFC 9112, 3.2.2: a server must accept the absolute form.
    for (std::string_view scheme : {"http://", "https://"}) {
        if (text.size() < scheme.size() ||
            !equals_ignoring_case(text.substr(0, scheme.size()), scheme))
            continue;
        auto slash = text.find_first_of("/?", scheme.size());
        std::string rest(slash == std::string_view::npos ? "/" : text.substr(slash));
        head.target = rest.starts_with('?') ? "/" + rest : rest;
        text = head.target;
        break;
    }
    if (!text.starts_with('/')) return "the request's target must begin with '/'";
    text = text.substr(0, text.find('#'));
    auto question = text.find('?');
    std::string_view path = text.substr(0, question);
    try {
        if (path.find('%') == std::string_view::npos) {
            head.path = path;
        } else {
            // Decoded piece by piece, so that an encoded slash does not become a separator.
            head.path.clear();
            for (std::size_t at = 0;;) {
                auto slash = path.find('%', at);
                while (slash != std::string_view::npos &&
                       !equals_ignoring_case(path.substr(slash, 3), "%2f"))
                    slash = path.find('%', slash + 1);
                head.path += percent_decode(path.substr(at, slash - at));
                if (slash == std::string_view::npos) break;
                head.path += "%2F";
                at = slash + 3;
            }
        }
        if (question != std::string_view::npos) {
            for (std::string_view pair : split(text.substr(question + 1), '&')) {
                if (pair.empty()) continue;
                auto equals = pair.find('=');
                std::string value;
                if (equals != std::string_view::npos)
                    value = percent_decode(pair.substr(equals + 1), true);
                head.query.emplace_back(percent_decode(pair.substr(0, equals), true),
                                        std::move(value));
            }
        }
    } catch (const Error& error) {
        return error.message();
    }
    if (head.path.find('\0') != std::string::npos) return "the request's path contains a NUL byte";
    return std::nullopt;
}

bool has_token(std::string_view list, std::string_view token) {
    while (!list.empty()) {
        auto comma = list.find(',');
        if (equals_ignoring_case(trim(list.substr(0, comma)), token)) return true;
        if (comma == std::string_view::npos) break;
        list.remove_prefix(comma + 1);
    }
    return false;
}

bool is_hop_by_hop(std::string_view name, std::string_view connection) {
    static constexpr std::array<std::string_view, 10> kNames{"Connection",
                                                             "Keep-Alive",
                                                             "Proxy-Authenticate",
                                                             "Proxy-Authorization",
                                                             "Proxy-Connection",
                                                             "TE",
                                                             "Trailer",
                                                             "Transfer-Encoding",
                                                             "Upgrade",
                                                             "Content-Length"};
    return std::ranges::any_of(kNames,
                               [&](std::string_view n) { return equals_ignoring_case(n, name); }) ||
           (!connection.empty() && has_token(connection, name));
}

}  // namespace maru::net
