#include "net/client.hpp"

#include <sys/socket.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/child_process.hpp"
#include "base/error.hpp"
#include "net/test_support.hpp"

namespace maru::net {

namespace {

using namespace testing;

std::string url(const Server& server) {
    return "http://127.0.0.1:" + std::to_string(server.port());
}

template <class F>
Error error_of(F function) {
    try {
        function();
    } catch (const Error& error) {
        return error;
    }
    ADD_FAILURE() << "nothing was thrown";
    return Error(ErrorCode::unknown, "");
}

TEST(Client, SendsBodiesAndFiles) {
    TemporaryFolder folder;
    std::string content(3'000'000, 'x');
    std::ofstream(folder.path("file")) << content;
    auto server = serve(buffered(
        [](Request& request) {
            return Response::text(request.method + " " + std::to_string(request.body.size()) + " " +
                                  std::string(request.headers.get("X-Test")));
        },
        10 << 20));
    auto client = Client::open(url(*server));
    EXPECT_EQ(client->send({.headers = {{"X-Test", "a"}}}).body, "GET 0 a");
    EXPECT_EQ(client->send({.method = "POST", .body = "hello"}).body, "POST 5 ");
    EXPECT_EQ(client->send({.method = "PUT", .body = content}).body, "PUT 3000000 ");
    EXPECT_EQ(client->send({.method = "PUT", .body_file = folder.path("file")}).body,
              "PUT 3000000 ");
    EXPECT_EQ(client->send({.method = "HEAD"}).body, "");
    EXPECT_EQ(error_of([&] { client->send({.body_file = folder.path("none")}); }).code(),
              ErrorCode::not_found);
    EXPECT_EQ(error_of([&] { client->send({.target = "/a b"}); }).code(),
              ErrorCode::invalid_argument);
}

TEST(Client, ReadsTheRefusalOfALargeUpload) {
    auto server = serve(buffered([](Request&) { return Response::text(""); }, 1000));
    auto client = Client::open(url(*server));
    EXPECT_EQ(client->send({.method = "PUT", .body = std::string(20 << 20, 'a')}).status, 413u);
    EXPECT_EQ(client->send({.method = "PUT", .body = "small"}).status, 200u);
}

TEST(Client, StreamsUntilItHasEnough) {
    auto channel = Channel::create();
    std::promise<void> gone;
    channel->on_gone([&] { gone.set_value(); });
    auto server = serve(buffered([&](Request&) { return Response::event_stream(channel); }));
    auto client = Client::open(url(*server));
    channel->push(format_event("1", "log", "first"));
    EventParser parser;
    std::vector<std::string> data;
    auto response = client->stream({}, [&](std::string_view bytes) {
        parser.feed(bytes, [&](const auto& event) {
            data.push_back(event.data);
            if (data.size() == 1) channel->push(format_event("2", "log", "second"));
        });
        return data.size() < 2;
    });
    EXPECT_EQ(response.status, 200u);
    EXPECT_EQ(data, (std::vector<std::string>{"first", "second"}));
    EXPECT_EQ(gone.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST(Client, SaysThatTheServerIsNotThere) {
    std::uint16_t port = 0;
    listen_anywhere(port);
    auto refused =
        error_of([&] { Client::open("http://127.0.0.1:" + std::to_string(port))->send({}); });
    EXPECT_EQ(refused.code(), ErrorCode::unavailable);
    EXPECT_EQ(refused.message(), "cannot reach http://127.0.0.1:" + std::to_string(port) +
                                     ": connection refused. Is the server running?");
    EXPECT_EQ(error_of([&] { Client::open("unix:/nonexistent/maru.sock")->send({}); }).code(),
              ErrorCode::unavailable);
    for (const char* bad :
         {"ftp://x", "http://", "http://host:0", "http://host:x", "unix:", "host"})
        EXPECT_EQ(error_of([&] { Client::open(bad); }).code(), ErrorCode::invalid_argument) << bad;
}

TEST(Client, GivesUpOnASilentServer) {
    std::uint16_t port = 0;
    FileDescriptor listener = listen_anywhere(port);
    auto client = Client::open("http://127.0.0.1:" + std::to_string(port));
    auto error = error_of([&] { client->send({.timeout = std::chrono::milliseconds(50)}); });
    EXPECT_EQ(error.code(), ErrorCode::deadline_exceeded);
}

TEST(Client, SaysThatAnAnswerWasCutOff) {
    std::uint16_t port = 0;
    FileDescriptor listener = listen_anywhere(port);
    std::thread server([&] {
        RawClient peer(accept_one(listener.get()));
        peer.read_until("\r\n\r\n");
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    });
    auto client = Client::open("http://127.0.0.1:" + std::to_string(port));
    EXPECT_EQ(error_of([&] { client->send({}); }).code(), ErrorCode::unavailable);
    server.join();
}

TEST(Client, ReopensAConnectionThatTheServerClosed) {
    std::uint16_t port = 0;
    FileDescriptor listener = listen_anywhere(port);
    std::thread server([&] {
        for (int i = 0; i < 3; ++i) {
            RawClient peer(accept_one(listener.get()));
            peer.read_until("\r\n\r\n");
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + std::to_string(i));
            // The second connection ends after it has taken another request.
            if (i == 1) peer.read_until("\r\n\r\n");
        }
    });
    auto client = Client::open("http://127.0.0.1:" + std::to_string(port));
    EXPECT_EQ(client->send({}).body, "0");
    EXPECT_EQ(client->send({.method = "POST"}).body, "1");
    // Was the POST acted on? Nobody knows, so it is not sent again.
    EXPECT_EQ(error_of([&] { client->send({.method = "POST"}); }).code(), ErrorCode::unavailable);
    EXPECT_EQ(client->send({}).body, "2");
    server.join();
}

TEST(Client, ReadsAnAnswerThatEndsWithItsConnection) {
    std::uint16_t port = 0;
    FileDescriptor listener = listen_anywhere(port);
    std::thread server([&] {
        RawClient peer(accept_one(listener.get()));
        peer.read_until("\r\n\r\n");
        peer.send("HTTP/1.0 200 OK\r\n\r\nall of it");
    });
    EXPECT_EQ(Client::open("http://localhost:" + std::to_string(port))->send({}).body, "all of it");
    server.join();
}

TEST(Client, ReachesUnixSocketsOfAnyLength) {
    TemporaryFolder folder;
    auto deep = folder.path(std::string(150, 'd'));
    std::filesystem::create_directories(deep);
    ServerOptions options;
    options.listen_tcp = false;
    options.unix_socket = deep / "maru.sock";
    auto server = serve(buffered([](Request&) { return Response::text("hello"); }), options);
    EXPECT_EQ(Client::open("unix:" + options.unix_socket.string())->send({}).body, "hello");
}

class Https : public ::testing::Test {
  protected:
    void SetUp() override {
        auto openssl = find_program("openssl");
        if (!openssl) GTEST_SKIP() << "openssl is not installed";
        auto made =
            run_child({*openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt",
                       "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                       "/CN=maru test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                       options_.tls_key.string(), "-out", options_.tls_certificate.string()},
                      {.environment = {{"PATH", "/usr/bin:/bin"}}});
        ASSERT_EQ(made.exit_code, 0) << made.output;
        server_ = serve(
            [](const RequestHead& head) {
                auto handle = [](Request& request) {
                    return Response::text(
                        (request.encrypted ? "encrypted " : "plain ") + request.body +
                        std::string(request.path == "/large" ? 5'000'000 : 0, 'z'));
                };
                return Route{.kind = Route::Kind::buffered,
                             .body_bytes_max = head.path == "/large" ? 1 : 8 << 20,
                             .handle = handle};
            },
            options_);
        url_ = "https://127.0.0.1:" + std::to_string(server_->port());
    }

    TemporaryFolder folder_;
    ServerOptions options_{.tls_certificate = folder_.path("certificate.pem"),
                           .tls_key = folder_.path("key.pem")};
    std::unique_ptr<Server> server_;
    std::string url_;
};

TEST_F(Https, WorksWithATrustedCertificateOnly) {
    auto distrusted = error_of([&] { Client::open(url_)->send({}); });
    EXPECT_EQ(distrusted.code(), ErrorCode::unavailable);
    EXPECT_NE(distrusted.message().find("self-signed"), std::string::npos) << distrusted.message();

    ::setenv("MARU_CA_FILE", options_.tls_certificate.c_str(), 1);
    auto client = Client::open(url_);
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(client->send({.method = "POST", .body = "body"}).body, "encrypted body");
    EXPECT_EQ(client->send({.method = "PUT", .body = std::string(4 << 20, 'u')}).body.size(),
              10u + (4u << 20));
    EXPECT_EQ(client->send({.target = "/large"}).body.size(), 10u + 5'000'000u);
    // The certificate names 127.0.0.1, not localhost.
    auto elsewhere = Client::open("https://localhost:" + std::to_string(server_->port()));
    EXPECT_NE(error_of([&] { elsewhere->send({}); }).message().find("mismatch"), std::string::npos);
    ::unsetenv("MARU_CA_FILE");
}

TEST_F(Https, RefusesPlainRequestsAndHalfConfigurations) {
    RawClient plain(server_->port());
    plain.try_send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(plain.read_answer().status, 0u);
    ServerOptions half;
    half.tls_key = options_.tls_key;
    EXPECT_EQ(error_of([&] { serve(buffered(nullptr), half); }).code(),
              ErrorCode::invalid_argument);
    half.tls_certificate = options_.tls_key;
    EXPECT_EQ(error_of([&] { serve(buffered(nullptr), half); }).code(),
              ErrorCode::failed_precondition);
}

}  // namespace

}  // namespace maru::net
