#include "transfer/file_store.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "transfer/local_artifacts.hpp"

namespace maru::transfer {
namespace {

namespace fs = std::filesystem;

/// A double-quoted scalar. Some readers take line ends and controls beyond ASCII for breaks or for
/// damage, so those are escaped.
std::string yaml_text(std::string_view value) {
    std::string json = json_string(value), yaml;
    for (std::size_t i = 0; i < json.size(); ++i) {
        auto byte = static_cast<unsigned char>(json[i]);
        auto next = [&](std::size_t by) {
            return i + by < json.size() ? static_cast<unsigned char>(json[i + by]) : 0u;
        };
        if (byte == 0x7f) {
            yaml += "\\x7F";
        } else if (byte == 0xc2 && next(1) < 0xa0) {
            yaml += fmt::format("\\x{:02X}", next(1));
            i += 1;
        } else if ((byte == 0xe2 && next(1) == 0x80 && (next(2) == 0xa8 || next(2) == 0xa9)) ||
                   (byte == 0xef && ((next(1) == 0xbb && next(2) == 0xbf) ||
                                     (next(1) == 0xbf && next(2) >= 0xbe)))) {
            auto code = (byte & 0x0fu) << 12 | (next(1) & 0x3fu) << 6 | (next(2) & 0x3fu);
            yaml += fmt::format("\\u{:04X}", code);
            i += 2;
        } else {
            yaml += json[i];
        }
    }
    return yaml;
}

}  // namespace

MetaFile::MetaFile(const fs::path& file) {
    auto content = read_file(file);
    try {
        root_ = YAML::Load(content);
    } catch (const YAML::Exception& error) {
        fail(ErrorCode::data_loss, "{} is no YAML: {}", file.string(), error.what());
    }
    if (!root_.IsMap())
        fail(ErrorCode::data_loss, "{} is not a file of MLflow's file store", file.string());
}

std::optional<std::string> MetaFile::optional_text(const char* key) const {
    auto node = root_[key];
    if (!node || !node.IsScalar()) return std::nullopt;
    return node.Scalar();
}

std::string MetaFile::text(const char* key) const {
    return optional_text(key).value_or("");
}

std::optional<std::int64_t> MetaFile::optional_integer(const char* key) const {
    return parse_int(text(key));
}

std::int64_t MetaFile::integer(const char* key) const {
    return optional_integer(key).value_or(0);
}

std::map<std::string, std::string> MetaFile::map(const char* key) const {
    std::map<std::string, std::string> values;
    auto node = root_[key];
    if (!node || !node.IsMap()) return values;
    for (const auto& entry : node)
        values[entry.first.Scalar()] = entry.second.IsScalar() ? entry.second.Scalar() : "";
    return values;
}

MetaWriter& MetaWriter::text(std::string_view key, std::string_view value) {
    return raw(key, yaml_text(value));
}

MetaWriter& MetaWriter::optional(std::string_view key, const std::optional<std::string>& value) {
    return value && !value->empty() ? text(key, *value) : raw(key, "null");
}

MetaWriter& MetaWriter::integer(std::string_view key, std::int64_t value) {
    return raw(key, std::to_string(value));
}

MetaWriter& MetaWriter::raw(std::string_view key, std::string_view value) {
    yaml_ += fmt::format("{}: {}\n", key, value);
    return *this;
}

MetaWriter& MetaWriter::map(std::string_view key,
                            const std::map<std::string, std::string>& values) {
    std::string text = "{";
    for (const auto& [name, value] : values)
        text += (text.size() > 1 ? ", " : "") + yaml_text(name) + ": " + yaml_text(value);
    return raw(key, text + "}");
}

void MetaWriter::write(const fs::path& file) const {
    write_file_atomically(file, yaml_);
}

std::map<std::string, std::string> read_texts(const fs::path& folder) {
    std::map<std::string, std::string> texts;
    std::error_code error;
    if (!fs::is_directory(folder, error)) return texts;
    for (const auto& file : list_files(folder)) texts[file.path] = read_file(folder / file.path);
    return texts;
}

void write_texts(const fs::path& folder, const std::map<std::string, std::string>& texts) {
    fs::create_directories(folder);
    for (const auto& [key, value] : texts) {
        auto file = folder / key;
        fs::create_directories(file.parent_path());
        write_file_atomically(file, value);
    }
}

std::vector<fs::path> subfolders(const fs::path& folder) {
    std::vector<fs::path> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error))
        if (entry.is_directory()) found.push_back(entry.path());
    std::ranges::sort(found);
    return found;
}

bool has_file(const fs::path& path) {
    std::error_code error;
    return fs::is_regular_file(path, error);
}

}  // namespace maru::transfer
