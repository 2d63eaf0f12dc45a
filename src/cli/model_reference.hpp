#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace maru::cli {

class Session;

/// What people call a model or a version by.
struct ModelReference {
    std::string model;
    std::optional<std::int64_t> version;
};

/// "MODEL", "MODEL/VERSION" or "MODEL@ALIAS", which is looked up; what follows the last slash is a
/// version only if it is a number. Throws invalid_argument; not_found for an alias that isn't
/// there.
ModelReference parse_model_reference(Session& session, const std::string& text);
/// The same, where a version must be named.
ModelReference parse_version_reference(Session& session, const std::string& text);

}  // namespace maru::cli
