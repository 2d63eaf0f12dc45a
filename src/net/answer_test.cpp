// Bodies that are files and channels.
#include <sys/socket.h>

#include <fstream>
#include <thread>

#include "base/error.hpp"
#include "net/test_support.hpp"

namespace maru::net {

namespace {

using namespace testing;

class Files : public ::testing::Test {
  protected:
    Files() {
        for (int i = 0; i < 100'000; ++i) content_ += static_cast<char>('a' + i % 26);
        std::ofstream(folder_.path("file")) << content_;
        server_ = serve(buffered([this](Request& request) {
            Response response{.status = 200, .headers = {}, .body = FileBody{folder_.path("file")}};
            if (request.path == "/prefix") response.body = FileBody{folder_.path("file"), 10};
            if (request.path == "/missing") response.body = FileBody{folder_.path("missing")};
            if (request.path == "/folder") response.body = FileBody{folder_.path("")};
            return response;
        }));
    }

    RawClient::Answer get(std::string_view path, std::string_view range,
                          const char* method = "GET") {
        RawClient client(server_->port());
        std::string fields = range.empty() ? "" : "Range: " + std::string(range) + "\r\n";
        client.send(std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n" +
                    fields + "\r\n");
        return client.read_answer(method == std::string_view("HEAD"));
    }

    TemporaryFolder folder_;
    std::string content_;
    std::unique_ptr<Server> server_;
};

TEST_F(Files, AreSentWhole) {
    auto answer = get("/", "");
    EXPECT_EQ(answer.status, 200u);
    EXPECT_EQ(answer.headers.get("Accept-Ranges"), "bytes");
    EXPECT_TRUE(answer.body == content_);
    auto head = get("/", "", "HEAD");
    EXPECT_EQ(head.headers.get("Content-Length"), "100000");
    EXPECT_EQ(get("/missing", "").status, 404u);
    EXPECT_EQ(get("/folder", "").status, 404u);
}

TEST_F(Files, AreSentInRanges) {
    struct Case {
        const char* range;
        unsigned status;
        std::size_t first, size;
    };
    for (auto [range, status, first, size] :
         {Case{"bytes=0-0", 206, 0, 1}, Case{"bytes=10-19", 206, 10, 10},
          Case{"bytes=99990-", 206, 99990, 10}, Case{"bytes=-5", 206, 99995, 5},
          Case{"bytes=99999-200000", 206, 99999, 1}, Case{"bytes=-200000", 206, 0, 100'000},
          Case{"bytes=5-4", 200, 0, 100'000}, Case{"bytes=a-b", 200, 0, 100'000},
          Case{"bytes=0-1,4-5", 200, 0, 100'000}, Case{"lines=1-2", 200, 0, 100'000},
          Case{"bytes=-", 200, 0, 100'000}}) {
        auto answer = get("/", range);
        EXPECT_EQ(answer.status, status) << range;
        EXPECT_TRUE(answer.body == content_.substr(first, size)) << range;
        if (status == 206)
            EXPECT_EQ(answer.headers.get("Content-Range"), "bytes " + std::to_string(first) + "-" +
                                                               std::to_string(first + size - 1) +
                                                               "/100000");
    }
    for (const char* range : {"bytes=100000-", "bytes=-0"}) {
        auto answer = get("/", range);
        EXPECT_EQ(answer.status, 416u) << range;
        EXPECT_EQ(answer.headers.get("Content-Range"), "bytes */100000");
    }
}

TEST_F(Files, CanBeSentUpToASize) {
    EXPECT_EQ(get("/prefix", "").body, content_.substr(0, 10));
    EXPECT_EQ(get("/prefix", "bytes=8-100").headers.get("Content-Range"), "bytes 8-9/10");
    EXPECT_EQ(get("/prefix", "bytes=10-").status, 416u);
}

/// A server whose answer has so many pieces and then ends, or fails.
std::unique_ptr<Server> serve_pieces(int count, bool fails, std::atomic<int>& made) {
    return serve(buffered([count, fails, &made](Request&) {
        Response response;
        response.body = GeneratedBody{[count, fails, &made, i = 0]() mutable -> std::string {
            if (i == count && fails) throw Error(ErrorCode::internal, "broken");
            if (i == count) return {};
            ++made;
            return std::string(1000, static_cast<char>('a' + i++ % 26));
        }};
        return response;
    }));
}

TEST(GeneratedBodies, AreSentPieceByPiece) {
    std::atomic<int> made = 0;
    auto server = serve_pieces(3000, false, made);
    RawClient client(server->port());
    for (int round = 0; round < 2; ++round) {  // the connection stays usable
        client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        auto answer = client.read_answer();
        EXPECT_EQ(answer.body.size(), 3'000'000u);
        EXPECT_EQ(answer.body.substr(999, 2), "ab");
    }
    int before = made;
    client.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read_answer(true).status, 200u);
    EXPECT_EQ(made, before);
    RawClient old(server->port());
    old.send("GET / HTTP/1.0\r\n\r\n");
    auto text = old.read_until("never");
    EXPECT_EQ(text.size() - text.find("\r\n\r\n") - 4, 3'000'000u);
}

TEST(GeneratedBodies, AreNotMadeAheadOfASlowClient) {
    std::atomic<int> made = 0;
    auto server = serve_pieces(1'000'000, false, made);
    {
        RawClient client(server->port());
        client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        while (made == 0) std::this_thread::yield();
    }
    int seen = -1;
    while (seen != made) {
        seen = made;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    EXPECT_LT(made, 100'000);  // what the kernel buffers, at most
}

TEST(GeneratedBodies, AreCutWhereTheyFail) {
    std::atomic<int> made = 0;
    auto server = serve_pieces(2, true, made);
    RawClient client(server->port());
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    auto text = client.read_until("never");
    EXPECT_TRUE(text.contains("200 OK"));
    EXPECT_TRUE(text.contains("bbb"));
    EXPECT_FALSE(text.contains("\r\n0\r\n"));
}

TEST(Channels, SendWhatIsPushedFromAnyThread) {
    auto channel = Channel::create();
    auto server = serve(buffered([&](Request&) { return Response::event_stream(channel); }));
    EXPECT_TRUE(channel->push("data: early\n\n"));
    RawClient client(server->port());
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_NE(client.read_until("data: early\n\n").find("Content-Type: text/event-stream"),
              std::string::npos);
    std::thread([&] { EXPECT_TRUE(channel->push("data: later\n\n")); }).join();
    client.read_until("data: later\n\n");
    // A request sent ahead is not lost, and answered once the stream has ended.
    client.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    channel->close();
    EXPECT_FALSE(channel->push("too late"));
    client.read_until("0\r\n\r\n");
    EXPECT_EQ(client.read_answer(true).status, 200u);
}

TEST(Channels, TellWhenAnIdleClientLeaves) {
    auto channel = Channel::create();
    std::promise<void> gone;
    channel->on_gone([&] { gone.set_value(); });
    auto server = serve(buffered([&](Request&) { return Response::event_stream(channel); }));
    RawClient client(server->port());
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    client.read_until("\r\n\r\n");
    client.close();
    EXPECT_EQ(gone.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
    EXPECT_FALSE(channel->is_open());
    EXPECT_FALSE(channel->push("x"));
}

TEST(Channels, CutAClientThatDoesNotRead) {
    auto channel = Channel::create(1 << 20);
    std::promise<void> gone;
    channel->on_gone([&] { gone.set_value(); });
    auto server = serve(buffered([&](Request&) { return Response{.body = channel}; }));
    RawClient client(server->port());
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    client.read_until("\r\n\r\n");
    std::string block(64 << 10, 'a');
    std::size_t pushed = 0;
    while (channel->push(block)) pushed += block.size();
    EXPECT_EQ(gone.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
    // The connection ends without the terminating chunk.
    auto rest = client.read_until("0\r\n\r\n");
    EXPECT_FALSE(rest.ends_with("\r\n0\r\n\r\n"));
    EXPECT_LT(rest.size(), pushed);
}

TEST(Channels, BeatWhileAnEventStreamRests) {
    ServerOptions options;
    options.event_heartbeat = std::chrono::milliseconds(5);
    auto channel = Channel::create();
    auto server =
        serve(buffered([&](Request&) { return Response::event_stream(channel); }), options);
    RawClient client(server->port());
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    client.read_until("\r\n\r\n");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(client.read_until(": \n\n\r\n"), "4\r\n: \n\n\r\n");
}

TEST(Channels, EndWhenTheServerStops) {
    auto channel = Channel::create();
    std::promise<void> gone;
    channel->on_gone([&] { gone.set_value(); });
    auto server = serve(buffered([&](Request&) { return Response::event_stream(channel); }));
    RawClient client(server->port());
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    client.read_until("\r\n\r\n");
    server->stop(std::chrono::seconds(60));
    EXPECT_EQ(client.read_until("0\r\n\r\n"), "0\r\n\r\n");
    EXPECT_TRUE(client.ends());
    EXPECT_EQ(gone.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST(Channels, CallBackAtOnceIfTheClientIsGoneAlready) {
    auto channel = Channel::create(4);
    EXPECT_FALSE(channel->push("more than four"));
    bool gone = false;
    channel->on_gone([&] { gone = true; });
    EXPECT_TRUE(gone);
}

/// A server with a body of 26 letters over and over, in pieces of 1000, which can't be had from
/// `broken_at` on.
std::unique_ptr<Server> serve_ranged(std::int64_t size, std::int64_t broken_at) {
    return serve(buffered([=](Request&) {
        Response response;
        response.headers.set("ETag", "\"x\"");
        response.body =
            RangedBody{size, [=](std::int64_t offset, std::int64_t size_bytes) {
                           return GeneratedBody{[=, at = offset]() mutable -> std::string {
                               if (at >= broken_at) fail(ErrorCode::unavailable, "not there");
                               auto end = std::min(at + 1000, offset + size_bytes);
                               std::string piece;
                               for (; at < end; ++at) piece += static_cast<char>('a' + at % 26);
                               return piece;
                           }};
                       }};
        return response;
    }));
}

TEST(RangedBodies, AreSentWholeAndInRanges) {
    auto server = serve_ranged(100'000, 1 << 30);
    RawClient client(server->port());
    auto get = [&](const std::string& range, const char* method = "GET") {
        client.send(std::string(method) + " / HTTP/1.1\r\nHost: x\r\n" + range + "\r\n");
        return client.read_answer(std::string_view(method) == "HEAD");
    };
    auto whole = get("");
    EXPECT_EQ(whole.headers.get("Content-Length"), "100000");
    EXPECT_EQ(whole.headers.get("Accept-Ranges"), "bytes");
    EXPECT_EQ(whole.body.size(), 100'000u);
    EXPECT_EQ(get("", "HEAD").headers.get("Content-Length"), "100000");
    auto part = get("Range: bytes=2500-4999\r\n");
    EXPECT_EQ(part.status, 206u);
    EXPECT_EQ(part.headers.get("Content-Range"), "bytes 2500-4999/100000");
    EXPECT_EQ(part.body, whole.body.substr(2500, 2500));
    EXPECT_EQ(get("Range: bytes=-7\r\n").body, whole.body.substr(99'993));
    EXPECT_EQ(get("Range: bytes=100000-\r\n").status, 416u);
    auto empty_server = serve_ranged(0, 1 << 30);
    RawClient other(empty_server->port());
    other.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(other.read_answer().headers.get("Content-Length"), "0");
}

TEST(RangedBodies, SayWhyTheyCannotBeginAndAreCutWhereTheyFailLater) {
    auto server = serve_ranged(100'000, 50'000);
    RawClient client(server->port());
    client.send("GET / HTTP/1.1\r\nHost: x\r\nRange: bytes=60000-\r\n\r\n");
    auto refusal = client.read_answer();
    EXPECT_EQ(refusal.status, 503u);
    EXPECT_TRUE(refusal.body.contains("not there"));
    EXPECT_EQ(refusal.headers.get("ETag"), "");
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    auto text = client.read_until("never");
    EXPECT_LT(text.size(), 60'000u);
}

}  // namespace

}  // namespace maru::net
