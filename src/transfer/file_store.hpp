#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace maru::transfer {

/// A meta.yaml of MLflow's file store.
class MetaFile {
  public:
    /// Throws data_loss for a file that is no YAML.
    explicit MetaFile(const std::filesystem::path& file);
    std::string text(const char* key) const;  // empty if it is missing or null
    std::optional<std::string> optional_text(const char* key) const;
    std::int64_t integer(const char* key) const;  // 0 if it is missing
    std::optional<std::int64_t> optional_integer(const char* key) const;
    std::map<std::string, std::string> map(const char* key) const;

  private:
    YAML::Node root_;
};

/// Writes one: texts quoted so that every YAML reader gives them back as they are.
class MetaWriter {
  public:
    MetaWriter& text(std::string_view key, std::string_view value);
    MetaWriter& optional(std::string_view key, const std::optional<std::string>& value);
    MetaWriter& integer(std::string_view key, std::int64_t value);
    MetaWriter& raw(std::string_view key, std::string_view value);
    MetaWriter& map(std::string_view key, const std::map<std::string, std::string>& values);
    void write(const std::filesystem::path& file) const;

  private:
    std::string yaml_;
};

/// Each file below a folder as a key (its path) and its content.
std::map<std::string, std::string> read_texts(const std::filesystem::path& folder);
void write_texts(const std::filesystem::path& folder,
                 const std::map<std::string, std::string>& texts);
std::vector<std::filesystem::path> subfolders(const std::filesystem::path& folder);
bool has_file(const std::filesystem::path& path);

}  // namespace maru::transfer
