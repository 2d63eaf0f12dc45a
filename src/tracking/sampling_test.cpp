#include "tracking/sampling.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tracking/metric_bits.hpp"

namespace maru::tracking {
namespace {

std::vector<Point> series(std::size_t count, double (*value)(std::size_t)) {
    std::vector<Point> points;
    for (std::size_t i = 0; i < count; ++i) {
        auto number = static_cast<std::int64_t>(i);
        points.push_back({number, number, to_bits(value(i))});
    }
    return points;
}

TEST(Thin, FewPointsStayAsTheyAre) {
    auto points = series(10, [](std::size_t i) { return static_cast<double>(i); });
    EXPECT_EQ(thin(points, 10), points);
    EXPECT_TRUE(thin({}, 10).empty());
}

TEST(Thin, KeepsTheEndsAndTheExtremes) {
    auto points = series(100'000, [](std::size_t i) {
        return i == 54'321 ? 9.0 : i == 777 ? -9.0 : 0.0;
    });
    auto kept = thin(points, 500);
    EXPECT_LE(kept.size(), 500u);
    EXPECT_EQ(kept.front(), points.front());
    EXPECT_EQ(kept.back(), points.back());
    bool top = false, bottom = false;
    for (std::size_t i = 0; i < kept.size(); ++i) {
        top = top || from_bits(kept[i].bits) == 9.0;
        bottom = bottom || from_bits(kept[i].bits) == -9.0;
        if (i > 0) {
            EXPECT_LT(kept[i - 1].step, kept[i].step);
        }
    }
    EXPECT_TRUE(top);
    EXPECT_TRUE(bottom);
}

TEST(Thin, NotANumberDoesNotHideNumbers) {
    auto points =
        series(1000, [](std::size_t i) { return i % 2 ? std::nan("") : static_cast<double>(i); });
    auto kept = thin(points, 50);
    for (std::size_t i = 1; i + 1 < kept.size(); ++i)
        EXPECT_FALSE(std::isnan(from_bits(kept[i].bits)));
    auto nothing = series(1000, [](std::size_t) { return std::nan(""); });
    EXPECT_LE(thin(nothing, 50).size(), 50u);
    EXPECT_GE(thin(nothing, 50).size(), 20u);
}

}  // namespace
}  // namespace maru::tracking
