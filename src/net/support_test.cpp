#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "base/text.hpp"
#include "net/socket_address.hpp"
#include "net/test_support.hpp"

namespace maru::net::testing {

namespace {

constexpr int kPatienceMs = 10'000;

bool wait_for(int fd, short event) {
    pollfd poll_fd{fd, event, 0};
    return ::poll(&poll_fd, 1, kPatienceMs) == 1;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "maru-net-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

RawClient::RawClient(std::uint16_t port) {
    int error = 0;
    fd_ = connect_numeric("127.0.0.1", port, error);
    if (error == EINPROGRESS && wait_for(fd_.get(), POLLOUT)) error = connect_error(fd_.get());
    EXPECT_EQ(error, 0);
}

RawClient RawClient::unix_socket(const std::filesystem::path& path) {
    int error = 0;
    RawClient client(connect_unix(path.string(), error));
    EXPECT_EQ(error, 0);
    return client;
}

void RawClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) {
            ASSERT_TRUE(wait_for(fd_.get(), POLLOUT)) << "the server takes no more";
            continue;
        }
        ASSERT_GT(n, 0) << "cannot send: " << errno;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
}

void RawClient::try_send(std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN && wait_for(fd_.get(), POLLOUT)) continue;
        if (n <= 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
}

bool RawClient::read_some() {
    if (!wait_for(fd_.get(), POLLIN)) {
        ADD_FAILURE() << "the server sends nothing; so far: " << buffer_.substr(0, 500);
        return false;
    }
    char data[16384];
    ssize_t n = ::recv(fd_.get(), data, sizeof data, 0);
    if (n <= 0) return false;
    buffer_.append(data, static_cast<std::size_t>(n));
    return true;
}

std::string RawClient::read_until(std::string_view text) {
    std::size_t found;
    while ((found = buffer_.find(text)) == std::string::npos)
        if (!read_some()) return std::exchange(buffer_, "");
    std::string out = buffer_.substr(0, found + text.size());
    buffer_.erase(0, found + text.size());
    return out;
}

std::string RawClient::read_exactly(std::size_t size) {
    while (buffer_.size() < size)
        if (!read_some()) break;
    std::string out = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return out;
}

RawClient::Answer RawClient::read_answer(bool head_request) {
    Answer answer;
    answer.head = read_until("\r\n\r\n");
    if (!answer.head.starts_with("HTTP/1.1 ") || !answer.head.ends_with("\r\n\r\n")) return answer;
    answer.status = static_cast<unsigned>(std::stoi(answer.head.substr(9, 3)));
    for (std::string_view line : split(answer.head, '\n')) {
        line = trim(line);
        if (auto colon = line.find(": "); colon != line.npos)
            answer.headers.add(line.substr(0, colon), line.substr(colon + 2));
    }
    if (head_request || answer.status < 200 || answer.status == 204 || answer.status == 304)
        return answer;
    if (answer.headers.has("Content-Length")) {
        answer.body = read_exactly(std::stoull(std::string(answer.headers.get("Content-Length"))));
    } else if (answer.headers.get("Transfer-Encoding") == "chunked") {
        for (;;) {
            std::size_t size = std::stoull("0" + read_until("\r\n"), nullptr, 16);
            std::string piece = read_exactly(size + 2);
            if (size == 0 || piece.size() < size + 2) break;
            answer.body.append(piece, 0, size);
        }
    } else {
        while (read_some()) {
        }
        answer.body = std::exchange(buffer_, "");
    }
    return answer;
}

bool RawClient::ends() {
    return buffer_.empty() && !read_some() && buffer_.empty();
}

void RawClient::shutdown_write() {
    ::shutdown(fd_.get(), SHUT_WR);
}

FileDescriptor listen_anywhere(std::uint16_t& port) {
    port = 0;
    return listen_tcp("127.0.0.1", port);
}

FileDescriptor accept_one(int listener) {
    EXPECT_TRUE(wait_for(listener, POLLIN)) << "nobody connects";
    std::string peer;
    return accept_connection(listener, peer);
}

Router buffered(std::function<Response(Request&)> handle, std::int64_t body_bytes_max) {
    return [=](const RequestHead&) {
        return Route{
            .kind = Route::Kind::buffered, .body_bytes_max = body_bytes_max, .handle = handle};
    };
}

Router streaming(std::function<Response(Request&)> handle, std::int64_t body_bytes_max) {
    return [=](const RequestHead&) {
        return Route{
            .kind = Route::Kind::streaming, .body_bytes_max = body_bytes_max, .handle = handle};
    };
}

Router direct(std::function<void(RequestHead, Responder)> handle) {
    return [=](const RequestHead&) {
        return Route{.kind = Route::Kind::direct, .handle_direct = handle};
    };
}

std::unique_ptr<Server> serve(Router router, ServerOptions options) {
    return Server::start(options, std::move(router));
}

}  // namespace maru::net::testing
