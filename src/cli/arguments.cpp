#include "cli/arguments.hpp"

namespace maru::cli {

std::string_view Argument::long_name() const {
    std::string_view view = names;
    auto comma = view.rfind(',');
    return comma == std::string_view::npos ? view : view.substr(comma + 1);
}

void Arguments::flag(std::string names, bool& value, std::string help) {
    all_.push_back({.kind = Argument::Kind::flag,
                    .names = std::move(names),
                    .placeholder = {},
                    .help = std::move(help),
                    .target = &value,
                    .choices = {}});
}

void Arguments::option(std::string names, std::string placeholder, Argument::Target target,
                       std::string help, std::vector<std::string> choices) {
    all_.push_back({.kind = Argument::Kind::option,
                    .names = std::move(names),
                    .placeholder = std::move(placeholder),
                    .help = std::move(help),
                    .target = target,
                    .choices = std::move(choices)});
}

void Arguments::positional(const std::string& placeholder, Argument::Target target,
                           std::string help, std::vector<std::string> choices) {
    bool required = std::holds_alternative<std::string*>(target) ||
                    std::holds_alternative<std::int64_t*>(target);
    all_.push_back({.kind = Argument::Kind::positional,
                    .names = placeholder,
                    .placeholder = placeholder,
                    .help = std::move(help),
                    .target = target,
                    .required = required,
                    .choices = std::move(choices)});
}

void Arguments::rest(const std::string& placeholder, std::vector<std::string>& value,
                     std::string help) {
    all_.push_back({.kind = Argument::Kind::rest,
                    .names = placeholder,
                    .placeholder = placeholder,
                    .help = std::move(help),
                    .target = &value,
                    .required = true,
                    .choices = {}});
}

void GlobalOptions::declare(Arguments& arguments) {
    arguments.flag("--json", json, "Print JSON instead of tables");
    arguments.option("--url", "URL", &url, "The server (MARU_URL)");
    arguments.option("--token", "TOKEN", &token, "An API token (MARU_TOKEN)");
    arguments.option("--project", "NAME", &project, "The project to work in (MARU_PROJECT)");
    arguments.flag("-h,--help", help, "Show this help");
}

}  // namespace maru::cli
