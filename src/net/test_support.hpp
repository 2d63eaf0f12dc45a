#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <string_view>

#include "base/files.hpp"
#include "net/client.hpp"
#include "net/server.hpp"

namespace maru::net::testing {

/// A folder that goes away with the test.
class TemporaryFolder {
  public:
    TemporaryFolder();
    ~TemporaryFolder();
    std::filesystem::path path(std::string_view name) const { return path_ / name; }

  private:
    std::filesystem::path path_;
};

/// A client that sends exactly the bytes it is given. Every wait ends after ten seconds, as a
/// failure.
class RawClient {
  public:
    explicit RawClient(std::uint16_t port);
    explicit RawClient(FileDescriptor fd) : fd_(std::move(fd)) {}
    static RawClient unix_socket(const std::filesystem::path& path);

    void send(std::string_view bytes);
    /// As send, but gives up silently when the server has closed.
    void try_send(std::string_view bytes);
    struct Answer {
        unsigned status = 0;
        std::string head;  // status line and fields
        std::string body;
        Headers headers;
    };
    /// The next response; status 0 if the connection ended before one.
    Answer read_answer(bool head_request = false);
    /// Reads until `text` has come; returns all up to and with it, or what there was at the end.
    std::string read_until(std::string_view text);
    std::string read_exactly(std::size_t size);
    /// True if the server closes without another byte.
    bool ends();
    void shutdown_write();
    void close() { fd_.reset(); }
    int fd() const { return fd_.get(); }

  private:
    bool read_some();

    FileDescriptor fd_;
    std::string buffer_;
};

/// Listens on a free loopback port; returns the descriptor.
FileDescriptor listen_anywhere(std::uint16_t& port);
/// Accepts one connection, within ten seconds.
FileDescriptor accept_one(int listener);

Router buffered(std::function<Response(Request&)> handle, std::int64_t body_bytes_max = 1 << 20);
Router streaming(std::function<Response(Request&)> handle, std::int64_t body_bytes_max = 1ll << 40);
Router direct(std::function<void(RequestHead, Responder)> handle);
std::unique_ptr<Server> serve(Router router, ServerOptions options = {});

/// Lets a handler wait until the test goes on.
struct Gate {
    std::promise<void> promise;
    std::shared_future<void> future{promise.get_future()};
    void open() { promise.set_value(); }
    void wait() const {
        EXPECT_EQ(future.wait_for(std::chrono::seconds(10)), std::future_status::ready);
    }
};

}  // namespace maru::net::testing
