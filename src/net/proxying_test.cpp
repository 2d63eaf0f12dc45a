#include "net/proxying.hpp"

#include <sys/socket.h>

#include <mutex>
#include <thread>

#include "net/socket_address.hpp"
#include "net/test_support.hpp"

namespace maru::net {

namespace {

using namespace testing;

/// A gateway before an application that the test plays itself, or a real server of ours.
class Proxy : public ::testing::Test {
  protected:
    Proxy() : listener_(listen_anywhere(port_)) { start_gateway(); }

    void start_gateway() {
        gateway_ = serve(direct([this](RequestHead head, Responder responder) {
            responder(Response{
                .body = ProxyBody{.unix_socket = unix_socket_,
                                  .host = "127.0.0.1",
                                  .port = port_,
                                  .target = head.target,
                                  .set_headers = {{"X-Set", "set"}, {"Cookie", ""}},
                                  .answer_fields = answer_fields_,
                                  .answer_headers = answer_headers_,
                                  .done = [this](unsigned status, std::int64_t latency_us) {
                                      std::lock_guard lock(mutex_);
                                      EXPECT_GE(latency_us, 0);
                                      statuses_.push_back(status);
                                      changed_.notify_all();
                                  }}});
        }));
    }

    std::vector<unsigned> wait_for_statuses(std::size_t count) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, std::chrono::seconds(10),
                          [&] { return statuses_.size() >= count; });
        return statuses_;
    }

    RawClient application() { return RawClient(accept_one(listener_.get())); }

    std::uint16_t port_ = 0;
    FileDescriptor listener_;
    std::string unix_socket_, answer_fields_;
    Headers answer_headers_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<unsigned> statuses_;
    std::unique_ptr<Server> gateway_;
};

TEST_F(Proxy, PassesARequestAndItsAnswerOn) {
    RawClient client(gateway_->port());
    client.send(
        "POST /a%20b?c=d HTTP/1.1\r\nHost: maru.example\r\nCookie: secret=1\r\nX-Set: theirs\r\n"
        "X-Forwarded-For: 10.0.0.1\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\n"
        "X-Kept: kept\r\nContent-Length: 4\r\n\r\nbody");
    auto application = this->application();
    std::string request = application.read_until("body");
    EXPECT_TRUE(request.starts_with("POST /a%20b?c=d HTTP/1.1\r\n"));
    EXPECT_NE(request.find("\r\nHost: maru.example\r\n"), std::string::npos);
    EXPECT_NE(request.find("\r\nX-Set: set\r\n"), std::string::npos);
    EXPECT_NE(request.find("\r\nX-Kept: kept\r\n"), std::string::npos);
    EXPECT_NE(request.find("\r\nX-Forwarded-For: 10.0.0.1, 127.0.0.1\r\n"), std::string::npos);
    EXPECT_NE(request.find("\r\nX-Forwarded-Proto: http\r\n"), std::string::npos);
    EXPECT_NE(request.find("\r\nContent-Length: 4\r\n"), std::string::npos);
    for (const char* gone : {"secret", "theirs", "X-Hop", "TE:"})
        EXPECT_EQ(request.find(gone), std::string::npos) << gone;
    application.send(
        "HTTP/1.1 201 Made it\r\nX-Answer: a\r\nKeep-Alive: timeout=5\r\nContent-Length: "
        "6\r\n\r\nanswer");
    auto answer = client.read_answer();
    EXPECT_TRUE(answer.head.starts_with("HTTP/1.1 201 Made it\r\n"));
    EXPECT_EQ(answer.headers.get("X-Answer"), "a");
    EXPECT_FALSE(answer.headers.has("Keep-Alive"));
    EXPECT_EQ(answer.body, "answer");
    EXPECT_EQ(wait_for_statuses(1), (std::vector{201u}));

    // The next request comes over the same connection.
    client.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    application.read_until("\r\n\r\n");
    application.send("HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n");
    EXPECT_EQ(client.read_answer(true).headers.get("Content-Length"), "77");
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    application.read_until("\r\n\r\n");
    application.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n");
    EXPECT_EQ(client.read_answer().status, 304u);
}

TEST_F(Proxy, PassesOnWhatAnswersMayHave) {
    answer_fields_ = "Content-Type, X-Kept";
    answer_headers_.set("Content-Security-Policy", "sandbox");
    RawClient client(gateway_->port());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    auto application = this->application();
    application.read_until("\r\n\r\n");
    application.send(
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\ncontent-type: text/html\r\nX-Kept: 1\r\n"
        "Content-Security-Policy: none\r\nContent-Length: 2\r\n\r\nhi");
    std::string answer = client.read_until("hi");
    EXPECT_EQ(answer.find("Set-Cookie"), std::string::npos);
    EXPECT_NE(answer.find("content-type: text/html\r\n"), std::string::npos);
    EXPECT_NE(answer.find("X-Kept: 1\r\n"), std::string::npos);
    EXPECT_NE(answer.find("Content-Security-Policy: sandbox\r\n"), std::string::npos);
    EXPECT_EQ(answer.find("none"), std::string::npos);
}

TEST_F(Proxy, StreamsAnswersOfUnknownLength) {
    RawClient client(gateway_->port());
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    auto application = this->application();
    application.read_until("\r\n\r\n");
    application.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
    client.read_until("first\r\n");
    application.send("6\r\nsecond\r\n0\r\n\r\n");
    EXPECT_EQ(client.read_until("0\r\n\r\n"), "6\r\nsecond\r\n0\r\n\r\n");
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    application.read_until("\r\n\r\n");
    application.send("HTTP/1.0 200 OK\r\n\r\nto the end");
    application.close();
    EXPECT_EQ(client.read_answer().body, "to the end");
}

TEST_F(Proxy, StreamsLargeBodiesBothWays) {
    auto echo = serve(streaming([](Request& request) {
        std::string all;
        for (;;) {
            std::string piece = request.body_reader->read();
            if (piece.empty()) break;
            all += piece;
        }
        return Response::text(all);
    }));
    port_ = echo->port();
    std::string body;
    for (int i = 0; i < 500'000; ++i) body += std::to_string(i);
    auto client = Client::open("http://127.0.0.1:" + std::to_string(gateway_->port()));
    for (std::size_t size : {std::size_t{0}, std::size_t{100}, std::size_t{64 << 10},
                             std::size_t{(64 << 10) + 1}, body.size()}) {
        auto response = client->send({.method = "PUT", .body = body.substr(0, size)});
        EXPECT_EQ(response.status, 200u);
        EXPECT_TRUE(response.body == body.substr(0, size)) << size;
    }
    RawClient raw(gateway_->port());
    raw.send("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    raw.send("2\r\nde\r\n0\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(raw.read_answer().body, "abcde");
    EXPECT_EQ(raw.read_answer().status, 200u);
    raw.send("PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n\r\n");
    EXPECT_EQ(raw.read_answer().status, 100u);
    raw.send(std::string(100'000, 'q'));
    EXPECT_EQ(raw.read_answer().body.size(), 100'000u);
}

TEST_F(Proxy, PassesAnEarlyRefusalOn) {
    auto refusing = serve(streaming([](Request&) { return Response::text("no", 403); }));
    port_ = refusing->port();
    RawClient client(gateway_->port());
    client.try_send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n" +
                    std::string(10'000'000, 'a'));
    EXPECT_EQ(client.read_answer().status, 403u);
}

TEST_F(Proxy, SaysThatTheApplicationIsNotThere) {
    listener_.reset();
    RawClient client(gateway_->port());
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab");
    auto answer = client.read_answer();
    EXPECT_EQ(answer.status, 502u);
    EXPECT_TRUE(
        answer.body.starts_with(R"({"error":{"code":"unavailable","message":"cannot reach)"))
        << answer.body;
    client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    EXPECT_EQ(client.read_answer().status, 502u);
    EXPECT_EQ(wait_for_statuses(2), (std::vector{502u, 502u}));
}

TEST_F(Proxy, AnswersForAnApplicationThatBreaks) {
    for (const char* broken : {"", "HTTP/1.1 20", "nonsense\r\n\r\n"}) {
        RawClient client(gateway_->port());
        client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        auto application = this->application();
        application.read_until("\r\n\r\n");
        application.send(broken);
        application.close();
        EXPECT_EQ(client.read_answer().status, 502u) << broken;
    }
    RawClient client(gateway_->port());
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    auto application = this->application();
    application.read_until("\r\n\r\n");
    application.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
    application.close();
    // A cut answer must not look whole.
    EXPECT_EQ(client.read_until("0\r\n\r\n").find("0\r\n\r\n"), std::string::npos);
}

TEST_F(Proxy, SurvivesTheApplicationsRestart) {
    RawClient client(gateway_->port());
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    auto first = application();
    first.read_until("\r\n\r\n");
    first.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
    EXPECT_EQ(client.read_answer().body, "1");
    // Closed while idle: noticed before the connection is used.
    first.close();
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na");
    auto second = application();
    second.read_until("\r\n\r\n");
    second.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2");
    EXPECT_EQ(client.read_answer().body, "2");
    // Closed when it has the request: what can be repeated is sent again.
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    second.read_until("GET / ");
    second.read_until("\r\n\r\n");
    second.close();
    auto third = application();
    third.read_until("\r\n\r\n");
    third.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n3");
    EXPECT_EQ(client.read_answer().body, "3");
    // What may have been acted on is not.
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na");
    third.read_until("\r\n\r\na");
    third.close();
    EXPECT_EQ(client.read_answer().status, 502u);
}

TEST_F(Proxy, TellsTheApplicationThatItsClientIsGone) {
    RawClient waiting(gateway_->port()), following(gateway_->port());
    waiting.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    auto first = application();
    first.read_until("\r\n\r\n");
    waiting.close();
    EXPECT_TRUE(first.ends());
    EXPECT_EQ(wait_for_statuses(1), (std::vector{499u}));
    following.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    auto second = application();
    second.read_until("\r\n\r\n");
    second.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
    following.read_until("data: 1");
    following.close();
    EXPECT_TRUE(second.ends());
}

TEST_F(Proxy, TunnelsAfterAnUpgrade) {
    RawClient client(gateway_->port());
    client.send(
        "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Key: k\r\n\r\nahead");
    auto application = this->application();
    std::string request = application.read_until("\r\n\r\n");
    EXPECT_NE(request.find("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"), std::string::npos);
    application.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Accept: a\r\n\r\nhello");
    std::string head = client.read_until("\r\n\r\nhello");
    EXPECT_NE(head.find("Upgrade: websocket\r\n"), std::string::npos);
    EXPECT_NE(head.find("Sec-WebSocket-Accept: a\r\n"), std::string::npos);
    EXPECT_EQ(application.read_exactly(5), "ahead");
    std::string large(1 << 20, 'w');
    std::thread sending([&] { client.send(large); });
    EXPECT_TRUE(application.read_exactly(large.size()) == large);
    sending.join();
    application.send("back");
    EXPECT_EQ(client.read_exactly(4), "back");
    // Each direction ends by itself.
    client.shutdown_write();
    EXPECT_TRUE(application.ends());
    application.send("last words");
    application.close();
    EXPECT_EQ(client.read_exactly(10), "last words");
    EXPECT_TRUE(client.ends());
    EXPECT_EQ(wait_for_statuses(1), (std::vector{101u}));
}

TEST_F(Proxy, PassesARefusedUpgradeOn) {
    RawClient client(gateway_->port());
    client.send("GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    auto application = this->application();
    application.read_until("\r\n\r\n");
    application.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(client.read_answer().status, 404u);
}

TEST_F(Proxy, ClosesTunnelsWhenTheServerStops) {
    RawClient client(gateway_->port());
    client.send("GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    auto application = this->application();
    application.read_until("\r\n\r\n");
    application.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
    client.read_until("\r\n\r\n");
    gateway_->stop(std::chrono::seconds(60));
    EXPECT_TRUE(client.ends());
    EXPECT_TRUE(application.ends());
}

TEST_F(Proxy, ReachesUnixSocketsOfAnyLength) {
    TemporaryFolder folder;
    auto deep = folder.path(std::string(150, 'd'));
    std::filesystem::create_directories(deep);
    unix_socket_ = deep / "application.sock";
    ServerOptions options;
    options.listen_tcp = false;
    options.unix_socket = unix_socket_;
    auto application =
        serve(buffered([](Request& request) { return Response::text(request.body); }), options);
    auto client = Client::open("http://127.0.0.1:" + std::to_string(gateway_->port()));
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(client->send({.method = "POST", .body = "unix"}).body, "unix");
    application = nullptr;
    EXPECT_EQ(client->send({.method = "POST", .body = "unix"}).status, 502u);
    application = serve(buffered([](Request&) { return Response::text("again"); }), options);
    EXPECT_EQ(client->send({}).body, "again");
}

TEST(ProxyAfterABufferedRoute, SendsTheBodyThatWasRead) {
    auto application = serve(buffered([](Request& request) {
        return Response::text(request.body + std::string(request.headers.get("X-Test")));
    }));
    auto gateway = serve(buffered([&](Request&) {
        return Response{
            .body = ProxyBody{.host = "127.0.0.1", .port = application->port(), .target = "/"}};
    }));
    auto client = Client::open("http://127.0.0.1:" + std::to_string(gateway->port()));
    EXPECT_EQ(client->send({.method = "POST", .headers = {{"X-Test", "t"}}, .body = "read "}).body,
              "read t");
}

}  // namespace

}  // namespace maru::net
