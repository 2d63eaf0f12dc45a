#include "net/client.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>

#include "base/error.hpp"
#include "base/text.hpp"
#include "net/message_parser.hpp"
#include "net/message_writer.hpp"
#include "net/socket_address.hpp"
#include "net/transport.hpp"

namespace maru::net {

namespace {

constexpr std::size_t kReadBytes = 64 << 10;
constexpr std::size_t kFileReadBytes = 256 << 10;
constexpr std::size_t kJoinBytesMax = 16 << 10;
constexpr std::size_t kHeaderBytesMax = 256 << 10;

struct Address {
    std::string text;         // as the user wrote it, for messages
    std::string unix_socket;  // or:
    std::string host;
    std::string port;
    std::string host_header;
    bool tls = false;
};

Address parse_address(std::string_view url) {
    Address address;
    address.text = url;
    if (url.starts_with("unix:")) {
        address.unix_socket = url.substr(5);
        address.host_header = "localhost";
        if (address.unix_socket.empty())
            fail(ErrorCode::invalid_argument, "the URL '{}' lacks the socket's path", url);
        return address;
    }
    std::string_view rest;
    if (url.starts_with("http://"))
        rest = url.substr(7);
    else if (url.starts_with("https://"))
        rest = url.substr(8), address.tls = true;
    else
        fail(
            ErrorCode::invalid_argument,
            "the URL '{}' is not understood; use http://HOST:PORT, https://HOST:PORT or unix:/PATH",
            url);
    rest = rest.substr(0, rest.find('/'));
    address.host_header = rest;
    auto colon = rest.rfind(':');
    if (rest.starts_with('[')) {
        auto bracket = rest.find(']');
        address.host = rest.substr(1, bracket == rest.npos ? rest.npos : bracket - 1);
        if (bracket == rest.npos || colon < bracket) colon = rest.npos;
    } else {
        address.host = rest.substr(0, colon);
    }
    address.port = colon == rest.npos ? (address.tls ? "443" : "80") : rest.substr(colon + 1);
    auto port = parse_int(address.port);
    if (address.host.empty() || !port || *port < 1 || *port > 65535)
        fail(ErrorCode::invalid_argument,
             "the URL '{}' needs a host and a port from 1 to 65535, as in http://127.0.0.1:7070",
             url);
    return address;
}

/// A failure of one connection; whether the request may be sent again depends on where it happened.
struct Broken {
    int error;
    bool nothing_received;
};

class ClientImpl final : public Client {
  public:
    explicit ClientImpl(Address address) : address_(std::move(address)) {}

    ClientResponse send(const ClientRequest& request) override {
        std::string body;
        ClientResponse response = exchange(request, [&](std::string_view piece) {
            body.append(piece);
            return true;
        });
        response.body = std::move(body);
        return response;
    }

    ClientResponse stream(const ClientRequest& request,
                          const std::function<bool(std::string_view)>& receive) override {
        return exchange(request, receive);
    }

  private:
    using Receive = std::function<bool(std::string_view)>;

    ClientResponse exchange(const ClientRequest& request, const Receive& receive);
    void connect(std::chrono::milliseconds timeout);
    FileDescriptor connect_socket(std::chrono::milliseconds timeout);
    std::string request_head(const ClientRequest& request, std::optional<std::int64_t> size) const;
    void send_request(const ClientRequest& request, int file, std::int64_t file_size);
    bool answered_early();
    void send_file(const ClientRequest& request, int file, std::int64_t size);
    void write(std::string_view bytes, std::chrono::milliseconds timeout);
    ClientResponse receive_response(const ClientRequest& request, const Receive& receive);
    void read_more(ResponseParser& parser, const ClientRequest& request);
    void wait(short event, std::chrono::milliseconds timeout);
    [[noreturn]] void fail_unreachable(int error) const;
    [[noreturn]] void fail_broken(int error) const;

    const Address address_;
    std::shared_ptr<TlsContext> tls_;
    std::optional<Transport> transport_;
    ReadBuffer buffer_;
    bool unsent_ = false;  // the answer came before the request was whole
    int write_error_ = 0;
};

bool is_idempotent(std::string_view method) {
    return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" ||
           method == "OPTIONS";
}

ClientResponse ClientImpl::exchange(const ClientRequest& request, const Receive& receive) {
    FileDescriptor file;
    std::int64_t file_size = 0;
    if (request.body_file) {
        file = FileDescriptor(::open(request.body_file->c_str(), O_RDONLY | O_CLOEXEC));
        struct stat status{};
        if (!file || ::fstat(file.get(), &status) != 0)
            fail_errno(errno, "cannot read " + request.body_file->string());
        file_size = status.st_size;
    }
    bool kept = transport_ && !transport_->has_input();
    for (;;) {
        if (!kept) connect(request.timeout);
        buffer_.consume(buffer_.size());
        try {
            send_request(request, file.get(), file_size);
            return receive_response(request, receive);
        } catch (const Broken& broken) {
            transport_.reset();
            // A reset or a refused write means that the server never read the request; after a
            // plain end (0) it may have acted on it.
            bool unread = broken.error == ECONNRESET || broken.error == EPIPE;
            bool again = kept && broken.nothing_received &&
                         (unread || (broken.error == 0 && is_idempotent(request.method)));
            if (!again) fail_broken(broken.error);
            kept = false;
        } catch (...) {
            transport_.reset();
            throw;
        }
    }
}

void ClientImpl::fail_unreachable(int error) const {
    std::string reason =
        error == ETIMEDOUT ? "no answer in time" : to_lower(std::generic_category().message(error));
    fail(ErrorCode::unavailable, "cannot reach {}: {}. Is the server running?", address_.text,
         reason);
}

void ClientImpl::fail_broken(int error) const {
    if (error == ETIMEDOUT)
        fail(ErrorCode::deadline_exceeded, "{} did not answer in time", address_.text);
    fail(ErrorCode::unavailable, "{} closed the connection before its answer was complete{}",
         address_.text, error ? ": " + to_lower(std::generic_category().message(error)) : "");
}

FileDescriptor ClientImpl::connect_socket(std::chrono::milliseconds timeout) {
    int error = 0;
    auto complete = [&](FileDescriptor fd) {
        if (error == EINPROGRESS) {
            pollfd poll_fd{fd.get(), POLLOUT, 0};
            int ready;
            do ready = ::poll(&poll_fd, 1, static_cast<int>(timeout.count()));
            while (ready < 0 && errno == EINTR);
            error = ready == 0 ? ETIMEDOUT : connect_error(fd.get());
        }
        return fd;
    };
    FileDescriptor fd;
    if (!address_.unix_socket.empty()) {
        auto deadline = std::chrono::steady_clock::now() + timeout;
        do {
            fd = connect_unix(address_.unix_socket, error);
            // The listener's queue is full; there is no event to wait for.
            if (error == EAGAIN) ::poll(nullptr, 0, 2);
        } while (error == EAGAIN && std::chrono::steady_clock::now() < deadline);
        if (error == EAGAIN) error = ETIMEDOUT;
        if (error) fail_unreachable(error);
        return fd;
    }
    auto port = static_cast<std::uint16_t>(*parse_int(address_.port));
    fd = complete(connect_numeric(address_.host, port, error));
    if (!error) return fd;
    if (error != EINVAL && address_.host != "localhost") fail_unreachable(error);

    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (int code = ::getaddrinfo(address_.host.c_str(), address_.port.c_str(), &hints, &found))
        fail(ErrorCode::unavailable, "cannot reach {}: {}", address_.text, ::gai_strerror(code));
    std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
    for (addrinfo* at = found; at; at = at->ai_next) {
        fd = FileDescriptor(::socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (!fd) continue;
        set_tcp_options(fd.get());
        error = ::connect(fd.get(), at->ai_addr, at->ai_addrlen) == 0 ? 0 : errno;
        fd = complete(std::move(fd));
        if (!error) return fd;
    }
    fail_unreachable(error);
}

void ClientImpl::connect(std::chrono::milliseconds timeout) {
    transport_.reset();
    if (!address_.tls) {
        transport_.emplace(connect_socket(timeout));
        return;
    }
    if (!tls_) {
        const char* extra = std::getenv("MARU_CA_FILE");
        tls_ = TlsContext::client(extra ? extra : "");
    }
    transport_.emplace(connect_socket(timeout), *tls_, address_.host);
    for (;;) {
        int result = transport_->handshake();
        if (result == 0) return;
        if (result == -EAGAIN) {
            try {
                wait(transport_->wanted_event(), timeout);
            } catch (const Broken& broken) {
                transport_.reset();
                fail_unreachable(broken.error);
            }
            continue;
        }
        std::string reason = transport_->tls_error();
        transport_.reset();
        fail(ErrorCode::unavailable,
             "cannot reach {}: the TLS handshake failed: {}. MARU_CA_FILE can name a file with the "
             "authority to trust",
             address_.text, reason);
    }
}

void ClientImpl::wait(short event, std::chrono::milliseconds timeout) {
    pollfd poll_fd{transport_->fd(), event, 0};
    int ready;
    do
        ready =
            ::poll(&poll_fd, 1, static_cast<int>(std::min<std::int64_t>(timeout.count(), 1 << 30)));
    while (ready < 0 && errno == EINTR);
    if (ready == 0) throw Broken{ETIMEDOUT, false};
    if (ready < 0) throw Broken{errno, false};
}

void ClientImpl::write(std::string_view bytes, std::chrono::milliseconds timeout) {
    while (!bytes.empty()) {
        iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
        ssize_t n = transport_->write(&piece, 1);
        if (n == -EAGAIN) {
            wait(transport_->wanted_event(), timeout);
            continue;
        }
        if (n < 0) throw Broken{static_cast<int>(-n), true};
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
}

std::string ClientImpl::request_head(const ClientRequest& request,
                                     std::optional<std::int64_t> size) const {
    auto is_bad = [](std::string_view text) {
        return text.find_first_of(std::string_view(" \r\n\0", 4)) != text.npos;
    };
    if (!request.target.starts_with('/') || is_bad(request.target) || is_bad(request.method))
        fail(ErrorCode::invalid_argument, "cannot request '{} {}': not a valid method and path",
             request.method, request.target);
    std::string out = fmt::format("{} {} HTTP/1.1\r\n", request.method, request.target);
    if (!request.headers.has("Host")) append_field(out, "Host", address_.host_header);
    for (const auto& [name, value] : request.headers) {
        if (!is_valid_field(name, value))
            fail(ErrorCode::invalid_argument, "the header '{}' has characters that cannot be sent",
                 name);
        if (!is_hop_by_hop(name, "")) append_field(out, name, value);
    }
    if (size) append_field(out, "Content-Length", std::to_string(*size));
    return out.append("\r\n");
}

void ClientImpl::send_request(const ClientRequest& request, int file, std::int64_t file_size) {
    std::optional<std::int64_t> size;
    if (request.body_file)
        size = file_size;
    else if (!request.body.empty() || request.method == "POST" || request.method == "PUT" ||
             request.method == "PATCH")
        size = static_cast<std::int64_t>(request.body.size());
    std::string head = request_head(request, size);
    unsent_ = false;
    write_error_ = 0;
    try {
        if (request.body_file) {
            write(head, request.timeout);
            send_file(request, file, file_size);
        } else if (request.body.size() <= kJoinBytesMax) {
            write(head.append(request.body), request.timeout);
        } else {
            write(head, request.timeout);
            std::string_view body = request.body;
            while (!body.empty() && !answered_early()) {
                write(body.substr(0, kFileReadBytes), request.timeout);
                body.remove_prefix(std::min(body.size(), kFileReadBytes));
            }
        }
    } catch (const Broken& broken) {
        if (broken.error == ETIMEDOUT) throw;
        // The server may have refused the rest, said why, and closed.
        write_error_ = broken.error;
        unsent_ = true;
    }
}

void ClientImpl::send_file(const ClientRequest& request, int file, std::int64_t size) {
    auto data = std::make_unique_for_overwrite<char[]>(kFileReadBytes);
    for (std::int64_t offset = 0; offset < size && !answered_early();) {
        auto count = static_cast<std::size_t>(
            std::min<std::int64_t>(size - offset, static_cast<std::int64_t>(kFileReadBytes)));
        ssize_t n = ::pread(file, data.get(), count, offset);
        if (n < 0) fail_errno(errno, "cannot read " + request.body_file->string());
        if (n == 0)
            fail(ErrorCode::aborted, "{} became shorter while it was sent",
                 request.body_file->string());
        write({data.get(), static_cast<std::size_t>(n)}, request.timeout);
        offset += n;
    }
}

bool ClientImpl::answered_early() {
    if (transport_->has_input()) unsent_ = true;
    return unsent_;
}

void ClientImpl::read_more(ResponseParser& parser, const ClientRequest& request) {
    buffer_.reserve(kReadBytes);
    for (;;) {
        ssize_t n = transport_->read(buffer_.space(), buffer_.space_size());
        if (n > 0) return buffer_.commit(static_cast<std::size_t>(n));
        if (n == -EAGAIN) {
            wait(transport_->wanted_event(), request.timeout);
            continue;
        }
        bool nothing = !parser.got_some() && buffer_.empty();
        throw Broken{nothing && write_error_ ? write_error_ : static_cast<int>(-n), nothing};
    }
}

ClientResponse ClientImpl::receive_response(const ClientRequest& request, const Receive& receive) {
    std::optional<ResponseParser> parser;
    auto feed = [&] {
        auto outcome = parser->feed(buffer_);
        if (outcome == ResponseParser::Outcome::bad ||
            outcome == ResponseParser::Outcome::headers_too_large)
            fail(ErrorCode::unavailable, "{} did not answer with valid HTTP", address_.text);
        return outcome;
    };
    do {
        parser.emplace(kHeaderBytesMax);
        parser->skip(request.method == "HEAD");
        feed();
        while (!parser->is_header_done()) {
            read_more(*parser, request);
            feed();
        }
    } while (parser->status < 200);
    parser->eager(true);
    ClientResponse response{
        .status = parser->status, .headers = std::move(parser->headers), .body = {}};
    while (!parser->is_done()) {
        bool ended = feed() == ResponseParser::Outcome::done;
        for (std::string_view piece : parser->pieces()) {
            if (receive(piece)) continue;
            transport_.reset();
            return response;
        }
        if (ended) break;
        try {
            read_more(*parser, request);
        } catch (const Broken& broken) {
            if (broken.error || !parser->need_eof()) throw;
            break;
        }
    }
    if (!parser->is_done() || !parser->keep_alive() || unsent_ || !buffer_.empty())
        transport_.reset();
    return response;
}

}  // namespace

std::unique_ptr<Client> Client::open(std::string_view base_url) {
    return std::make_unique<ClientImpl>(parse_address(base_url));
}

}  // namespace maru::net
