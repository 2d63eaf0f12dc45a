#include "net/transport.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <limits>

#include "base/error.hpp"

namespace maru::net {

namespace {

std::string openssl_reason() {
    unsigned long code = ERR_get_error();
    const char* reason = code ? ERR_reason_error_string(code) : nullptr;
    ERR_clear_error();
    return reason ? reason : "unknown reason";
}

// OpenSSL's own socket BIO calls write(2), which raises SIGPIPE once the peer is gone.
int bio_write(BIO* bio, const char* data, int size) {
    BIO_clear_retry_flags(bio);
    auto fd = static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
    ssize_t n = ::send(fd, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
    return static_cast<int>(n);
}

int bio_read(BIO* bio, char* data, int size) {
    BIO_clear_retry_flags(bio);
    auto fd = static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
    ssize_t n = ::recv(fd, data, static_cast<std::size_t>(size), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
    return static_cast<int>(n);
}

long bio_control(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO* new_socket_bio(int fd) {
    static BIO_METHOD* method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
        BIO_meth_set_write(made, bio_write);
        BIO_meth_set_read(made, bio_read);
        BIO_meth_set_ctrl(made, bio_control);
        return made;
    }();
    BIO* bio = BIO_new(method);
    BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
    BIO_set_init(bio, 1);
    return bio;
}

SSL_CTX* new_context(const SSL_METHOD* method) {
    SSL_CTX* context = SSL_CTX_new(method);
    if (!context) fail(ErrorCode::internal, "cannot set up TLS: {}", openssl_reason());
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    return context;
}

}  // namespace

std::shared_ptr<TlsContext> TlsContext::server(const std::filesystem::path& certificate,
                                               const std::filesystem::path& key) {
    std::shared_ptr<TlsContext> tls(new TlsContext(new_context(TLS_server_method()), true));
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(tls->get(), certificate.c_str()) != 1)
        fail(ErrorCode::failed_precondition,
             "cannot use the TLS certificate {}: {}; a PEM file with the certificate and its chain "
             "is needed",
             certificate.string(), openssl_reason());
    if (SSL_CTX_use_PrivateKey_file(tls->get(), key.c_str(), SSL_FILETYPE_PEM) != 1)
        fail(ErrorCode::failed_precondition,
             "cannot use the TLS key {}: {}; the PEM private key of {} is needed", key.string(),
             openssl_reason(), certificate.string());
    return tls;
}

std::shared_ptr<TlsContext> TlsContext::client(const std::filesystem::path& extra_authorities) {
    std::shared_ptr<TlsContext> tls(new TlsContext(new_context(TLS_client_method()), false));
    SSL_CTX_set_default_verify_paths(tls->get());
    ERR_clear_error();
    if (!extra_authorities.empty() &&
        SSL_CTX_load_verify_locations(tls->get(), extra_authorities.c_str(), nullptr) != 1)
        fail(ErrorCode::failed_precondition,
             "cannot use the certificate authorities in {}: {}; a PEM file is needed",
             extra_authorities.string(), openssl_reason());
    SSL_CTX_set_verify(tls->get(), SSL_VERIFY_PEER, nullptr);
    return tls;
}

TlsContext::~TlsContext() {
    SSL_CTX_free(context_);
}

Transport::Transport(FileDescriptor fd) : fd_(std::move(fd)) {}

Transport::Transport(FileDescriptor fd, const TlsContext& tls, const std::string& server_name)
    : fd_(std::move(fd)), ssl_(SSL_new(tls.get())) {
    if (!ssl_) fail(ErrorCode::internal, "cannot set up TLS: {}", openssl_reason());
    BIO* bio = new_socket_bio(fd_.get());
    SSL_set_bio(ssl_, bio, bio);
    if (tls.is_server()) {
        SSL_set_accept_state(ssl_);
        return;
    }
    SSL_set_connect_state(ssl_);
    // A numeric address is verified against the certificate's addresses and is never sent as SNI.
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), server_name.c_str()) != 1) {
        SSL_set1_host(ssl_, server_name.c_str());
        SSL_set_tlsext_host_name(ssl_, server_name.c_str());
    }
}

Transport::Transport(Transport&& other) noexcept
    : fd_(std::move(other.fd_)), ssl_(std::exchange(other.ssl_, nullptr)), wanted_(other.wanted_) {}

Transport::~Transport() {
    SSL_free(ssl_);
}

ssize_t Transport::result(int code) {
    switch (SSL_get_error(ssl_, code)) {
        case SSL_ERROR_WANT_READ:
            wanted_ = POLLIN;
            return -EAGAIN;
        case SSL_ERROR_WANT_WRITE:
            wanted_ = POLLOUT;
            return -EAGAIN;
        case SSL_ERROR_ZERO_RETURN:
            return 0;
        case SSL_ERROR_SYSCALL:
            return errno ? -errno : -ECONNRESET;
        default:
            // An end without TLS's own closing alert is an end like any other: HTTP frames its
            // messages.
            return ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING ? 0
                                                                                          : -EPROTO;
    }
}

int Transport::handshake() {
    if (!ssl_) return 0;
    ERR_clear_error();
    errno = 0;
    int code = SSL_do_handshake(ssl_);
    if (code == 1) return 0;
    auto error = static_cast<int>(result(code));
    return error == 0 ? -ECONNRESET : error;
}

ssize_t Transport::read(char* data, std::size_t size) {
    if (!ssl_) {
        ssize_t n;
        do n = ::recv(fd_.get(), data, size, 0);
        while (n < 0 && errno == EINTR);
        if (n >= 0) return n;
        wanted_ = POLLIN;
        return -errno;
    }
    ERR_clear_error();
    errno = 0;
    int n = SSL_read(ssl_, data,
                     static_cast<int>(std::min<std::size_t>(
                         size, static_cast<std::size_t>(std::numeric_limits<int>::max()))));
    return n > 0 ? n : result(n);
}

ssize_t Transport::write(const iovec* pieces, int count) {
    if (!ssl_) {
        msghdr message{};
        message.msg_iov = const_cast<iovec*>(pieces);
        message.msg_iovlen = static_cast<std::size_t>(count);
        ssize_t n;
        do n = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n >= 0) return n;
        wanted_ = POLLOUT;
        return -errno;
    }
    while (count > 0 && pieces->iov_len == 0) ++pieces, --count;
    if (count == 0) return 0;
    ERR_clear_error();
    errno = 0;
    int n = SSL_write(ssl_, pieces->iov_base,
                      static_cast<int>(std::min<std::size_t>(pieces->iov_len, 1u << 20)));
    if (n > 0) return n;
    ssize_t error = result(n);
    return error == 0 ? -EPIPE : error;
}

void Transport::shutdown_write() {
    if (ssl_ && SSL_is_init_finished(ssl_)) {
        ERR_clear_error();
        SSL_shutdown(ssl_);
    }
    ::shutdown(fd_.get(), SHUT_WR);
}

bool Transport::has_input() {
    char byte;
    if (ssl_) {
        // What waits may be TLS's own business, such as session tickets; peeking has that dealt
        // with.
        ERR_clear_error();
        int n = SSL_peek(ssl_, &byte, 1);
        return n > 0 || SSL_get_error(ssl_, n) != SSL_ERROR_WANT_READ;
    }
    ssize_t n = ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n >= 0 || (errno != EAGAIN && errno != EINTR);
}

std::string Transport::tls_error() const {
    if (!ssl_) return "";
    long verified = SSL_get_verify_result(ssl_);
    if (verified != X509_V_OK) return X509_verify_cert_error_string(verified);
    return openssl_reason();
}

}  // namespace maru::net
