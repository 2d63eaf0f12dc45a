#include "net/http.hpp"

#include <gtest/gtest.h>

#include "net/client.hpp"

namespace maru::net {

namespace {

TEST(Headers, CompareNamesWithoutCase) {
    Headers headers{{"Accept", "a"}, {"X-One", "1"}};
    headers.add("accept", "b");
    EXPECT_EQ(headers.get("ACCEPT"), "a");
    headers.set("aCCept", "c");
    EXPECT_EQ(headers.get("Accept"), "c");
    EXPECT_EQ(std::distance(headers.begin(), headers.end()), 2);
    headers.remove("x-one");
    EXPECT_FALSE(headers.has("X-One"));
    EXPECT_EQ(headers.get("X-One"), "");
}

std::vector<EventParser::Event> parse(std::string_view text, std::size_t step) {
    EventParser parser;
    std::vector<EventParser::Event> events;
    for (std::size_t at = 0; at < text.size(); at += step)
        parser.feed(text.substr(at, step), [&](const auto& event) { events.push_back(event); });
    return events;
}

TEST(EventParser, ReadsWhatFormatEventWrites) {
    std::string text = format_event("7", "log", "one\ntwo\r\n\rfour") + ": heartbeat\n\n" +
                       format_event("", "", "") + "data: cut";
    for (std::size_t step : {std::size_t{1}, std::size_t{3}, text.size()}) {
        auto events = parse(text, step);
        ASSERT_EQ(events.size(), 2u);
        EXPECT_EQ(events[0].id, "7");
        EXPECT_EQ(events[0].event, "log");
        EXPECT_EQ(events[0].data, "one\ntwo\n\nfour");
        // The id stays until another comes, as the format says.
        EXPECT_EQ(events[1].id, "7");
        EXPECT_EQ(events[1].event, "");
        EXPECT_EQ(events[1].data, "");
    }
}

TEST(EventParser, TakesAllLineEndsAndFieldsWithoutValues) {
    auto events = parse("data\r\r\nevent:a\r\ndata:  b\r\n\r\nevent: lost\n\ndata:c\n\n", 1);
    ASSERT_EQ(events.size(), 3u);
    EXPECT_EQ(events[0].data, "");
    EXPECT_EQ(events[1].event, "a");
    EXPECT_EQ(events[1].data, " b");
    EXPECT_EQ(events[2].event, "");
    EXPECT_EQ(events[2].data, "c");
}

}  // namespace

}  // namespace maru::net
