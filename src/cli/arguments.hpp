#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace maru::cli {

/// One option or positional of a command, and where its value goes.
struct Argument {
    enum class Kind { flag, option, positional, rest };
    using Target =
        std::variant<bool*, std::string*, std::optional<std::string>*, std::vector<std::string>*,
                     std::int64_t*, std::optional<std::int64_t>*>;
    Kind kind;
    std::string names;        // "-f,--follow"; of a positional its placeholder
    std::string placeholder;  // "SECONDS"; empty for a flag
    std::string help;
    Target target;
    bool required = false;
    std::vector<std::string> choices;  // the only values that are right, if any

    /// "--follow": the last, longest name.
    std::string_view long_name() const;
    bool repeatable() const { return std::holds_alternative<std::vector<std::string>*>(target); }
};

/// Collects what a command accepts: parsing, help, docs/cli.md and shell completion all read it.
///
/// Lifetime: the targets must outlive it. Errors: none; the parser reports what a user got wrong.
/// Example: arguments_test.cpp.
class Arguments {
  public:
    void flag(std::string names, bool& value, std::string help);
    void option(std::string names, std::string placeholder, Argument::Target target,
                std::string help, std::vector<std::string> choices = {});
    /// Required if the target is a plain string; a list takes any number.
    void positional(const std::string& placeholder, Argument::Target target, std::string help,
                    std::vector<std::string> choices = {});
    /// Everything from the first word that isn't an option, or from "--": someone else's command
    /// line.
    void rest(const std::string& placeholder, std::vector<std::string>& value, std::string help);

    const std::vector<Argument>& all() const { return all_; }

  private:
    std::vector<Argument> all_;
};

/// Options that every command has.
struct GlobalOptions {
    bool json = false;
    bool help = false;
    std::optional<std::string> url, token, project;

    void declare(Arguments& arguments);
};

/// Reads `words` (without the program's and the command's name) into the targets of `arguments`.
/// Throws invalid_argument that says what is wrong. Where `help` comes true nothing else is
/// checked.
void parse(const Arguments& arguments, std::vector<std::string> words, const bool& help);

}  // namespace maru::cli
