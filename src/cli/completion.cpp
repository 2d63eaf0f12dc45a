#include <algorithm>
#include <map>
#include <set>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"

namespace maru::cli {
namespace {

struct Candidate {
    std::string word, help;
};

/// What may follow each beginning of a command line: "" → commands, "job" → its commands, "job
/// show" → options.
using Candidates = std::map<std::string, std::vector<Candidate>>;

Candidates candidates() {
    Candidates all;
    std::set<std::string> seen;
    for (const auto& command : commands()) {
        if (command.hidden) continue;
        std::string name(command.name);
        auto space = name.find(' ');
        if (space != std::string::npos) {
            auto group = name.substr(0, space);
            if (seen.insert(group).second) all[""].push_back({group, group + " commands"});
            all[group].push_back({name.substr(space + 1), std::string(command.summary)});
        } else {
            seen.insert(name);
            all[""].push_back({name, std::string(command.summary)});
        }
        Arguments arguments;
        GlobalOptions options;
        command.configure(arguments);
        options.declare(arguments);
        for (const auto& argument : arguments.all()) {
            if (argument.kind == Argument::Kind::positional)
                for (const auto& choice : argument.choices)
                    all[name].push_back({choice, argument.help});
            if (argument.kind != Argument::Kind::flag && argument.kind != Argument::Kind::option)
                continue;
            all[name].push_back({std::string(argument.long_name()), argument.help});
        }
    }
    return all;
}

/// For single quotes in any of the shells.
std::string quoted(std::string_view text) {
    std::string out = "'";
    for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

std::string bash(const Candidates& all) {
    std::string text =
        "# bash completion of maru: source <(maru completion bash)\n"
        "_maru() {\n"
        "    local current=\"${COMP_WORDS[COMP_CWORD]}\" key=\"\" words=\"\" i\n"
        "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "        [[ ${COMP_WORDS[i]} == -* ]] && break\n"
        "        key=\"${key:+$key }${COMP_WORDS[i]}\"\n"
        "    done\n"
        "    while :; do\n"
        "        case \"$key\" in\n";
    for (const auto& [key, list] : all) {
        std::string words;
        for (const auto& candidate : list) words += (words.empty() ? "" : " ") + candidate.word;
        text += fmt::format("            {}) words={} ;;\n", quoted(key), quoted(words));
    }
    text +=
        "        esac\n"
        "        [[ -n $words || -z $key ]] && break\n"
        "        [[ $key == *' '* ]] && key=\"${key% *}\" || key=\"\"\n"
        "    done\n"
        "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
        "}\n"
        "complete -o default -F _maru maru\n";
    return text;
}

std::string zsh(const Candidates& all) {
    std::string text =
        "#compdef maru\n"
        "# zsh completion of maru: source <(maru completion zsh), or a file _maru on $fpath\n"
        "_maru() {\n"
        "    local key='' i\n"
        "    local -a choices\n"
        "    for ((i = 2; i < CURRENT; i++)); do\n"
        "        [[ ${words[i]} == -* ]] && break\n"
        "        key=\"${key:+$key }${words[i]}\"\n"
        "    done\n"
        "    while :; do\n"
        "        case \"$key\" in\n";
    for (const auto& [key, list] : all) {
        std::string words;
        for (const auto& candidate : list) {
            std::string help;
            for (char c : candidate.help) help += c == ':' ? std::string("\\:") : std::string(1, c);
            words += " " + quoted(candidate.word + ":" + help);
        }
        text += fmt::format("            {}) choices=({} ) ;;\n", quoted(key), words);
    }
    text +=
        "        esac\n"
        "        (( ${#choices} )) && break\n"
        "        [[ -z $key ]] && break\n"
        "        [[ $key == *' '* ]] && key=\"${key% *}\" || key=''\n"
        "    done\n"
        "    _describe 'maru' choices || _files\n"
        "}\n"
        "compdef _maru maru\n";
    return text;
}

std::string fish(const Candidates& all) {
    std::string text =
        "# fish completion of maru: maru completion fish | source\n"
        "function __maru_key\n"
        "    set -l key\n"
        "    for word in (commandline -opc)[2..-1]\n"
        "        string match -q -- '-*' $word; and break\n"
        "        set -a key $word\n"
        "    end\n"
        "    echo \"$key\"\n"
        "end\n"
        "function __maru_is\n"
        "    test (__maru_key) = \"$argv[1]\"\n"
        "end\n"
        "function __maru_in\n"
        "    string match -q -- \"$argv[1] *\" (__maru_key)' '\n"
        "end\n"
        "complete -c maru -f -n '__maru_is \"\"'\n";
    for (const auto& [key, list] : all) {
        for (const auto& candidate : list) {
            std::string_view word = candidate.word;
            // A group's commands are offered right after its name only.
            bool is_option = word.starts_with("--");
            auto condition =
                quoted(fmt::format("{} \"{}\"", is_option ? "__maru_in" : "__maru_is", key));
            if (is_option)
                text += fmt::format("complete -c maru -n {} -l {} -d {}\n", condition,
                                    word.substr(2), quoted(candidate.help));
            else
                text += fmt::format("complete -c maru -n {} -a {} -d {}\n", condition, word,
                                    quoted(candidate.help));
        }
    }
    return text;
}

}  // namespace

std::string completion_script(std::string_view shell) {
    auto all = candidates();
    if (shell == "bash") return bash(all);
    if (shell == "zsh") return zsh(all);
    if (shell == "fish") return fish(all);
    fail(ErrorCode::invalid_argument, "\"{}\" is none of bash, zsh and fish", shell);
}

}  // namespace maru::cli
