#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/files.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace maru::net {

/// OpenSSL's settings for one role: a server with its certificate, or a client that verifies the
/// server.
///
/// Threads: any number of connections on any threads. Errors: failed_precondition for unusable
/// files.
class TlsContext {
  public:
    static std::shared_ptr<TlsContext> server(const std::filesystem::path& certificate,
                                              const std::filesystem::path& key);
    /// Trusts the system's authorities and those in `extra_authorities` (a PEM file), if not empty.
    static std::shared_ptr<TlsContext> client(const std::filesystem::path& extra_authorities);
    ~TlsContext();
    ssl_ctx_st* get() const { return context_; }
    bool is_server() const { return is_server_; }

  private:
    TlsContext(ssl_ctx_st* context, bool is_server) : context_(context), is_server_(is_server) {}
    ssl_ctx_st* context_;
    bool is_server_;
};

/// Bytes over one connected non-blocking socket, plain or through TLS.
///
/// Operations return a count or -errno; -EAGAIN means: wait for wanted_event(), then call again
/// with at least the same bytes. The server waits with Asio, the client with poll. Threads: one at
/// a time.
class Transport {
  public:
    explicit Transport(FileDescriptor fd);
    /// `server_name` is what the certificate must be valid for (clients).
    Transport(FileDescriptor fd, const TlsContext& tls, const std::string& server_name = "");
    Transport(Transport&& other) noexcept;
    Transport& operator=(Transport&&) = delete;
    ~Transport();

    int fd() const { return fd_.get(); }
    bool encrypted() const { return ssl_ != nullptr; }
    int handshake();
    /// Over 0: bytes; 0: the peer has ended its side.
    ssize_t read(char* data, std::size_t size);
    ssize_t write(const iovec* pieces, int count);
    /// Tells the peer that no more comes; errors do not matter any more.
    void shutdown_write();
    /// POLLIN or POLLOUT.
    short wanted_event() const { return wanted_; }
    /// True while bytes or the peer's end wait to be read: what a kept connection must not have.
    bool has_input();
    /// Why the TLS handshake failed, in words.
    std::string tls_error() const;

  private:
    ssize_t result(int code);

    FileDescriptor fd_;
    ssl_st* ssl_ = nullptr;
    short wanted_ = 0;
};

}  // namespace maru::net
