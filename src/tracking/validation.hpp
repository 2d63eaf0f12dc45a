#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// The rules of MLflow for names and lengths, with its own messages, since users' tests match them.
/// All throw invalid_argument.
namespace maru::tracking {

inline constexpr std::size_t kKeyLengthMax = 250;
inline constexpr std::size_t kParameterLengthMax = 6000;
inline constexpr std::size_t kTagLengthMax = 8000;
inline constexpr std::size_t kExperimentTagLengthMax = 20000;
inline constexpr std::size_t kRegistryTagLengthMax = 100'000;

/// Checks the name of a metric, parameter or tag. `path` names the field: "name",
/// "metrics[3].name".
void check_key(std::string_view key, std::string_view path);
/// Checks a length in characters.
void check_length(std::string_view text, std::size_t characters_max, std::string_view what);
void check_parameter(std::string_view key, std::string_view value, std::string_view path = "key");
void check_tag(std::string_view key, std::string_view value, std::string_view path = "key",
               std::size_t value_max = kTagLengthMax);
void check_experiment_name(std::string_view name);
/// Checks how many points of a metric are asked for.
void check_points_max(std::int64_t points_max);
/// Checks a path of an artifact: relative, without "..".
void check_artifact_path(std::string_view path);
/// A text as MLflow's messages quote it: JSON of ASCII alone.
std::string shown_text(std::string_view text);
/// The text's first characters, as MLflow cuts what runs log.
std::string shortened(std::string text, std::size_t characters_max);
/// "Invalid value ... for parameter '...' supplied: ...", as MLflow says it.
[[noreturn]] void fail_value(std::string_view path, std::string_view value,
                             std::string_view message);

}  // namespace maru::tracking
