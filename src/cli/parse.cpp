// The only file that knows CLI11, which takes seconds to compile.
#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/arguments.hpp"

namespace maru::cli {
namespace {

std::int64_t whole_number(const Argument& argument, const std::string& text) {
    auto value = parse_int(text);
    if (!value)
        fail(ErrorCode::invalid_argument, "{}: expected a whole number, got \"{}\"",
             argument.long_name(), text);
    return *value;
}

void store(const Argument& argument, const std::vector<std::string>& values) {
    for (const auto& value : values) {
        if (argument.choices.empty() ||
            std::ranges::find(argument.choices, value) != argument.choices.end())
            continue;
        fail(ErrorCode::invalid_argument, "{}: expected one of {}, got \"{}\"",
             argument.long_name(), fmt::join(argument.choices, ", "), value);
    }
    const std::string& last = values.back();
    if (auto* text = std::get_if<std::string*>(&argument.target)) {
        **text = last;
    } else if (auto* maybe = std::get_if<std::optional<std::string>*>(&argument.target)) {
        **maybe = last;
    } else if (auto* list = std::get_if<std::vector<std::string>*>(&argument.target)) {
        **list = values;
    } else if (auto* number = std::get_if<std::int64_t*>(&argument.target)) {
        **number = whole_number(argument, last);
    } else if (auto* some = std::get_if<std::optional<std::int64_t>*>(&argument.target)) {
        **some = whole_number(argument, last);
    }
}

bool takes_value(const Arguments& arguments, std::string_view word) {
    for (const auto& argument : arguments.all()) {
        if (argument.kind != Argument::Kind::option) continue;
        for (auto name : split(argument.names, ','))
            if (name == word) return true;
    }
    return false;
}

/// Cuts off what belongs to Arguments::rest, so that its options aren't taken for ours.
std::vector<std::string> cut_rest(const Arguments& arguments, std::vector<std::string>& words) {
    std::size_t at = 0;
    while (at < words.size() && words[at] != "--" && words[at].size() > 1 && words[at][0] == '-')
        at += takes_value(arguments, words[at]) ? 2 : 1;
    at = std::min(at, words.size());
    auto from = words.begin() + static_cast<std::ptrdiff_t>(at);
    std::vector<std::string> rest(from, words.end());
    words.erase(from, words.end());
    if (!rest.empty() && rest.front() == "--") rest.erase(rest.begin());
    return rest;
}

void declare(CLI::App& app, const Argument& argument) {
    auto target = [&argument](const CLI::results_t& values) {
        store(argument, values);
        return true;
    };
    if (argument.kind == Argument::Kind::flag) {
        app.add_flag_callback(argument.names,
                              [&argument] { **std::get_if<bool*>(&argument.target) = true; });
        return;
    }
    // CLI11 tells positionals from options by the dash; a placeholder such as "MODEL/VERSION" is no
    // name.
    std::string name = argument.kind == Argument::Kind::option ? argument.names : "positional";
    if (argument.kind == Argument::Kind::positional)
        name += std::to_string(app.get_options().size());
    auto* option = app.add_option(name, CLI::callback_t(target));
    if (argument.repeatable() && argument.kind == Argument::Kind::positional)
        option->expected(1, 1 << 20);
    else
        option->expected(1)->allow_extra_args(false);
    if (argument.repeatable())
        option->take_all();
    else
        option->take_last();
}

std::string lower_first(std::string text) {
    if (!text.empty())
        text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    return text;
}

}  // namespace

void parse(const Arguments& arguments, std::vector<std::string> words, const bool& help) {
    const Argument* rest_argument = nullptr;
    for (const auto& argument : arguments.all())
        if (argument.kind == Argument::Kind::rest) rest_argument = &argument;
    std::vector<std::string> rest;
    if (rest_argument) rest = cut_rest(arguments, words);

    CLI::App app;
    app.set_help_flag();
    std::vector<std::pair<const Argument*, CLI::Option*>> positionals;
    for (const auto& argument : arguments.all()) {
        if (argument.kind == Argument::Kind::rest) continue;
        declare(app, argument);
        if (argument.kind == Argument::Kind::positional)
            positionals.emplace_back(&argument, app.get_options().back());
    }
    std::ranges::reverse(words);  // as CLI11's vector form wants them
    try {
        app.parse(words);
    } catch (const CLI::ParseError& error) {
        fail(ErrorCode::invalid_argument, "{}", lower_first(error.what()));
    }
    if (help) return;
    for (const auto& [argument, option] : positionals)
        if (argument->required && option->count() == 0)
            fail(ErrorCode::invalid_argument, "{} is missing", argument->placeholder);
    if (rest_argument) {
        if (rest.empty())
            fail(ErrorCode::invalid_argument, "{} is missing", rest_argument->placeholder);
        **std::get_if<std::vector<std::string>*>(&rest_argument->target) = std::move(rest);
    }
}

}  // namespace maru::cli
