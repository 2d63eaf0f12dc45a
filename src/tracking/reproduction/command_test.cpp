#include "tracking/reproduction/command.hpp"

#include <gtest/gtest.h>

namespace maru::tracking {
namespace {

using Words = std::vector<std::string>;

Words changed(Words command, std::string_view name, std::string_view value) {
    return change_parameter(command, name, value) ? command : Words{};
}

TEST(ChangeParameter, knows_the_usual_ways_to_write_it) {
    EXPECT_EQ(changed({"python", "train.py", "--lr", "0.1", "--depth", "3"}, "lr", "0.5"),
              (Words{"python", "train.py", "--lr", "0.5", "--depth", "3"}));
    EXPECT_EQ(changed({"train", "--lr=0.1"}, "lr", "a=b"), (Words{"train", "--lr=a=b"}));
    EXPECT_EQ(changed({"train", "optimizer.lr=0.1", "lr=1"}, "optimizer.lr", "2"),
              (Words{"train", "optimizer.lr=2", "lr=1"}));
    EXPECT_EQ(changed({"train", "--learning-rate", "1"}, "learning_rate", "2"),
              (Words{"train", "--learning-rate", "2"}));
    EXPECT_EQ(changed({"train", "-n", "-1"}, "n", "7"), (Words{"train", "-n", "7"}));
    EXPECT_EQ(changed({"train", "--lr=1", "--lr", "2"}, "lr", "3"),
              (Words{"train", "--lr=3", "--lr", "3"}));
}

TEST(ChangeParameter, leaves_what_it_does_not_find) {
    for (const Words& command :
         {Words{"lr", "1"}, Words{"train", "lr", "1"}, Words{"train", "--lrs", "1"},
          Words{"train", "--lr"}, Words{"train", "---lr", "1"}, Words{"train", "--", "-"}, Words{}})
        EXPECT_EQ(changed(command, "lr", "9"), Words{}) << command.size();
}

}  // namespace
}  // namespace maru::tracking
