#include "net/socket_address.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.hpp"

namespace maru::net {

namespace {

constexpr int kBacklog = 1024;

// A path longer than sun_path goes through an open descriptor of its folder.
struct UnixAddress {
    sockaddr_un address{};
    FileDescriptor folder;

    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

int make_unix_address(const std::filesystem::path& path, UnixAddress& out) {
    out.address.sun_family = AF_UNIX;
    std::string text = path.string();
    if (text.size() >= sizeof out.address.sun_path) {
        auto parent = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
        out.folder = FileDescriptor(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (!out.folder) return errno;
        text = fmt::format("/proc/self/fd/{}/{}", out.folder.get(), path.filename().string());
        if (text.size() >= sizeof out.address.sun_path) return ENAMETOOLONG;
    }
    std::memcpy(out.address.sun_path, text.c_str(), text.size() + 1);
    return 0;
}

FileDescriptor new_socket(int family) {
    return FileDescriptor(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

[[noreturn]] void fail_listen(int error, const std::string& where) {
    if (error == EADDRINUSE)
        fail(ErrorCode::already_exists,
             "cannot listen on {}: the address is in use by another program", where);
    if (error == EADDRNOTAVAIL)
        fail(ErrorCode::invalid_argument,
             "cannot listen on {}: this machine does not have that address", where);
    fail_errno(error, fmt::format("cannot listen on {}", where));
}

int start_connect(const FileDescriptor& fd, const sockaddr* address, socklen_t size) {
    int result;
    do result = ::connect(fd.get(), address, size);
    while (result < 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

}  // namespace

FileDescriptor listen_unix(const std::filesystem::path& path) {
    UnixAddress address;
    if (int error = make_unix_address(path, address)) fail_listen(error, path.string());
    FileDescriptor fd = new_socket(AF_UNIX);
    if (!fd) fail_listen(errno, path.string());
    if (::bind(fd.get(), address.get(), sizeof address.address) != 0) {
        if (errno != EADDRINUSE) fail_listen(errno, path.string());
        int error = 0;
        FileDescriptor probe = connect_unix(path.string(), error);
        // Only a refusal proves that the file is left over; EAGAIN, for one, is a busy server.
        if (error != ECONNREFUSED) fail_listen(EADDRINUSE, path.string());
        ::unlink(path.c_str());
        if (::bind(fd.get(), address.get(), sizeof address.address) != 0)
            fail_listen(errno, path.string());
    }
    if (::listen(fd.get(), kBacklog) != 0) fail_listen(errno, path.string());
    return fd;
}

FileDescriptor listen_tcp(const std::string& address, std::uint16_t& port) {
    std::string where =
        fmt::format(fmt::runtime(address.contains(':') ? "[{}]:{}" : "{}:{}"), address, port);
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    addrinfo* found = nullptr;
    if (int code = ::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found))
        fail(ErrorCode::invalid_argument,
             "cannot listen on {}: {}; give an address of this machine, such as 127.0.0.1 or "
             "0.0.0.0",
             where, ::gai_strerror(code));
    std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);

    FileDescriptor fd = new_socket(found->ai_family);
    if (!fd) fail_listen(errno, where);
    int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0) fail_listen(errno, where);
    if (::listen(fd.get(), kBacklog) != 0) fail_listen(errno, where);

    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0)
        fail_listen(errno, where);
    port = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(bound).sin_port);
    return fd;
}

FileDescriptor connect_unix(const std::string& path, int& error) {
    UnixAddress address;
    error = make_unix_address(path, address);
    if (error) return {};
    FileDescriptor fd = new_socket(AF_UNIX);
    error = fd ? start_connect(fd, address.get(), sizeof address.address) : errno;
    return fd;
}

FileDescriptor connect_numeric(const std::string& host, std::uint16_t port, int& error) {
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    const char* text = host == "localhost" ? "127.0.0.1" : host.c_str();
    FileDescriptor fd;
    if (::inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        fd = new_socket(AF_INET);
        error = fd ? start_connect(fd, reinterpret_cast<sockaddr*>(&v4), sizeof v4) : errno;
    } else if (::inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
        fd = new_socket(AF_INET6);
        error = fd ? start_connect(fd, reinterpret_cast<sockaddr*>(&v6), sizeof v6) : errno;
    } else {
        error = EINVAL;
    }
    if (fd) set_tcp_options(fd.get());
    return fd;
}

int connect_error(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
    return error;
}

void set_tcp_options(int fd) {
    int on = 1, idle_s = 60, interval_s = 15, count = 4;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

FileDescriptor accept_connection(int listener, std::string& peer) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    FileDescriptor fd(::accept4(listener, reinterpret_cast<sockaddr*>(&address), &size,
                                SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return fd;
    char text[INET6_ADDRSTRLEN] = "";
    if (address.ss_family == AF_INET) {
        ::inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in&>(address).sin_addr, text, sizeof text);
        peer = text;
    } else if (address.ss_family == AF_INET6) {
        ::inet_ntop(AF_INET6, &reinterpret_cast<sockaddr_in6&>(address).sin6_addr, text,
                    sizeof text);
        peer = text;
        if (peer.starts_with("::ffff:")) peer.erase(0, 7);
    } else {
        peer = "unix";
        return fd;
    }
    set_tcp_options(fd.get());
    return fd;
}

}  // namespace maru::net
