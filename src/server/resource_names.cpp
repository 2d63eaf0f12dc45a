#include "server/resource_names.hpp"

#include "base/error.hpp"
#include "base/text.hpp"

namespace maru::server {
namespace {

template <class Find>
auto unless_missing(Find find) -> std::optional<decltype(find())> {
    try {
        return find();
    } catch (const Error& error) {
        if (error.code() != ErrorCode::not_found) throw;
        return std::nullopt;
    }
}

std::optional<std::int64_t> find_experiment(tracking::Service& tracking, const std::string& project,
                                            const std::string& text) {
    if (auto id = parse_int(text); id && tracking.has_experiment(project, text)) return id;
    auto experiment = tracking.find_experiment(project, text);
    return experiment ? parse_int(experiment->id) : std::nullopt;
}

}  // namespace

identity::ResourceNames resource_names(tracking::Service& tracking, models::Service& models) {
    return {.find = [&tracking, &models](const std::string& project, api::ResourceKind kind,
                                         const std::string& text) -> std::optional<std::int64_t> {
                if (kind == api::ResourceKind::experiment)
                    return find_experiment(tracking, project, text);
                return unless_missing([&] { return models.get_model(project, text).number; });
            },
            .name = [&tracking, &models](const std::string& project, api::ResourceKind kind,
                                         std::int64_t key) -> std::optional<std::string> {
                if (kind == api::ResourceKind::registered_model)
                    return models.model_name(project, key);
                return unless_missing(
                    [&] { return tracking.get_experiment(project, std::to_string(key)).name; });
            }};
}

}  // namespace maru::server
