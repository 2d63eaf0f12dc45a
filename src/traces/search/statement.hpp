#pragma once

#include <vector>

#include "traces/search/filter.hpp"
#include "tracking/search/conditions.hpp"

namespace maru::traces::search {

using tracking::search::Statement;

/// Appends " AND (what the database can answer of the condition)" about `traces t`, whose
/// experiment is one of `experiments`. What it can't answer, and matches() does, is left out.
void append_condition(Statement& statement, const Condition& condition,
                      const std::vector<std::int64_t>& experiments);
/// Appends the joins that an order needs, before WHERE, and its terms, after ORDER BY.
void append_order_joins(Statement& statement, const std::vector<Order>& orders);
void append_order(Statement& statement, const std::vector<Order>& orders);

}  // namespace maru::traces::search
