#include <algorithm>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "serving/service.hpp"

namespace maru::serving {

namespace {

constexpr std::size_t kExampleBytesMax = 1 << 20;

/// "NAME/VERSION" or "NAME@ALIAS" as name and version or alias.
std::pair<std::string_view, std::string_view> split_reference(std::string_view reference) {
    auto at = reference.find_last_of("/@");
    if (at == std::string_view::npos || at == 0 || at + 1 == reference.size())
        fail_field("model", fmt::format("expected NAME/VERSION or NAME@ALIAS, got {}",
                                        json_string(reference.substr(0, 80))));
    if (reference[at] == '/' && !parse_int(reference.substr(at + 1)) &&
        reference.substr(at + 1) != "latest")
        fail_field("model", fmt::format("expected a version number after the '/', got {}",
                                        json_string(reference.substr(at + 1, 80))));
    return {reference.substr(0, at), reference.substr(at + 1)};
}

class PlatformSources final : public Sources {
  public:
    PlatformSources(models::Service& models, environments::Service& environments)
        : models_(models), environments_(environments) {}

    ServedModel find_model(const api::ProjectRef& project, std::string_view reference) override {
        auto [name, version_or_alias] = split_reference(reference);
        auto version = models_.resolve_version(project.id, name, version_or_alias);
        if (version.state != models::VersionState::READY)
            fail(ErrorCode::failed_precondition,
                 "model {} version {} is {}; only a READY one can be served", version.model,
                 version.version, enum_name(version.state));
        ServedModel model;
        model.name = version.model;
        model.version = version.version;
        for (const auto& file : models_.files(project.id, version.model, version.version))
            model.files.push_back({file.path, file.sha256});
        auto description = models_.model_file(project.id, version);
        if (!description)
            fail(ErrorCode::failed_precondition,
                 "model {} version {} can't be served: it has no MLmodel file", model.name,
                 model.version);
        model.has_onnx = description->flavors.contains("onnx");
        model.has_pyfunc = description->flavors.contains("python_function");
        if (description->signature) model.signature = *description->signature;
        auto has_file = [&](std::string_view path) {
            return std::ranges::any_of(model.files, [&](auto& file) { return file.path == path; });
        };
        if (has_file("requirements.txt"))
            model.requirements = models_.read_file(project.id, version, "requirements.txt");
        const auto& example = description->serving_input_path;
        if (example && has_file(*example))
            model.input_example = read_example(project, version, *example);
        return model;
    }

    std::string ensure_environment(const api::ProjectRef& project, std::string_view user,
                                   std::string_view requirements) override {
        return environments_.ensure(project, user, std::nullopt, requirements).id;
    }

  private:
    /// An example is a help for people: a large or broken one is left out.
    Json read_example(const api::ProjectRef& project, const models::ModelVersion& version,
                      std::string_view path) {
        try {
            auto text = models_.read_file(project.id, version, path, kExampleBytesMax);
            check_json(text);
            return {std::move(text)};
        } catch (const Error&) {
            return {};
        }
    }

    models::Service& models_;
    environments::Service& environments_;
};

}  // namespace

std::unique_ptr<Sources> platform_sources(models::Service& models,
                                          environments::Service& environments) {
    return std::make_unique<PlatformSources>(models, environments);
}

}  // namespace maru::serving
