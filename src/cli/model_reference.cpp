#include "cli/model_reference.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/session.hpp"
#include "models/operations.hpp"

namespace maru::cli {

ModelReference parse_model_reference(Session& session, const std::string& text) {
    if (auto at = text.rfind('@'); at != std::string::npos && at > 0) {
        std::string name = text.substr(0, at), alias = text.substr(at + 1);
        auto model =
            session.client().call(models::get_model, {.project = session.project(), .model = name});
        if (alias == "latest" && model.latest_version) return {name, model.latest_version};
        auto found = model.aliases.find(alias);
        if (found == model.aliases.end())
            fail(ErrorCode::not_found, "model {} has no alias {}", name, alias);
        return {name, found->second};
    }
    auto slash = text.rfind('/');
    if (slash == std::string::npos) return {text, {}};
    auto version = parse_int(text.substr(slash + 1));
    if (!version) return {text, {}};
    if (*version < 1 || slash == 0)
        fail(ErrorCode::invalid_argument, "expected MODEL/VERSION such as digits/3, got \"{}\"",
             text);
    return {text.substr(0, slash), version};
}

ModelReference parse_version_reference(Session& session, const std::string& text) {
    auto reference = parse_model_reference(session, text);
    if (!reference.version)
        fail(ErrorCode::invalid_argument,
             "expected MODEL/VERSION or MODEL@ALIAS such as {0}/1, got \"{0}\"", text);
    return reference;
}

}  // namespace maru::cli
