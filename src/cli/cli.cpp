#include "cli/cli.hpp"

#include "base/error.hpp"
#include "cli/command.hpp"
#include "cli/session.hpp"

namespace maru::cli {
namespace {

/// What a person can do about an error, or empty.
std::string advice(const Error& error, const std::string& command_line, const std::string& url) {
    switch (error.code()) {
        case ErrorCode::unauthenticated:
            return fmt::format("sign in with: maru login {}", url);
        case ErrorCode::unavailable:
            return "start one with: maru server; name another with --url or MARU_URL; see: maru "
                   "doctor";
        case ErrorCode::permission_denied:
            // The message says whether the role, the token or the user is what does not allow it.
            return error.message().find("needs the role") == std::string::npos
                       ? ""
                       : "ask an owner of the project: maru project members";
        case ErrorCode::invalid_argument:
            return fmt::format("see: maru {}--help", command_line);
        default:
            return {};
    }
}

void print_error(const Error& error, const std::string& hint) {
    auto terminal = Terminal::of(2);
    std::string text = paint(terminal, Colour::red, "error:") + " " + error.message() + "\n";
    for (const auto& detail : error.details()) {
        auto line = detail.field + ": " + detail.message;
        if (error.message().find(detail.message) == std::string::npos) text += "  " + line + "\n";
    }
    if (!hint.empty()) text += "  " + hint + "\n";
    print_err(text);
}

struct CommandLine {
    std::vector<std::string> words;   // the command's name and all that follows
    std::vector<std::string> before;  // global options that stood before the name
};

/// `maru --json jobs` is `maru jobs --json`.
CommandLine read_command_line(int argc, char** argv) {
    CommandLine line;
    int at = 1;
    for (; at < argc; ++at) {
        std::string_view word = argv[at];
        if (!word.starts_with('-') || word == "--") break;
        line.before.emplace_back(word);
        bool takes_value = word == "--url" || word == "--token" || word == "--project";
        if (takes_value && at + 1 < argc) line.before.emplace_back(argv[++at]);
    }
    for (; at < argc; ++at) line.words.emplace_back(argv[at]);
    return line;
}

[[noreturn]] void fail_unknown(const CommandLine& line) {
    std::vector<std::string> names;
    for (const auto& command : commands()) {
        if (command.hidden) continue;
        std::string name(command.name);
        names.push_back(name);
        auto space = name.find(' ');
        if (space != std::string::npos) names.push_back(name.substr(0, space));
    }
    std::string typed = line.words.front();
    auto group = group_help(typed);
    if (!group.empty() && line.words.size() > 1) typed += " " + line.words[1];
    auto nearest = closest(typed, names);
    if (nearest.empty()) fail(ErrorCode::invalid_argument, "\"{}\" is no command of maru", typed);
    fail(ErrorCode::invalid_argument, "\"{}\" is no command of maru; did you mean \"{}\"?", typed,
         nearest);
}

int run_command(const Command& command, std::size_t name_words, const CommandLine& line,
                std::string& url) {
    GlobalOptions options;
    Arguments arguments;
    command.configure(arguments);
    options.declare(arguments);
    std::vector<std::string> words = line.before;
    words.insert(words.end(), line.words.begin() + static_cast<std::ptrdiff_t>(name_words),
                 line.words.end());
    parse(arguments, std::move(words), options.help);
    if (options.help || !command.run) {
        print_out(command_help(command));
        return 0;
    }
    Session session(options);
    try {
        return command.run(session);
    } catch (const Error& error) {
        if (error.code() == ErrorCode::unavailable || error.code() == ErrorCode::unauthenticated)
            url = session.settings().url;
        throw;
    }
}

bool holds(const std::vector<std::string>& words, std::string_view wanted) {
    for (const auto& word : words)
        if (word == wanted) return true;
    return false;
}

int dispatch(const CommandLine& line, std::string& command_line, std::string& url) {
    if (line.words.empty()) {
        if (holds(line.before, "--version"))
            return run_command(*find_command(std::vector<std::string>{"version"}).command, 0, {},
                               url);
        bool asked = holds(line.before, "--help") || holds(line.before, "-h");
        if (asked || line.before.empty()) {
            print_out(overview_help());
            return 0;
        }
        fail(ErrorCode::invalid_argument, "a command is missing after {}", line.before.back());
    }
    auto found = find_command(line.words);
    if (found.command) {
        command_line = std::string(found.command->name) + " ";
        return run_command(*found.command, found.words, line, url);
    }
    auto group = group_help(line.words.front());
    bool bare = line.words.size() == 1 || line.words[1].starts_with('-');
    if (group.empty() || !bare) fail_unknown(line);
    print_out(group);
    return holds(line.words, "--help") || holds(line.words, "-h") ? 0 : 2;
}

}  // namespace

int run(int argc, char** argv) {
    std::string command_line, url = "URL";
    try {
        return dispatch(read_command_line(argc, argv), command_line, url);
    } catch (const Error& error) {
        print_error(error, advice(error, command_line, url));
        return exit_code(error.code());
    } catch (const std::exception& error) {
        print_error(Error(ErrorCode::internal, error.what()), "");
        return 1;
    }
}

}  // namespace maru::cli
