#include <memory>

#include "base/error.hpp"
#include "cli/commands/commands.hpp"
#include "cli/session.hpp"

namespace maru::cli {
namespace {

struct HelpOptions {
    std::vector<std::string> words;
    bool markdown = false;
};

int show_help(const HelpOptions& options) {
    if (options.markdown) {
        print_out(markdown_help());
        return 0;
    }
    if (options.words.empty()) {
        print_out(overview_help());
        return 0;
    }
    auto found = find_command(options.words);
    auto text = found.command ? command_help(*found.command) : group_help(options.words.front());
    if (text.empty())
        fail(ErrorCode::invalid_argument, "\"{}\" is no command of maru",
             fmt::join(options.words, " "));
    print_out(text);
    return 0;
}

}  // namespace

std::vector<Command> help_commands() {
    auto help = std::make_shared<HelpOptions>();
    auto shell = std::make_shared<std::string>();
    return {
        {.name = "completion",
         .summary = "Print a shell's completion script",
         .details = "For bash, add to ~/.bashrc: source <(maru completion bash)",
         .configure =
             [shell](Arguments& arguments) {
                 arguments.positional("SHELL", shell.get(), "bash, zsh or fish",
                                      {"bash", "zsh", "fish"});
             },
         .run =
             [shell](Session&) {
                 print_out(completion_script(*shell));
                 return 0;
             }},
        {.name = "help",
         .summary = "Explain a command",
         .configure =
             [help](Arguments& arguments) {
                 arguments.flag("--markdown", help->markdown,
                                "The whole manual, as docs/cli.md holds it");
                 arguments.positional("COMMAND", &help->words, "The command's words");
             },
         .run = [help](Session&) { return show_help(*help); }},
    };
}

}  // namespace maru::cli
