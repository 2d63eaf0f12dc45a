// The only file that knows toml++.
#include <fmt/format.h>
#include <sys/stat.h>

#include <toml++/toml.h>
#include <sstream>

#include "base/error.hpp"
#include "base/files.hpp"
#include "cli/config.hpp"

namespace maru::cli {
namespace {

toml::table read_table(const std::filesystem::path& path) {
    std::string text;
    try {
        text = read_file(path, 1 << 20);
    } catch (const Error& error) {
        if (error.code() == ErrorCode::not_found) return {};
        throw;
    }
    try {
        return toml::parse(text, path.string());
    } catch (const toml::parse_error& error) {
        fail(ErrorCode::invalid_argument,
             "{}:{}: {}; correct the file, or remove it and run maru login", path.string(),
             error.source().begin.line, error.description());
    }
}

std::string text_of(const toml::table& table, std::string_view key,
                    const std::filesystem::path& path) {
    const auto* node = table.get(key);
    if (!node) return {};
    auto value = node->value<std::string>();
    if (!value || !node->is_string())
        fail(ErrorCode::invalid_argument, "{}: {} must be a string in quotes", path.string(), key);
    return *value;
}

}  // namespace

SavedConfig read_config(const std::filesystem::path& path) {
    auto table = read_table(path);
    return {.url = text_of(table, "url", path),
            .token = text_of(table, "token", path),
            .project = text_of(table, "project", path)};
}

void write_config(const std::filesystem::path& path, const SavedConfig& config) {
    auto table = read_table(path);
    auto set = [&](std::string_view key, const std::string& value) {
        if (value.empty())
            table.erase(key);
        else
            table.insert_or_assign(key, value);
    };
    set("url", config.url);
    set("token", config.token);
    set("project", config.project);
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error) fail_errno(error.value(), "cannot create " + path.parent_path().string());
    std::ostringstream text;
    text << table << '\n';
    write_file_atomically(path, text.str(), 0600);
}

}  // namespace maru::cli
