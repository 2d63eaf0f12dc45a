#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.hpp"

namespace maru::cli {

class Session;

/// One command of the table. Its file in commands/ makes it; nothing of it runs unless it is
/// chosen.
struct Command {
    std::string_view name;          // "job show"
    std::string_view summary;       // "Show one job"
    std::string_view details = "";  // more for its help page: what it does that isn't obvious
    std::function<void(Arguments&)> configure = [](Arguments&) {};
    std::function<int(Session&)> run;  // empty: another part of the binary reads its arguments
    bool hidden = false;
};

/// Makes one or a few commands that belong together, each with its own place for option values.
using CommandFactory = std::vector<Command> (*)();

/// Every command, in the order of the help.
const std::vector<Command>& commands();

/// Finds the command that `words` begin with ("job", "show", ...) and how many words its name
/// takes.
struct Found {
    const Command* command = nullptr;
    std::size_t words = 0;
};
Found find_command(std::span<const std::string> words);

/// The help texts; all from the table.
std::string overview_help();
std::string group_help(std::string_view group);
std::string command_help(const Command& command);
/// docs/cli.md.
std::string markdown_help();
/// Throws invalid_argument for a shell other than bash, zsh and fish.
std::string completion_script(std::string_view shell);

/// The known word that `word` was probably meant to be, or empty.
std::string closest(std::string_view word, std::span<const std::string> known);

}  // namespace maru::cli
