#include "models/validation.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "tracking/validation.hpp"

namespace maru::models {

void check_model_name(std::string_view name) {
    if (trim(name).empty())
        fail(ErrorCode::invalid_argument, "Missing value for required parameter 'name'.");
    tracking::check_length(name, 256, "name");
    if (name.find_first_of("/:") != std::string_view::npos)
        fail(ErrorCode::invalid_argument,
             "Invalid model name '{}'. Names cannot contain '/' or ':'.", name);
}

void check_alias(std::string_view alias) {
    auto allowed = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '_' || c == '-' || (static_cast<unsigned char>(c) & 0x80) != 0;
    };
    if (alias.empty())
        fail(ErrorCode::invalid_argument, "Registered model alias name cannot be empty.");
    if (!std::all_of(alias.begin(), alias.end(), allowed))
        fail(ErrorCode::invalid_argument,
             "Invalid alias name: '{}'. Names may only contain alphanumerics, underscores (_), and "
             "dashes (-).",
             alias);
    tracking::check_length(alias, 255, "Registered model alias name");
    if (to_lower(alias) == "latest")
        fail(ErrorCode::invalid_argument, "'latest' alias name (case insensitive) is reserved.");
    bool like_version = alias.size() > 1 && (alias[0] == 'v' || alias[0] == 'V') &&
                        alias.find_first_not_of("0123456789", 1) == std::string_view::npos;
    if (like_version)
        fail(ErrorCode::invalid_argument, "Version alias name '{}' is reserved.", alias);
}

std::string canonical_stage(std::string_view stage) {
    for (std::string_view known : {"None", "Staging", "Production", "Archived"})
        if (to_lower(stage) == to_lower(known)) return std::string(known);
    fail(ErrorCode::invalid_argument,
         "Invalid Model Version stage: {}. Value must be one of None, Staging, Production, "
         "Archived.",
         stage);
}

}  // namespace maru::models
