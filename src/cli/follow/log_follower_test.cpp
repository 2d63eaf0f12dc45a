#include "cli/follow/log_follower.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "base/error.hpp"
#include "net/server.hpp"

namespace maru::cli {
namespace {

constexpr std::string_view kPath = "/api/v1/projects/p/jobs/j/logs";

/// Answers as jobs.logs does, from a text, `piece_bytes` at a time and one piece a connection.
class LogServer {
  public:
    LogServer(std::string log, std::size_t piece_bytes)
        : log_(std::move(log)), piece_(piece_bytes) {
        std::string name = (std::filesystem::temp_directory_path() / "maru-log-XXXXXX").string();
        int file = ::mkstemp(name.data());
        EXPECT_GE(file, 0);
        ::close(file);
        file_ = name;
        std::ofstream(file_, std::ios::binary) << log_;
        server_ = net::Server::start({}, [this](const net::RequestHead& head) {
            net::Route route;
            route.handle = [this, follow = head.query_value("follow").value_or("") ==
                                           "true"](net::Request& request) {
                if (request.path != kPath)
                    return net::Response::json(
                        R"({"error":{"code":"not_found","message":"no such job"}})", 404);
                if (follow) return events(request);
                net::Response response;
                response.body = net::FileBody{.path = file_};
                return response;
            };
            return route;
        });
    }
    ~LogServer() {
        server_->stop(std::chrono::milliseconds(0));
        std::filesystem::remove(file_);
    }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }
    int connections() const { return connections_; }

  private:
    net::Response events(const net::Request& request) {
        ++connections_;
        auto from = static_cast<std::size_t>(
            std::stoll(std::string(request.query_value("offset").value_or("0"))));
        auto channel = net::Channel::create();
        auto piece = log_.substr(from, piece_);
        auto id = std::to_string(from + piece.size());
        if (!piece.empty())
            channel->push(net::format_event(
                id, "log", R"({"text":)" + json_string(piece) + R"(,"offset":)" + id + "}"));
        else
            channel->push(net::format_event(id, "end", R"({"state":"failed","exit_code":3})"));
        channel->close();
        return net::Response::event_stream(channel);
    }

    std::string log_;
    std::size_t piece_;
    std::filesystem::path file_;
    std::atomic<int> connections_ = 0;
    std::unique_ptr<net::Server> server_;
};

struct Followed {
    std::string text;
    LogFollower::End end;
};

Followed follow(const LogServer& server, std::int64_t offset = 0) {
    ApiClient client(server.url(), "");
    LogFollower follower(client, {.project = "p", .id = "j", .offset = offset});
    Followed followed;
    followed.end = follower.follow([&](std::string_view bytes) { followed.text += bytes; },
                                   [](std::string_view) {});
    return followed;
}

TEST(LogFollower, resumes_where_the_connection_ended) {
    LogServer server("first\nsecond\n", 6);
    auto followed = follow(server);
    EXPECT_EQ(followed.text, "first\nsecond\n");
    EXPECT_EQ(followed.end.state, compute::WorkloadState::failed);
    EXPECT_EQ(followed.end.exit_code, 3);
    EXPECT_GE(server.connections(), 3);
}

TEST(LogFollower, begins_at_its_offset) {
    LogServer server("first\nsecond\n", 100);
    EXPECT_EQ(follow(server, 6).text, "second\n");
}

TEST(LogFollower, bytes_that_are_no_text_come_as_they_are) {
    std::string log("a\xff\xfe\x00z\n\xef\xbf\xbd", 9);
    LogServer server(log, 100);
    EXPECT_EQ(follow(server).text, log);
}

TEST(LogFollower, errors_of_the_server_are_told_at_once) {
    LogServer server("", 1);
    ApiClient client(server.url(), "");
    LogFollower follower(client, {.project = "p", .id = "other"});
    try {
        follower.follow([](std::string_view) {}, [](std::string_view) {});
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::not_found);
        EXPECT_EQ(error.message(), "no such job");
    }
}

}  // namespace
}  // namespace maru::cli
