#include "net/server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "base/error.hpp"
#include "net/test_support.hpp"

namespace maru::net {

namespace {

using namespace testing;

Response echo(Request& request) {
    return Response::text(request.method + " " + request.path + " " + request.body);
}

TEST(Server, AnswersAndKeepsTheConnection) {
    auto server = serve(buffered(echo));
    RawClient client(server->port());
    for (int i = 0; i < 3; ++i) {
        client.send("POST /a%20b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
        auto answer = client.read_answer();
        EXPECT_EQ(answer.status, 200u);
        EXPECT_EQ(answer.body, "POST /a b hi");
        EXPECT_TRUE(answer.headers.has("Date"));
        EXPECT_FALSE(answer.headers.has("Connection"));
    }
    client.send("GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(client.read_answer().headers.get("Connection"), "close");
    EXPECT_TRUE(client.ends());
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
    auto server = serve(buffered(echo));
    RawClient client(server->port());
    std::string all;
    for (int i = 0; i < 50; ++i)
        all +=
            "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
    client.send(all);
    for (int i = 0; i < 50; ++i)
        EXPECT_EQ(client.read_answer().body, "POST /" + std::to_string(i) + " abc");
}

TEST(Server, TakesARequestByteByByte) {
    auto server = serve(buffered(echo));
    RawClient client(server->port());
    std::string request =
        "\r\nPOST /slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n";
    for (char c : request) client.send({&c, 1});
    EXPECT_EQ(client.read_answer().body, "POST /slow abcde");
    client.send("GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read_answer().body, "GET /next ");
}

TEST(Server, ParsesTheTarget) {
    RequestHead seen;
    auto server = serve(buffered([&](Request& request) {
        seen = request;
        return Response::text("");
    }));
    RawClient client(server->port());
    client.send(
        "GET http://host/p%2Fq/%41%3f?a=1+2&b=%26&c HTTP/1.1\r\nHost: x\r\n"
        "Cookie: one=1; two=\"2\"\r\n\r\n");
    EXPECT_EQ(client.read_answer().status, 200u);
    EXPECT_EQ(seen.path, "/p%2Fq/A?");
    EXPECT_EQ(seen.query_value("a"), "1 2");
    EXPECT_EQ(seen.query_value("b"), "&");
    EXPECT_EQ(seen.query_value("c"), "");
    EXPECT_EQ(seen.query_value("d"), std::nullopt);
    EXPECT_EQ(seen.cookie("two"), "2");
    EXPECT_EQ(seen.cookie("three"), "");
    EXPECT_EQ(seen.remote_address, "127.0.0.1");
    EXPECT_FALSE(seen.encrypted);
}

class BadRequest : public ::testing::TestWithParam<std::pair<const char*, unsigned>> {};

TEST_P(BadRequest, IsRefusedAndTheConnectionClosed) {
    std::atomic<int> handled = 0;
    auto server = serve(buffered([&](Request& request) {
        ++handled;
        return echo(request);
    }));
    RawClient client(server->port());
    client.send(GetParam().first);
    auto answer = client.read_answer();
    EXPECT_EQ(answer.status, GetParam().second);
    EXPECT_EQ(answer.headers.get("Connection"), "close");
    EXPECT_NE(answer.body.find("\"error\""), std::string::npos);
    EXPECT_TRUE(client.ends());
    EXPECT_EQ(handled, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Server, BadRequest,
    ::testing::Values(
        std::pair("nonsense\r\n\r\n", 400u), std::pair("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 400u),
        std::pair("GET / HTTP/1.1\r\n\r\n", 400u),
        std::pair("GET relative HTTP/1.1\r\nHost: x\r\n\r\n", 400u),
        std::pair("GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400u),
        std::pair("GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400u),
        std::pair("GET / HTTP/1.1\r\nHost: x\r\nBad Name: 1\r\n\r\n", 400u),
        std::pair("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n", 400u),
        std::pair(
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            400u),
        std::pair("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                  400u),
        std::pair("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 400u),
        std::pair("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400u),
        std::pair("POST / HTTP/1.1\r\nHost: x\r\nExpect: magic\r\nContent-Length: 1\r\n\r\n",
                  417u)));

TEST(Server, RefusesHeadersThatAreTooLarge) {
    ServerOptions options;
    options.header_bytes_max = 4096;
    auto server = serve(buffered(echo), options);
    RawClient whole(server->port());
    whole.try_send("GET / HTTP/1.1\r\nHost: x\r\nX-Big: " + std::string(10'000, 'a') + "\r\n\r\n");
    EXPECT_EQ(whole.read_answer().status, 431u);
    RawClient many(server->port());
    many.send("GET / HTTP/1.1\r\nHost: x\r\n");
    for (int i = 0; i < 1000; ++i) many.try_send("X-Field-" + std::to_string(i) + ": value\r\n");
    EXPECT_EQ(many.read_answer().status, 431u);
}

TEST(Server, RefusesBodiesThatAreTooLargeWithoutReadingThem) {
    auto server = serve(buffered(echo, 1000));
    RawClient known(server->port());
    known.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n");
    EXPECT_EQ(known.read_answer().status, 413u);
    known.shutdown_write();
    EXPECT_TRUE(known.ends());
    RawClient chunked(server->port());
    chunked.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    chunked.send("400\r\n" + std::string(1024, 'a') + "\r\n");
    EXPECT_EQ(chunked.read_answer().status, 413u);
    // The answer arrives even though the client sends its whole body first.
    RawClient eager(server->port());
    eager.try_send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n" +
                   std::string(8'000'000, 'a'));
    EXPECT_EQ(eager.read_answer().status, 413u);
}

TEST(Server, AsksForAnExpectedBody) {
    auto server = serve(buffered(echo, 1000));
    RawClient client(server->port());
    client.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    EXPECT_EQ(client.read_answer().status, 100u);
    client.send("ok");
    EXPECT_EQ(client.read_answer().body, "POST / ok");
    client.send(
        "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2000\r\n\r\n");
    EXPECT_EQ(client.read_answer().status, 413u);
}

TEST(Server, EndsSlowRequests) {
    ServerOptions options;
    options.header_timeout = std::chrono::seconds(1);
    options.body_timeout = std::chrono::seconds(1);
    auto server = serve(buffered(echo), options);
    RawClient header(server->port()), body(server->port()), silent(server->port());
    header.send("GET / HTTP/1.1\r\n");
    body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc");
    EXPECT_EQ(header.read_answer().status, 408u);
    EXPECT_EQ(body.read_answer().status, 408u);
    EXPECT_TRUE(silent.ends());
}

TEST(Server, AnswersHeadWithoutABody) {
    auto server = serve(buffered([](Request&) { return Response::text("12345"); }));
    RawClient client(server->port());
    client.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read_answer(true).headers.get("Content-Length"), "5");
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read_answer().body, "12345");
}

TEST(Server, SpeaksHttp10) {
    auto server = serve(buffered(echo));
    RawClient keeping(server->port());
    keeping.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(keeping.read_answer().headers.get("Connection"), "keep-alive");
    keeping.send("GET /b HTTP/1.0\r\n\r\n");
    EXPECT_EQ(keeping.read_answer().body, "GET /b ");
    EXPECT_TRUE(keeping.ends());
}

TEST(Server, HidesWhatAHandlerThrowsAndGoesOn) {
    auto server = serve(buffered([](Request& request) -> Response {
        if (request.path == "/throw") throw std::runtime_error("secret");
        if (request.path == "/inject") {
            Response response = Response::text("");
            response.headers.set("X-Evil", "a\r\nSet-Cookie: b");
            return response;
        }
        return echo(request);
    }));
    RawClient client(server->port());
    for (const char* path : {"/throw", "/inject"}) {
        client.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n");
        auto answer = client.read_answer();
        EXPECT_EQ(answer.status, 500u);
        EXPECT_EQ(answer.body.find("secret"), std::string::npos);
        EXPECT_EQ(answer.head.find("Set-Cookie"), std::string::npos);
    }
    client.send("GET /fine HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read_answer().status, 200u);
}

TEST(Server, TellsWhenAllWorkersAreBusy) {
    Gate gate;
    std::promise<void> running;
    ServerOptions options;
    options.worker_threads = 1;
    options.queue_max = 0;
    auto server = serve(buffered([&](Request& request) {
                            if (request.path == "/wait") {
                                running.set_value();
                                gate.wait();
                            }
                            return echo(request);
                        }),
                        options);
    RawClient first(server->port()), second(server->port());
    first.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    running.get_future().wait();
    second.send("GET /other HTTP/1.1\r\nHost: x\r\n\r\n");
    auto answer = second.read_answer();
    EXPECT_EQ(answer.status, 503u);
    EXPECT_EQ(answer.headers.get("Retry-After"), "1");
    gate.open();
    EXPECT_EQ(first.read_answer().status, 200u);
}

TEST(Server, RefusesConnectionsBeyondItsLimit) {
    ServerOptions options;
    options.connections_max = 1;
    auto server = serve(buffered(echo), options);
    RawClient first(server->port());
    first.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(first.read_answer().status, 200u);
    RawClient second(server->port());
    second.try_send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    auto answer = second.read_answer();
    EXPECT_EQ(answer.status, 503u);
    EXPECT_EQ(answer.headers.get("Retry-After"), "1");
    first.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(first.read_answer().status, 200u);
}

TEST(Server, SaysWhichAddressIsInUse) {
    auto server = serve(buffered(echo));
    ServerOptions options;
    options.port = server->port();
    try {
        serve(buffered(echo), options);
        FAIL() << "the port could be taken twice";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::already_exists);
        EXPECT_NE(error.message().find("127.0.0.1:" + std::to_string(server->port())),
                  std::string::npos);
    }
}

TEST(Server, ListensOnUnixSocketsOfAnyLength) {
    TemporaryFolder folder;
    auto deep = folder.path(std::string(100, 'd')) / std::string(100, 'e');
    std::filesystem::create_directories(deep);
    ServerOptions options;
    options.listen_tcp = false;
    options.unix_socket = deep / "maru.sock";
    auto server = serve(
        buffered([](Request& request) { return Response::text(request.remote_address); }), options);
    auto client = RawClient::unix_socket(options.unix_socket);
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read_answer().body, "unix");
    EXPECT_THROW(serve(buffered(echo), options), Error);
    server->stop(std::chrono::seconds(1));
    EXPECT_FALSE(std::filesystem::exists(options.unix_socket));
    // A socket file that a killed server left behind does not stop the next one.
    {
        FileDescriptor left(::open((deep / "maru.sock").c_str(), O_RDONLY));
    }
    server = serve(buffered(echo), options);
}

TEST(Server, StopsAfterRequestsInFlight) {
    Gate gate;
    std::promise<void> running;
    auto server = serve(buffered([&](Request& request) {
        running.set_value();
        gate.wait();
        return echo(request);
    }));
    RawClient idle(server->port()), busy(server->port());
    busy.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    running.get_future().wait();
    std::thread stopping([&] { server->stop(std::chrono::seconds(10)); });
    EXPECT_TRUE(idle.ends());
    gate.open();
    auto answer = busy.read_answer();
    EXPECT_EQ(answer.status, 200u);
    EXPECT_EQ(answer.headers.get("Connection"), "close");
    EXPECT_TRUE(busy.ends());
    stopping.join();
}

TEST(Server, StreamsAnUploadInBoundedMemory) {
    constexpr std::size_t kTotal = 64 << 20;
    std::atomic<std::size_t> largest = 0;
    auto server = serve(streaming([&](Request& request) {
        EXPECT_EQ(request.body_reader->content_length(), static_cast<std::int64_t>(kTotal));
        std::size_t total = 0;
        for (;;) {
            std::string piece = request.body_reader->read();
            if (piece.empty()) break;
            largest = std::max(largest.load(), piece.size());
            total += piece.size();
        }
        EXPECT_EQ(request.body_reader->read(), "");
        return Response::text(std::to_string(total));
    }));
    RawClient client(server->port());
    client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(kTotal) +
                "\r\n\r\n");
    std::string block(1 << 20, 'a');
    for (std::size_t sent = 0; sent < kTotal; sent += block.size()) client.send(block);
    EXPECT_EQ(client.read_answer().body, std::to_string(kTotal));
    EXPECT_LE(largest, 256u << 10);
    client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(kTotal) +
                "\r\n\r\n");
}

TEST(Server, HoldsAnUploadBackWhileItsReaderRests) {
    Gate gate;
    auto server = serve(streaming([&](Request& request) {
        gate.wait();
        while (!request.body_reader->read().empty()) {
        }
        return Response::text("done");
    }));
    RawClient client(server->port());
    std::size_t total = 64 << 20;
    client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(total) +
                "\r\n\r\n");
    // What the kernel's buffers do not take must not be taken by the server.
    std::string block(1 << 20, 'a');
    std::size_t taken = 0;
    while (taken < total) {
        ssize_t n = ::send(client.fd(), block.data(), std::min(block.size(), total - taken),
                           MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) taken += static_cast<std::size_t>(n);
        pollfd poll_fd{client.fd(), POLLOUT, 0};
        if (n < 0 && ::poll(&poll_fd, 1, 200) == 0) break;
    }
    EXPECT_LT(taken, total);
    gate.open();
    client.send(std::string(total - taken, 'a'));
    EXPECT_EQ(client.read_answer().body, "done");
}

TEST(Server, TellsAStreamingHandlerThatItsClientIsGone) {
    std::promise<ErrorCode> code;
    auto server = serve(streaming([&](Request& request) {
        try {
            while (!request.body_reader->read().empty()) {
            }
        } catch (const Error& error) {
            code.set_value(error.code());
            throw;
        }
        return Response::text("done");
    }));
    RawClient client(server->port());
    client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
    client.close();
    EXPECT_EQ(code.get_future().get(), ErrorCode::cancelled);
}

TEST(Server, AnswersBeforeAStreamedBodyIsRead) {
    auto server = serve(streaming([](Request&) { return Response::text("no", 403); }));
    RawClient small(server->port());
    small.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde");
    EXPECT_EQ(small.read_answer().status, 403u);
    small.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(small.read_answer().status, 403u);
    RawClient large(server->port());
    large.try_send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n" +
                   std::string(10'000'000, 'a'));
    auto answer = large.read_answer();
    EXPECT_EQ(answer.status, 403u);
    EXPECT_EQ(answer.headers.get("Connection"), "close");
}

TEST(Server, LimitsAStreamedBodyOfUnknownLength) {
    std::promise<ErrorCode> code;
    auto server = serve(streaming(
        [&](Request& request) -> Response {
            try {
                while (!request.body_reader->read().empty()) {
                }
            } catch (const Error& error) {
                code.set_value(error.code());
            }
            return Response::text("too much", 413);
        },
        1000));
    RawClient client(server->port());
    client.try_send("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n" +
                    std::string(1024, 'a') + "\r\n");
    EXPECT_EQ(client.read_answer().status, 413u);
    EXPECT_EQ(code.get_future().get(), ErrorCode::invalid_argument);
}

TEST(Server, AnswersDirectRequestsFromAnyThread) {
    std::promise<Responder> given;
    auto server = serve(direct([&](RequestHead head, Responder responder) {
        if (head.path == "/later") return given.set_value(std::move(responder));
        if (head.path == "/drop") return;
        responder(Response::text("now"));
    }));
    RawClient client(server->port());
    client.send("GET /now HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read_answer().body, "now");
    client.send("GET /drop HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read_answer().status, 500u);
    // The second request is read ahead while the first waits for its answer.
    client.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    Responder responder = given.get_future().get();
    client.send("GET /now HTTP/1.1\r\nHost: x\r\n\r\n");
    std::thread([&] { responder(Response::text("later")); }).join();
    EXPECT_EQ(client.read_answer().body, "later");
    EXPECT_EQ(client.read_answer().body, "now");
}

TEST(Server, DropsADirectAnswerWhoseClientIsGone) {
    std::promise<Responder> given;
    auto server = serve(
        direct([&](RequestHead, Responder responder) { given.set_value(std::move(responder)); }));
    auto channel = Channel::create();
    std::promise<void> gone;
    channel->on_gone([&] { gone.set_value(); });
    RawClient client(server->port());
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    Responder responder = given.get_future().get();
    client.close();
    // Stopping waits for the connection, so the server has gone when the answer comes.
    server.reset();
    responder(Response::event_stream(channel));
    EXPECT_EQ(gone.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST(Server, ServesManyClientsOnSeveralThreads) {
    ServerOptions options;
    options.io_threads = 3;
    auto server = serve(buffered(echo), options);
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&, i] {
            auto client = Client::open("http://127.0.0.1:" + std::to_string(server->port()));
            for (int n = 0; n < 200; ++n) {
                std::string body = std::to_string(i * 1000 + n);
                auto response =
                    client->send({.method = "POST", .target = "/", .headers = {}, .body = body});
                ASSERT_EQ(response.body, "POST / " + body);
            }
        });
    for (auto& thread : threads) thread.join();
}

}  // namespace

}  // namespace maru::net
