#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tracking/search/filter.hpp"

namespace maru::tracking {

/// A column of a table of runs: what it is of, and its key.
struct ColumnName {
    search::Subject subject = search::Subject::attribute;
    std::string key;
};

/// Reads "metrics.eval/loss", "params.lr", "tags.team", "attributes.status"; the rest of the name
/// is taken as it is, without quotes. Throws invalid_argument that names `field`.
ColumnName parse_column(std::string_view name, std::string_view field);

}  // namespace maru::tracking
