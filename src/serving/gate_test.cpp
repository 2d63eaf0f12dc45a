#include "serving/gate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace maru::serving {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

net::Response write_error(const Error& error) {
    return net::Response::text(error.message(), 503);
}

struct Asked {
    std::shared_ptr<std::vector<net::Response>> answers =
        std::make_shared<std::vector<net::Response>>();
    void operator()(Gate& gate, std::string target = "/invocations") {
        gate.forward(
            std::move(target),
            [answers = answers](net::Response response) {
                answers->push_back(std::move(response));
            },
            write_error);
    }
    std::size_t count() const { return answers->size(); }
    net::ProxyBody& proxy(std::size_t i) { return std::get<net::ProxyBody>(answers->at(i).body); }
    std::string text(std::size_t i) { return std::get<std::string>(answers->at(i).body); }
};

std::shared_ptr<Gate> make_gate(Gate::Options options = {}, std::function<void()> on_waiting = {}) {
    return std::make_shared<Gate>("digits", options, std::move(on_waiting));
}

TEST(Gate, RequestsGoToTheReplicaWithTheFewestInFlight) {
    auto gate = make_gate();
    gate->update(EndpointState::ready, "", {"/a", "/b"});
    Asked ask;
    ask(*gate);
    ask(*gate);
    EXPECT_NE(ask.proxy(0).unix_socket, ask.proxy(1).unix_socket);
    ask.proxy(0).done(200, 1000);
    ask(*gate);
    EXPECT_EQ(ask.proxy(2).unix_socket, ask.proxy(0).unix_socket);
    EXPECT_EQ(ask.proxy(2).target, "/invocations");
}

TEST(Gate, IdleReplicasTakeTurns) {
    auto gate = make_gate();
    gate->update(EndpointState::ready, "", {"/a", "/b"});
    Asked ask;
    for (std::size_t i = 0; i < 4; ++i) {
        ask(*gate);
        ask.proxy(i).done(200, 1);
    }
    EXPECT_NE(ask.proxy(0).unix_socket, ask.proxy(1).unix_socket);
    EXPECT_EQ(ask.proxy(0).unix_socket, ask.proxy(2).unix_socket);
}

TEST(Gate, CredentialsStayOutside) {
    auto gate = make_gate();
    gate->update(EndpointState::ready, "", {"/a"});
    Asked ask;
    ask(*gate);
    for (auto name : {"Authorization", "Cookie", "X-CSRF-Token"}) {
        EXPECT_TRUE(ask.proxy(0).set_headers.has(name));
        EXPECT_EQ(ask.proxy(0).set_headers.get(name), "");
    }
}

TEST(Gate, AModelsAnswersCannotActAsThePortal) {
    auto gate = make_gate();
    gate->update(EndpointState::ready, "", {"/a"});
    Asked ask;
    ask(*gate);
    const auto& proxy = ask.proxy(0);
    EXPECT_FALSE(proxy.may_upgrade);
    EXPECT_EQ(proxy.answer_fields.find("Set-Cookie"), std::string_view::npos);
    EXPECT_FALSE(proxy.answer_fields.empty());
    EXPECT_THAT(proxy.answer_headers.get("Content-Security-Policy"), HasSubstr("sandbox"));
    EXPECT_EQ(proxy.answer_headers.get("X-Content-Type-Options"), "nosniff");
}

TEST(Gate, AReplicaThatLeavesIsBusyUntilItHasAnswered) {
    auto gate = make_gate();
    gate->update(EndpointState::ready, "", {"/a"});
    Asked ask;
    ask(*gate);
    EXPECT_FALSE(gate->is_busy("/a")) << "it does not leave";
    gate->update(EndpointState::ready, "", {"/b"});
    EXPECT_TRUE(gate->is_busy("/a"));
    ask(*gate);
    EXPECT_EQ(ask.proxy(1).unix_socket, "/b");
    gate->close();
    EXPECT_TRUE(gate->is_busy("/b"));
    ask.proxy(0).done(200, 1);
    EXPECT_FALSE(gate->is_busy("/a"));
}

TEST(Gate, RequestsWaitUntilAReplicaIsReady) {
    int waking = 0;
    auto gate = make_gate({}, [&] { ++waking; });
    Asked ask;
    ask(*gate, "/first");
    ask(*gate, "/second");
    EXPECT_EQ(ask.count(), 0u);
    EXPECT_EQ(waking, 1);
    gate->update(EndpointState::ready, "", {"/a"});
    ASSERT_EQ(ask.count(), 2u);
    EXPECT_EQ(ask.proxy(0).target, "/first");
    EXPECT_EQ(ask.proxy(1).target, "/second");
}

TEST(Gate, AFailedEndpointRefusesWhatWaitsAndWhatComes) {
    auto gate = make_gate();
    Asked ask;
    ask(*gate);
    gate->update(EndpointState::failed, "no such operator", {});
    ask(*gate);
    EXPECT_EQ(ask.text(0), "the endpoint digits has failed: no such operator");
    EXPECT_EQ(ask.text(1), "the endpoint digits has failed: no such operator");
    EXPECT_EQ(ask.answers->at(1).headers.get("Retry-After"), "1");
    EXPECT_EQ(gate->statistics().errors, 2);
}

TEST(Gate, TheQueueIsBoundedAndHasADeadline) {
    auto gate = make_gate({.waiting_max = 1, .wait_max = std::chrono::milliseconds(60'000)});
    Asked ask;
    ask(*gate);
    ask(*gate);
    EXPECT_THAT(ask.text(0), HasSubstr("1 requests wait already"));
    auto now = std::chrono::steady_clock::now();
    auto next = gate->expire(now);
    EXPECT_GT(next, now);
    EXPECT_EQ(ask.count(), 1u);
    EXPECT_EQ(gate->expire(next), Gate::Instant::max());
    EXPECT_EQ(ask.text(1), "the endpoint digits did not become ready in 60 s");
}

TEST(Gate, ADeletedEndpointAnswersThatItIsGone) {
    auto gate = make_gate();
    Asked ask;
    ask(*gate);
    gate->close();
    ask(*gate);
    EXPECT_EQ(ask.text(0), "the endpoint digits was deleted");
    EXPECT_EQ(ask.text(1), "the endpoint digits was deleted");
}

TEST(Gate, CountsRequestsErrorsAndLatencies) {
    auto gate = make_gate();
    gate->update(EndpointState::ready, "", {"/a"});
    Asked ask;
    for (std::size_t i = 0; i < 100; ++i) {
        ask(*gate);
        ask.proxy(i).done(i == 0 ? 502 : i == 1 ? 400 : 200, i < 95 ? 2000 : 50'000);
    }
    auto statistics = gate->statistics();
    EXPECT_EQ(statistics.requests, 100);
    EXPECT_EQ(statistics.errors, 1);
    EXPECT_NEAR(statistics.latency_ms.p50, 2, 0.2);
    EXPECT_NEAR(statistics.latency_ms.p90, 2, 0.2);
    EXPECT_NEAR(statistics.latency_ms.p99, 50, 4);
}

TEST(RoutingTable, FindsByProjectAndName) {
    RoutingTable table;
    auto gate = make_gate();
    table.set("p", "digits", gate);
    table.set("p", "a", make_gate());
    EXPECT_EQ(table.find("p", "digits"), gate);
    EXPECT_EQ(table.find("q", "digits"), nullptr);
    EXPECT_EQ(table.find("p", "other"), nullptr);
    EXPECT_THAT(table.names("p"), ElementsAre("a", "digits"));
    table.remove("p", "digits");
    EXPECT_EQ(table.find("p", "digits"), nullptr);
    EXPECT_THAT(table.names("q"), IsEmpty());
}

TEST(LatencyHistogram, QuantilesAreNearOverTheWholeRange) {
    for (std::int64_t us : {1, 3, 7, 8, 9, 100, 12'345, 6'000'000}) {
        LatencyHistogram histogram;
        histogram.record(us);
        EXPECT_NEAR(histogram.quantile_ms(0.5) * 1000, static_cast<double>(us),
                    0.07 * static_cast<double>(us) + 0.5)
            << us;
    }
}

}  // namespace
}  // namespace maru::serving
