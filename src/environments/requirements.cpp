#include "environments/requirements.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/error.hpp"
#include "base/text.hpp"

namespace maru::environments {
namespace {

constexpr std::size_t kTextBytesMax = 64 << 10;
constexpr std::size_t kExplanationBytesMax = 2000;

bool is_name_character(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
}

/// PEP 503: lower case, and runs of '-', '_' and '.' are one '-'.
std::string normalise_name(std::string_view name) {
    std::string result;
    for (char c : name) {
        bool separator = c == '-' || c == '_' || c == '.';
        if (separator && result.ends_with('-')) continue;
        result += separator ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return result;
}

std::string single_spaced(std::string_view text) {
    std::string result;
    for (char c : trim(text)) {
        bool space = c == ' ' || c == '\t';
        if (space && result.ends_with(' ')) continue;
        result += space ? ' ' : c;
    }
    return result;
}

/// Lines with continuations joined and comments (a '#' at the start or after a space) removed.
std::vector<std::string> logical_lines(std::string_view text) {
    std::vector<std::string> lines;
    std::string joined;
    for (std::string_view line : split(text, '\n')) {
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.ends_with('\\')) {
            joined.append(line.substr(0, line.size() - 1));
            joined += ' ';
            continue;
        }
        joined.append(line);
        std::size_t comment = joined.starts_with('#') ? 0 : joined.find(" #");
        if (comment == std::string::npos) comment = joined.find("\t#");
        lines.push_back(single_spaced(std::string_view(joined).substr(0, comment)));
        joined.clear();
    }
    if (!joined.empty()) lines.push_back(single_spaced(joined));
    return lines;
}

[[noreturn]] void refuse(std::size_t number, std::string_view line, std::string_view why) {
    fail_field("requirements", fmt::format("line {}, \"{}\": {}", number, line, why));
}

void check_option(std::size_t number, const std::string& line) {
    constexpr std::array kAllowed{"--index-url", "--extra-index-url", "--find-links",
                                  "--no-binary", "--only-binary",     "--pre"};
    constexpr std::array kUrlOptions{"--index-url", "--extra-index-url", "--find-links"};
    std::size_t end = line.find_first_of(" =");
    std::string option = line.substr(0, end);
    if (option == "-r" || option == "--requirement" || option == "-c" || option == "--constraint")
        refuse(number, line, "other files can't be included; write their lines here");
    if (option == "-e" || option == "--editable")
        refuse(number, line, "editable installs need local files; name a released package");
    if (std::ranges::find(kAllowed, option) == kAllowed.end())
        refuse(number, line,
               fmt::format("only the options {} are known", fmt::join(kAllowed, ", ")));
    if (std::ranges::find(kUrlOptions, option) == kUrlOptions.end()) return;
    std::string_view value = end == std::string::npos
                                 ? std::string_view()
                                 : trim(std::string_view(line).substr(end + 1));
    if (!value.starts_with("https://") && !value.starts_with("http://"))
        refuse(number, line, "expected a URL that begins with https:// or http://");
}

std::string normalise_line(std::size_t number, const std::string& line) {
    if (line.starts_with('-')) {
        check_option(number, line);
        return line;
    }
    auto name_end = std::ranges::find_if_not(line, is_name_character);
    std::string_view name(line.begin(), name_end);
    std::string_view rest(name_end, line.end());
    bool local = name.empty() || name.starts_with('.') || rest.starts_with('/') ||
                 rest.starts_with('\\') || rest.starts_with(":");
    if (line.find("file:") != std::string::npos || local)
        refuse(number, line,
               "expected a package such as \"scikit-learn>=1.4\", or \"name @ https://...\"; local "
               "paths can't "
               "be seen by the build");
    return normalise_name(name) + std::string(rest);
}

/// Removes the frame that uv draws around its explanations.
std::string without_frame(std::string_view line) {
    line = trim(line);
    for (std::string_view mark : {"×", "╰─▶", "├─▶", "│", "error:"})
        if (line.starts_with(mark)) line = trim(line.substr(mark.size()));
    return std::string(line);
}

std::string without_escapes(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\x1b' && i + 1 < text.size() && text[i + 1] == '[') {
            i += 2;
            while (i < text.size() && !std::isalpha(static_cast<unsigned char>(text[i]))) ++i;
            continue;
        }
        result += text[i];
    }
    return result;
}

}  // namespace

std::vector<std::string> normalise_requirements(std::string_view text) {
    check_text("requirements", text, kTextBytesMax);
    std::vector<std::string> lines;
    std::size_t number = 0;
    for (const std::string& line : logical_lines(text)) {
        ++number;
        if (!line.empty()) lines.push_back(normalise_line(number, line));
    }
    std::ranges::sort(lines);
    auto repeated = std::ranges::unique(lines);
    lines.erase(repeated.begin(), repeated.end());
    return lines;
}

std::vector<std::string> requirement_names(const std::vector<std::string>& lines) {
    std::vector<std::string> names;
    for (const std::string& line : lines) {
        if (line.starts_with('-')) continue;
        names.emplace_back(line.begin(), std::ranges::find_if_not(line, is_name_character));
    }
    return names;
}

std::string explain_build_log(std::string_view log) {
    std::string text = without_escapes(log);
    std::vector<std::string_view> lines = split(text, '\n');
    std::size_t first = lines.size();
    for (std::size_t i = 0; i < lines.size(); ++i) {
        std::string_view line = trim(lines[i]);
        if (line.starts_with("error:") || line.starts_with("×")) first = i;
    }
    std::string explanation;
    for (std::size_t i = first; i < lines.size(); ++i) {
        std::string line = without_frame(lines[i]);
        if (line.empty()) continue;
        if (!explanation.empty()) explanation += ' ';
        explanation += line;
    }
    if (explanation.size() > kExplanationBytesMax) {
        explanation.resize(kExplanationBytesMax);
        while (!explanation.empty() && !is_utf8(explanation)) explanation.pop_back();
        explanation += "...";
    }
    return explanation;
}

}  // namespace maru::environments
