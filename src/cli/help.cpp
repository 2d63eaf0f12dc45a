#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/terminal.hpp"

namespace maru::cli {
namespace {

struct Row {
    std::string left, right;
};

std::string rows(const std::vector<Row>& list) {
    int width = 0;
    for (const auto& row : list) width = std::max(width, display_width(row.left));
    width = std::min(width, 34);
    std::string text;
    for (const auto& row : list) {
        int space = width - display_width(row.left);
        text += "  " + row.left;
        text += space < 0 ? "\n" + std::string(static_cast<std::size_t>(width) + 2, ' ')
                          : std::string(static_cast<std::size_t>(space), ' ');
        text += "  " + row.right + "\n";
    }
    return text;
}

/// Arguments as a command declares them. The targets are gone afterwards; only the texts are of
/// use.
struct Description {
    std::vector<Argument> own, global;
};

Description describe(const Command& command) {
    Arguments own, global;
    GlobalOptions options;
    command.configure(own);
    options.declare(global);
    return {own.all(), global.all()};
}

std::string usage(const Command& command, const Description& description) {
    std::string text = fmt::format("maru {}", command.name);
    if (!command.run) return text + " [OPTIONS]";
    bool any_option = false;
    for (const auto& argument : description.own)
        any_option |=
            argument.kind == Argument::Kind::option || argument.kind == Argument::Kind::flag;
    if (any_option) text += " [OPTIONS]";
    for (const auto& argument : description.own) {
        if (argument.kind == Argument::Kind::rest)
            text += fmt::format(" [--] {}...", argument.placeholder);
        else if (argument.kind == Argument::Kind::positional)
            text += argument.required ? fmt::format(" {}", argument.placeholder)
                                      : fmt::format(" [{}]", argument.placeholder);
    }
    return text;
}

std::string left_side(const Argument& argument) {
    std::string text;
    for (char c : argument.names) {
        text += c;
        if (c == ',') text += ' ';
    }
    if (argument.kind == Argument::Kind::option) text += " " + argument.placeholder;
    if (argument.kind == Argument::Kind::rest) text += "...";
    return text;
}

std::string right_side(const Argument& argument) {
    std::string text = argument.help;
    if (!argument.choices.empty() && argument.kind == Argument::Kind::option)
        text += fmt::format(" ({})", fmt::join(argument.choices, ", "));
    if (argument.kind == Argument::Kind::option && argument.repeatable())
        text += "; may be given several times";
    return text;
}

std::vector<Row> argument_rows(const std::vector<Argument>& arguments, bool positionals) {
    std::vector<Row> list;
    for (const auto& argument : arguments) {
        bool is_positional =
            argument.kind == Argument::Kind::positional || argument.kind == Argument::Kind::rest;
        if (is_positional == positionals)
            list.push_back({left_side(argument), right_side(argument)});
    }
    return list;
}

/// Breaks a paragraph into lines that fit any terminal.
std::string wrapped(std::string_view paragraph) {
    constexpr int kWidth = 80;
    std::string text;
    int column = 0;
    for (auto word : split(paragraph, ' ')) {
        int width = display_width(word);
        bool breaks = column > 0 && column + 1 + width > kWidth;
        if (column > 0) text += breaks ? '\n' : ' ';
        column = (column > 0 && !breaks ? column + 1 : 0) + width;
        text += word;
    }
    return text;
}

std::string first_word(std::string_view name) {
    return std::string(name.substr(0, name.find(' ')));
}

std::string table(const std::vector<Row>& list, std::string_view heading) {
    std::string text = fmt::format("| {} | |\n|---|---|\n", heading);
    for (const auto& row : list) {
        std::string right;
        for (char c : row.right) {
            if (c == '|') right += '\\';
            right += c;
        }
        std::string left;
        for (char c : row.left) {
            if (c == '|') left += '\\';
            left += c;
        }
        text += fmt::format("| `{}` | {} |\n", left, right);
    }
    return text + "\n";
}

constexpr std::string_view kConventions =
    "Every command takes `--json` (one JSON document, or one a line when it streams). Tables, "
    "colours and\n"
    "progress are for people; progress appears on a terminal only. Errors go to standard error.\n"
    "\n"
    "Configuration, the first that is set wins: the options `--url`, `--token`, `--project`; the "
    "variables\n"
    "`MARU_URL`, `MARU_TOKEN`, `MARU_PROJECT`; `~/.config/maru/config.toml` (or below "
    "`XDG_CONFIG_HOME`), which\n"
    "`maru login` and `maru project use` write; `http://127.0.0.1:7070` and the project "
    "`default`.\n"
    "\n"
    "| Exit code | Meaning |\n"
    "|---|---|\n"
    "| 0 | It worked |\n"
    "| 1 | Any other error |\n"
    "| 2 | The command line, or a value in it, is not valid |\n"
    "| 3 | Not found |\n"
    "| 4 | Not signed in, or not allowed |\n"
    "| 5 | The server can't be reached |\n"
    "\n"
    "`maru run`, `maru job wait` and `maru logs -f` exit as the job did; 1 if it ended without an "
    "exit code "
    "of its own.\n";

}  // namespace

std::string overview_help() {
    std::vector<Row> list;
    std::vector<std::string> seen;
    for (const auto& command : commands()) {
        if (command.hidden) continue;
        auto word = first_word(command.name);
        if (std::ranges::find(seen, word) != seen.end()) continue;
        seen.push_back(word);
        std::vector<std::string> members;
        for (const auto& other : commands())
            if (other.name.starts_with(word + " "))
                members.emplace_back(other.name.substr(word.size() + 1));
        if (members.empty())
            list.push_back({word, std::string(command.summary)});
        else if (command.name == word)
            list.push_back(
                {word, fmt::format("{}; also {}", command.summary, fmt::join(members, ", "))});
        else
            list.push_back({word, fmt::format("{}", fmt::join(members, ", "))});
    }
    return "maru: one platform from raw data to a model that serves.\n\nUsage: maru COMMAND "
           "[OPTIONS]\n\n" +
           rows(list) +
           "\nMore about one: maru help COMMAND. Options of all: --json, --url, --token, "
           "--project.\n";
}

std::string group_help(std::string_view group) {
    std::vector<Row> list;
    for (const auto& command : commands())
        if (!command.hidden && command.name.starts_with(std::string(group) + " "))
            list.push_back({std::string(command.name), std::string(command.summary)});
    if (list.empty()) return {};
    return fmt::format("Usage: maru {} COMMAND [OPTIONS]\n\n{}", group, rows(list));
}

std::string command_help(const Command& command) {
    auto description = describe(command);
    std::string text =
        fmt::format("{}\n\nUsage: {}\n", command.summary, usage(command, description));
    if (!command.details.empty()) text += "\n" + wrapped(command.details) + "\n";
    if (!command.run) return text + fmt::format("\nIts options: maru {} --help\n", command.name);
    if (auto list = argument_rows(description.own, true); !list.empty()) text += "\n" + rows(list);
    auto options = argument_rows(description.own, false);
    auto global = argument_rows(description.global, false);
    options.insert(options.end(), global.begin(), global.end());
    return text + "\nOptions:\n" + rows(options);
}

std::string markdown_help() {
    std::string text =
        "# The command line\n\n<!-- Made by `maru help --markdown`; change the command's file in "
        "src/cli/commands/ "
        "instead. -->\n\n";
    text += kConventions;
    Command none{.name = "", .summary = "", .configure = [](Arguments&) {}, .run = {}};
    text += "\nOptions of every command:\n\n" +
            table(argument_rows(describe(none).global, false), "Option");
    for (const auto& command : commands()) {
        if (command.hidden) continue;
        auto description = describe(command);
        text += fmt::format("## maru {}\n\n{}.\n\n```\n{}\n```\n\n", command.name, command.summary,
                            usage(command, description));
        if (!command.details.empty()) text += fmt::format("{}\n\n", command.details);
        if (!command.run) {
            text += fmt::format("Its options: `maru {} --help`.\n\n", command.name);
            continue;
        }
        auto list = argument_rows(description.own, true);
        auto options = argument_rows(description.own, false);
        list.insert(list.end(), options.begin(), options.end());
        if (!list.empty()) text += table(list, "Argument");
    }
    while (text.ends_with("\n\n")) text.pop_back();
    return text;
}

std::string closest(std::string_view word, std::span<const std::string> known) {
    std::string best;
    std::size_t best_distance = std::clamp<std::size_t>(word.size() / 2, 1, 3) + 1;
    for (const auto& candidate : known) {
        std::vector<std::size_t> row(candidate.size() + 1);
        for (std::size_t j = 0; j <= candidate.size(); ++j) row[j] = j;
        for (std::size_t i = 1; i <= word.size(); ++i) {
            auto diagonal = row[0];
            row[0] = i;
            for (std::size_t j = 1; j <= candidate.size(); ++j) {
                auto above = row[j];
                row[j] = std::min({above + 1, row[j - 1] + 1,
                                   diagonal + (word[i - 1] == candidate[j - 1] ? 0 : 1)});
                diagonal = above;
            }
        }
        if (row.back() < best_distance) {
            best_distance = row.back();
            best = candidate;
        }
    }
    return best;
}

}  // namespace maru::cli
