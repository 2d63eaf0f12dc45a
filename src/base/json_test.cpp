#include "base/json.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "base/error.hpp"

namespace maru {

namespace json_test {
enum class Color { red, green };
BOOST_DESCRIBE_ENUM(Color, red, green)

struct Part {
    std::string name;
    std::int32_t size = 7;
};
BOOST_DESCRIBE_STRUCT(Part, (), (name, size))
MARU_REQUIRED(Part, "name")

struct Whole {
    bool on = false;
    double ratio = 0;
    Color color = Color::red;
    std::optional<std::int64_t> limit;
    std::vector<Part> parts;
    std::map<std::string, double> metrics;
    Json extra;
    Time at{};
};
BOOST_DESCRIBE_STRUCT(Whole, (), (on, ratio, color, limit, parts, metrics, extra, at))
}  // namespace json_test

using json_test::Whole;

std::string message_of(std::string_view text) {
    try {
        from_json<Whole>(text);
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
        return error.message();
    }
    return "";
}

TEST(Json, reads_what_it_writes) {
    std::string text =
        R"({"on":true,"ratio":0.1,"color":"green","limit":null,"parts":[{"name":"a \"b\"\n","size":3}],)"
        R"("metrics":{"loss":1.0},"extra":{"x":[1,2]},"at":"2026-11-22T15:00:00.123Z"})";
    EXPECT_EQ(to_json(from_json<Whole>(text)), text);
}

TEST(Json, names_the_path_of_every_wrong_field) {
    EXPECT_EQ(message_of(R"({"parts":[{"name":"a"},{"size":"two"}]})"),
              "parts[1].name: is missing; parts[1].size: expected an integer, got \"two\"");
    EXPECT_EQ(message_of(R"({"color":"blue"})"), "color: expected one of red, green, got \"blue\"");
    EXPECT_NE(message_of(R"({"colour":"red"})").find("colour: is not a field"), std::string::npos);
    EXPECT_EQ(message_of(R"({"parts":[{"name":"a","size":3000000000}]})"),
              "parts[0].size: 3000000000 is out of range; expected -2147483648 to 2147483647");
    EXPECT_EQ(message_of("[]"), "expected an object, got []");
}

TEST(Json, refuses_what_is_not_json) {
    EXPECT_EQ(message_of(""), "the body is empty; expected a JSON object");
    EXPECT_NE(message_of("{\"on\":tru}").find("not JSON"), std::string::npos);
    EXPECT_NE(message_of("{} x").find("not JSON"), std::string::npos);
    std::string deep(1000, '[');
    EXPECT_NE(message_of(deep).find("not JSON"), std::string::npos);
}

TEST(Json, keeps_numbers_that_json_has_no_form_for) {
    Whole whole;
    whole.metrics = {
        {"a", std::nan("")}, {"b", -std::numeric_limits<double>::infinity()}, {"c", 0.1 + 0.2}};
    auto copy = from_json<Whole>(to_json(whole));
    EXPECT_TRUE(std::isnan(copy.metrics["a"]));
    EXPECT_EQ(copy.metrics["b"], -std::numeric_limits<double>::infinity());
    EXPECT_EQ(copy.metrics["c"], 0.1 + 0.2);
}

TEST(Json, reads_every_number_to_the_bit) {
    std::mt19937_64 random(7);
    for (int i = 0; i < 200'000; ++i) {
        double number = i % 2 == 0 ? std::bit_cast<double>(random())
                                   : 1 + static_cast<double>(random() % 100'000) / 16777216;
        if (!std::isfinite(number)) continue;
        auto text = fmt::format("{{\"list\":[{}]}}", number);
        auto back = from_json<std::map<std::string, std::vector<double>>>(text);
        ASSERT_EQ(std::bit_cast<std::uint64_t>(back["list"].at(0)),
                  std::bit_cast<std::uint64_t>(number))
            << text;
    }
    auto read = [](std::string_view text) { return from_json<std::vector<double>>(text).at(0); };
    EXPECT_EQ(read("[1e999]"), std::numeric_limits<double>::infinity());
    EXPECT_EQ(read("[1e-999]"), 0.0);
    EXPECT_EQ(read("[123456789012345678901234567890]"), 123456789012345678901234567890.0);
}

TEST(Json, mends_bytes_that_are_not_utf8) {
    EXPECT_EQ(json_string("a\xff\xea\xb0\x80"), "\"a\xEF\xBF\xBD\xea\xb0\x80\"");
}

TEST(Json, reads_values_from_urls) {
    std::int32_t number = 0;
    read_text_value("12", reflection::type_of<std::int32_t>(), &number, "size");
    EXPECT_EQ(number, 12);
    EXPECT_THROW(read_text_value("1x", reflection::type_of<std::int32_t>(), &number, "size"),
                 Error);
    std::vector<std::string> list;
    read_text_value("a,b", reflection::type_of<std::vector<std::string>>(), &list, "names");
    EXPECT_EQ(list, (std::vector<std::string>{"a", "b"}));
}

TEST(Json, names_types) {
    EXPECT_EQ(reflection::type_of<Whole>().name, "Whole");
    EXPECT_EQ(enum_name(json_test::Color::green), "green");
    EXPECT_EQ(enum_from<json_test::Color>("red"), json_test::Color::red);
    EXPECT_FALSE(enum_from<json_test::Color>("blue"));
}

}  // namespace maru
