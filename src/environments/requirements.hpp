#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Requirement texts, as of requirements.txt: pure functions.
namespace maru::environments {

/// Brings a requirements text into one form, so that texts that ask for the same get the same
/// environment: comments and blank lines gone, continued lines joined, package names as PEP 503
/// spells them, lines sorted. Throws invalid_argument for a line that a build can't follow (another
/// file, a local path, an editable).
std::vector<std::string> normalise_requirements(std::string_view text);

/// The project names at the head of requirement lines ("scikit-learn" of "scikit-learn>=1.4"),
/// options left out.
std::vector<std::string> requirement_names(const std::vector<std::string>& lines);

/// What an installer's log says went wrong, as one line for a person; empty if it does not say.
std::string explain_build_log(std::string_view log);

}  // namespace maru::environments
