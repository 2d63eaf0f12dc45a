#include "tracking/run_names.hpp"

#include <array>
#include <random>
#include <string_view>

namespace maru::tracking {
namespace {

constexpr std::array<std::string_view, 32> kAdjectives{
    "agile",  "amber", "ample", "bold",   "brave",  "brisk", "bright", "calm",
    "clever", "crisp", "deft",  "eager",  "fair",   "fleet", "gentle", "glad",
    "grand",  "hardy", "keen",  "kind",   "lively", "loyal", "lucid",  "mellow",
    "merry",  "neat",  "noble", "plucky", "quick",  "quiet", "steady", "witty"};
constexpr std::array<std::string_view, 32> kNouns{
    "badger", "bear",  "bee",    "carp",  "crane",  "crow",  "deer",  "dove",
    "finch",  "fox",   "gull",   "hare",  "hawk",   "heron", "horse", "ibex",
    "jay",    "koi",   "lark",   "lynx",  "mole",   "newt",  "otter", "owl",
    "perch",  "quail", "rabbit", "raven", "salmon", "shrew", "stork", "wren"};

}  // namespace

std::string random_name() {
    thread_local std::mt19937 generator{std::random_device{}()};
    auto below = [&](unsigned count) { return generator() % count; };
    std::string name(kAdjectives[below(kAdjectives.size())]);
    name += '-';
    name += kNouns[below(kNouns.size())];
    name += '-';
    name += std::to_string(below(1000));
    return name;
}

}  // namespace maru::tracking
