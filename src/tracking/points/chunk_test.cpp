#include "tracking/points/chunk.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "base/error.hpp"
#include "tracking/points/batch.hpp"

namespace maru::tracking {
namespace {

constexpr std::int64_t kBegin = 1'700'000'000'000;

std::int64_t bits(double value) {
    return std::bit_cast<std::int64_t>(value);
}

/// A series of values, one a step, a second and some milliseconds apart.
template <class F>
Series series_of(std::int64_t key, std::size_t count, F&& value) {
    std::mt19937_64 random(static_cast<std::uint64_t>(key));
    Series made{key, {}};
    std::int64_t at = kBegin;
    for (std::size_t i = 0; i < count; ++i) {
        at += 1000 + static_cast<std::int64_t>(random() % 40);
        made.points.push_back(
            {at, static_cast<std::int64_t>(i), bits(value(static_cast<double>(i), random))});
    }
    return made;
}

double bytes_a_point(const Series& series) {
    auto bytes = encode_chunk(std::span(&series, 1));
    EXPECT_EQ(decode_chunk(bytes), std::vector{series});
    return static_cast<double>(bytes.size()) / static_cast<double>(series.points.size());
}

double noise(std::mt19937_64& random) {
    return std::uniform_real_distribution<double>(0, 1)(random);
}

TEST(Chunk, keeps_every_value_to_the_bit) {
    std::vector<double> values{0.0,
                               -0.0,
                               1.0,
                               -1.0,
                               0.1,
                               std::numeric_limits<double>::infinity(),
                               -std::numeric_limits<double>::infinity(),
                               std::numeric_limits<double>::quiet_NaN(),
                               std::bit_cast<double>(0x7ff0000000000001LL),
                               std::bit_cast<double>(0xfff8dead00000001ULL),
                               std::numeric_limits<double>::denorm_min(),
                               std::numeric_limits<double>::max(),
                               std::numeric_limits<double>::lowest(),
                               1e308,
                               123456789.123456789,
                               9007199254740993.0};
    for (std::size_t count = 1; count <= values.size(); ++count) {
        Series series{7, {}};
        for (std::size_t i = 0; i < count; ++i)
            series.points.push_back({static_cast<std::int64_t>(i), 0, bits(values[i])});
        auto back = decode_chunk(encode_chunk(std::span(&series, 1)));
        ASSERT_EQ(back.size(), 1u);
        for (std::size_t i = 0; i < count; ++i)
            EXPECT_EQ(back[0].points.at(i).bits, bits(values[i])) << values[i] << " of " << count;
    }
}

TEST(Chunk, keeps_times_and_steps_of_any_size) {
    constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
    constexpr auto kGreatest = std::numeric_limits<std::int64_t>::max();
    Series series{kGreatest,
                  {{0, kLeast, 1}, {0, kGreatest, 2}, {0, kGreatest, 3}, {kGreatest, -5, kLeast}}};
    EXPECT_EQ(decode_chunk(encode_chunk(std::span(&series, 1))), std::vector{series});
}

TEST(Chunk, finds_one_series_among_many) {
    std::vector<Series> all;
    for (std::int64_t key = 1; key <= 40; ++key)
        all.push_back(
            series_of(key * 3, static_cast<std::size_t>(key), [&](double i, auto& random) {
                switch (key % 6) {
                    case 0:
                        return 5.0;
                    case 1:
                        return i;
                    case 2:
                        return static_cast<double>(static_cast<float>(noise(random)));
                    case 3:
                        return noise(random);
                    case 4:
                        return std::round(noise(random) * 3) / 7;
                    default:
                        return std::round(noise(random) * 1000) / 1000;
                }
            }));
    auto bytes = encode_chunk(all);
    EXPECT_EQ(decode_chunk(bytes), all);
    for (const auto& one : all) EXPECT_EQ(decode_chunk(bytes, one.key), std::vector{one});
    EXPECT_TRUE(decode_chunk(bytes, 4).empty());
}

TEST(Chunk, needs_few_bytes) {
    EXPECT_LT(bytes_a_point(series_of(1, 4096, [](double, auto&) { return 0.001; })), 1.0);
    EXPECT_LT(bytes_a_point(series_of(2, 4096, [](double i, auto&) { return i; })), 1.2);
    // What a framework reports: a float, with noise.
    EXPECT_LT(bytes_a_point(series_of(3, 4096,
                                      [](double i, auto& random) {
                                          return static_cast<double>(static_cast<float>(
                                              std::exp(-i / 1000) + 0.05 * noise(random)));
                                      })),
              4.0);
    // Right answers among 360.
    EXPECT_LT(bytes_a_point(series_of(
                  4, 4096,
                  [](double, auto& random) { return std::round(300 + 60 * noise(random)) / 360; })),
              2.0);
    // A percentage with one decimal.
    EXPECT_LT(
        bytes_a_point(series_of(
            5, 4096, [](double, auto& random) { return std::round(noise(random) * 1000) / 10; })),
        2.7);
    // A learning rate's schedule.
    EXPECT_LT(bytes_a_point(series_of(
                  6, 4096, [](double i, auto&) { return 0.1 * (1 + std::cos(i / 1304)); })),
              7.0);
}

TEST(Chunk, keeps_the_times_of_metrics_logged_together_once) {
    std::vector<Series> all;
    for (std::int64_t key = 1; key <= 200; ++key) {
        auto one = series_of(1, 16, [](double, auto& random) {
            return static_cast<double>(static_cast<float>(noise(random)));
        });
        one.key = key;
        all.push_back(std::move(one));
    }
    EXPECT_LT(static_cast<double>(encode_chunk(all).size()) / 3200, 4.0);
}

TEST(Chunk, refuses_damaged_bytes) {
    std::mt19937_64 random(1);
    std::vector<Series> all{series_of(1, 100, [](double i, auto&) { return i; }),
                            series_of(2, 50, [](double, auto& r) { return noise(r); }),
                            series_of(9, 60, [](double i, auto&) { return std::fmod(i, 3) / 7; })};
    auto bytes = encode_chunk(all);
    auto read = [](std::string_view damaged) {
        try {
            (void)decode_chunk(damaged);
            (void)decode_chunk(damaged, 9);
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::data_loss);
        }
    };
    for (std::size_t size = 0; size < bytes.size(); ++size) read({bytes.data(), size});
    for (int i = 0; i < 20'000; ++i) {
        auto damaged = bytes;
        for (std::size_t n = 1 + random() % 3; n > 0; --n)
            damaged[random() % damaged.size()] = static_cast<char>(random());
        read(damaged);
    }
}

TEST(Batch, comes_back_as_it_was) {
    std::vector<KeyedPoint> points{{5, {kBegin, -3, bits(0.5)}},
                                   {5, {kBegin - 7, std::numeric_limits<std::int64_t>::max(), -1}},
                                   {1, {0, std::numeric_limits<std::int64_t>::min(), bits(-0.0)}}};
    std::vector<KeyedPoint> back;
    auto bytes = encode_batch(points);
    decode_batch(bytes,
                 [&](std::int64_t key, const Point& point) { back.push_back({key, point}); });
    EXPECT_EQ(back, points);
    bytes.pop_back();
    EXPECT_THROW(decode_batch(bytes, [](std::int64_t, const Point&) {}), Error);
}

}  // namespace
}  // namespace maru::tracking
