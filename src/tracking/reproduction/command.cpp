#include "tracking/reproduction/command.hpp"

#include <algorithm>

namespace maru::tracking {
namespace {

bool is_same_name(std::string_view left, std::string_view right) {
    auto plain = [](char c) { return c == '-' ? '_' : c; };
    return std::ranges::equal(left, right, {}, plain, plain);
}

std::string_view without_dashes(std::string_view word) {
    word.remove_prefix(
        std::min<std::size_t>(std::min(word.find_first_not_of('-'), word.size()), 2));
    return word;
}

}  // namespace

bool change_parameter(std::vector<std::string>& command, std::string_view name,
                      std::string_view value) {
    bool changed = false;
    // The first word is the program.
    for (std::size_t i = 1; i < command.size(); ++i) {
        std::string_view word = command[i];
        auto equals = word.find('=');
        if (equals != std::string_view::npos &&
            is_same_name(without_dashes(word.substr(0, equals)), name)) {
            command[i] = std::string(word.substr(0, equals + 1)) + std::string(value);
            changed = true;
        } else if (word.starts_with('-') && is_same_name(without_dashes(word), name) &&
                   i + 1 < command.size()) {
            command[++i] = std::string(value);
            changed = true;
        }
    }
    return changed;
}

}  // namespace maru::tracking
